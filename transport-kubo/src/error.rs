//! What can go wrong with starting the transport or dialling a peer.

/// Why the transport did not start.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum StartError {
    /// The address of the RPC is not one.
    #[error("{address:?} is no address of a Kubo RPC: {reason}; write it as in http://127.0.0.1:5001")]
    Address {
        /// What was given.
        address: String,
        /// What is wrong with it.
        reason: String,
    },
    /// A setting is out of its range.
    #[error("configuration: {0}")]
    Config(String),
    /// The HTTP client did not start.
    #[error("cannot start the HTTP client: {0}")]
    Client(String),
    /// The command that is to start the daemon cannot be run.
    #[error("cannot run {command:?}: {reason}")]
    Supervise {
        /// The command.
        command: String,
        /// What the system says.
        reason: String,
    },
    /// The record of what was pinned cannot be read or written.
    #[error("cannot keep the record of pins at {path}: {reason}")]
    Record {
        /// Where.
        path: String,
        /// What the system says.
        reason: String,
    },
    /// There is no tokio runtime to run on.
    #[error("a tokio runtime is needed: call this from within one")]
    NoRuntime,
}

/// Why a peer was not reached.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum DialError {
    /// The text is no multiaddress with a peer.
    #[error("not an address of a peer: {0:?}; expected something like /ip4/192.0.2.1/tcp/4001/p2p/12D3…")]
    Address(String),
    /// The daemon did not reach it, or the daemon was not reached.
    #[error("cannot reach {address}: {reason}")]
    Failed {
        /// The address.
        address: String,
        /// What happened.
        reason: String,
    },
}
