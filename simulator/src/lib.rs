//! Scenarios: what would happen to a network of Tidings nodes if…
//!
//! A [`Scenario`] is a text file that says how many nodes there are, how they are connected, who writes what, what goes
//! wrong, and what must hold at the end. [`run()`] lets it happen under virtual time and says what came of it. What
//! hostile strangers do can be added to: see [`Act`].

mod acts;
mod measure;
mod page;
mod plan;
mod ready;
mod report;
mod run;
pub mod scenario;
mod trace;

pub use acts::{Act, Scene, acts};
pub use ready::{READY, Ready, ready};
pub use report::{Expectation, PhaseFigures, Report, Spread, Times};
pub use run::{Findings, Options, Progress, RunError, run};
pub use scenario::{Scenario, ScenarioError};

/// The program in the guide, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/simulate.md")]
struct Guide;
