//! The transport against a daemon that is played: it can lie, forget and stall as no real one does on demand.

mod daemon;
mod fetching;
mod giving;
mod listening;
