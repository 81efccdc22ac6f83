//! Swarm testing: each seed first draws which faults there are and how strong, then a network lives under them.
//!
//! Two verdicts. Safety, at every step: what was acknowledged is there, whatever crashes; nothing comes in that no honest
//! author wrote. Liveness, in the end: once all is healed and nobody writes any more, all hold the same, and it is what
//! the oracle knows, within a bound of virtual time.

mod faults;
mod hostile;
mod life;

pub use faults::{Faults, Fired};
pub use life::{Outcome, live};
