//! The transport of Tidings over libp2p: announcements by gossipsub, blocks by Bitswap, strangers by Kademlia.
mod bitswap;
mod config;
mod counters;
mod error;
mod events;
mod identity;
mod meter;
mod network;
mod node;
mod standing;
mod status;

pub use config::{BitswapConfig, Config, GossipConfig, KadMode, LimitsConfig, ProvideConfig};
pub use counters::CounterSnapshot;
pub use error::{DialError, StartError};
pub use identity::{Identity, IdentityError};
pub use network::{NetworkId, NetworkIdError};
pub use node::IpfsTransport;
pub use status::{Direction, PeerStatus, Status};
