//! Swarm testing: each seed first draws which faults there are and how strong, and a plan of what is going to happen; then
//! a network lives through it.
//!
//! Two verdicts. Safety, at every step: what was acknowledged is there, whatever crashes; nothing comes in that no honest
//! author wrote; every adopted root is complete. Liveness, in the end: once all is healed and nobody writes any more, all
//! hold the same, and it is what the oracle knows, within a bound of virtual time.
//!
//! A plan is data: it can be written down, read back, and made smaller. [`shrink()`] makes of a plan that fails the smallest
//! one that it finds and that still fails; such plans are kept in `tests/regressions/` and lived through by every test run.

mod draw;
mod faults;
mod fired;
mod hostile;
mod keeping;
mod life;
mod op;
mod plan;
mod shrink;
mod verdict;

pub use faults::Faults;
pub use fired::{Fault, Fired};
pub use life::{Outcome, live};
pub use op::{Act, Op};
pub use plan::{BadPlan, Plan};
pub use shrink::shrink;
pub use verdict::Violation;
