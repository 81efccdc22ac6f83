//! How a peer answers those who ask it for blocks: the place where dishonest peers plug in.

use std::time::Duration;

use bytes::Bytes;
use cid::Cid;

/// Decides what a peer says when it is asked for a block.
pub trait Conduct: Send + Sync + 'static {
    /// The answer, given what an honest peer would say.
    fn answer(&self, cid: &Cid, honest: Option<Bytes>) -> Answer;
}

/// An answer to one CID.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// These bytes, right or wrong.
    Bytes(Bytes),
    /// These bytes, this much later.
    Late(Bytes, Duration),
    /// "I do not have it."
    DontHave,
    /// Nothing at all: whoever asked has to wait.
    Silence,
}

impl<F> Conduct for F
where
    F: Fn(&Cid, Option<Bytes>) -> Answer + Send + Sync + 'static,
{
    fn answer(&self, cid: &Cid, honest: Option<Bytes>) -> Answer {
        self(cid, honest)
    }
}
