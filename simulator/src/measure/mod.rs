//! What is measured while a run goes on.

mod arrivals;
mod film;
mod histogram;
mod hops;
mod phases;
mod tally;

pub(crate) use arrivals::{Arrivals, NEVER};
pub(crate) use film::{Film, Frame};
pub(crate) use histogram::Histogram;
pub(crate) use hops::Hops;
pub(crate) use phases::{Phases, Reading, Stretch};
pub(crate) use tally::Tally;
