//! Faults of fetching: what a peer's answers are like.

use std::time::Duration;

/// How a peer serves the blocks that it holds. Each part is a chance that is drawn for every block; the default is an honest
/// and quick peer. For a peer that lies in a way of its own, see [`Conduct`](crate::Conduct).
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Serving {
    /// Says that it does not have the block.
    pub denied: f64,
    /// Says nothing, so that whoever asked has to wait.
    pub silent: f64,
    /// Sends other bytes.
    pub wrong: f64,
    /// Answers late, on average by [`Serving::late_by`].
    pub late: f64,
    /// How late, on average.
    pub late_by: Duration,
    /// Blocks answered of one request; the rest is passed over in silence, as Kubo does with too long a wish-list.
    pub most: usize,
}

impl Serving {
    /// All that is there, at once.
    pub const HONEST: Serving =
        Serving { denied: 0.0, silent: 0.0, wrong: 0.0, late: 0.0, late_by: Duration::from_secs(2), most: usize::MAX };
}

impl Default for Serving {
    fn default() -> Self {
        Self::HONEST
    }
}
