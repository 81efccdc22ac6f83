//! A network in one process, under virtual time: the same ledger and driver as in production, and one seed that decides
//! everything.
//!
//! A [`World`] holds any number of peers. It moves time forward by itself, from one event to the next in a total order,
//! so an hour passes in milliseconds and a run can be repeated to the byte: nothing here reads a clock, asks the system
//! for randomness, or depends on the order of a hash map. Links lose, delay, double and overtake; partitions and crashes
//! come when a test says so. It models gossip and fetching, it does not host gossipsub or bitswap.
//!
//! ```
//! use std::time::Duration;
//! use tidings_ledger::{AuthorKey, Draft, TopicName};
//! use tidings_transport_mem::{Link, Setup, World};
//!
//! # fn main() -> Result<(), Box<dyn std::error::Error>> {
//! let mut world = World::new(7);
//! let (a, b) = (world.peer(Setup::default())?, world.peer(Setup::default())?);
//! world.connect(a, b, Link::WAN);
//!
//! let room = TopicName::parse("hello")?;
//! let there = world.ledger(b).topic(&room);
//! there.follow()?;
//! world.run_for(Duration::from_secs(1));
//!
//! let here = world.ledger(a).topic(&room);
//! let key = AuthorKey::from_seed(&[1; 32]);
//! world.wait(here.append(&key, Draft::new("post", "Hello, all!")))?;
//! let took = world.run_until(Duration::from_secs(60), |_| there.info().is_ok_and(|info| info.entries == 1))?;
//! assert!(took < Duration::from_millis(200));
//! # Ok(())
//! # }
//! ```

#![warn(clippy::iter_over_hash_type)]

mod clock;
mod conduct;
mod disk;
mod executor;
mod fetching;
mod gossip;
mod heartbeat;
mod held;
mod hop;
mod kind;
mod lifecycle;
mod link;
mod mesh;
mod net;
mod passing;
mod record;
mod serving;
mod trace;
mod traffic;
mod transport;
mod travel;
mod trouble;
mod waiting;
mod world;

pub use clock::{EPOCH, VirtualClock};
pub use conduct::{Answer, Conduct};
pub use disk::{Disk, DiskFault};
pub use held::Held;
pub use hop::{Hop, Parcel};
pub use kind::Kind;
pub use link::Link;
pub use mesh::Mesh;
pub use net::Limits;
pub use passing::TooLate;
pub use record::{Record, What};
pub use serving::Serving;
pub use traffic::Traffic;
pub use transport::MemTransport;
pub use world::{NoBlocks, PeerId, Setup, World};
