//! What can go wrong with starting a node or dialling a peer.

use libp2p::Multiaddr;

/// Why the node did not start.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address is taken by another program, or by another node.
    #[error("cannot listen on {address}: the port is in use; stop the other program, or choose another port")]
    PortInUse {
        /// The address.
        address: Multiaddr,
    },
    /// The address cannot be listened on.
    #[error("cannot listen on {address}: {reason}")]
    Listen {
        /// The address.
        address: Multiaddr,
        /// What the system or the transport says.
        reason: String,
    },
    /// A setting is out of its range.
    #[error("configuration: {0}")]
    Config(String),
    /// There is no tokio runtime to run on.
    #[error("a tokio runtime is needed: call this from within one")]
    NoRuntime,
    /// A part of the network stack did not start.
    #[error("cannot start the network stack: {0}")]
    Stack(String),
}

/// Why a peer was not reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The text is no multiaddress.
    #[error("not an address: {0:?}; expected something like /ip4/192.0.2.1/tcp/4281/p2p/12D3…")]
    Address(String),
    /// The attempt failed.
    #[error("cannot reach {address}: {reason}")]
    Failed {
        /// The address.
        address: String,
        /// What happened.
        reason: String,
    },
    /// The transport has stopped.
    #[error("the transport has stopped")]
    Closed,
}
