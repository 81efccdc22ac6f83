//! What a run can violate.

use std::fmt;

use tidings_ledger::EntryId;

use super::fired::Fault;

/// A promise that was broken.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Violation {
    /// A peer had acknowledged an entry and has it no more, though nothing destroyed it.
    Lost {
        /// Which one.
        peer: usize,
        /// Which entry.
        entry: EntryId,
    },
    /// An entry is nowhere, though a copy of it was never destroyed.
    Vanished(EntryId),
    /// A peer does not open again after a crash.
    NoOpen {
        /// Which one.
        peer: usize,
        /// What its store or its ledger says.
        why: String,
    },
    /// Something below an adopted root is missing.
    Incomplete {
        /// Which peer's.
        peer: usize,
        /// What.
        why: String,
    },
    /// An entry came in that nobody wrote who may.
    Foreign(EntryId),
    /// All is healed, and they do not agree within the bound.
    NoAgreement(String),
    /// They agree, and it is not what the oracle knows.
    Wrong {
        /// Which peer.
        peer: usize,
        /// What is wrong.
        why: String,
    },
    /// A fault was configured, had many occasions, and never came: the run tests less than it says.
    Vacuous(Fault),
    /// Something panicked.
    Panic(String),
}

impl Violation {
    /// Whether the other one is of the same kind: what a smaller plan must still show.
    pub fn is_like(&self, other: &Violation) -> bool {
        std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

impl fmt::Display for Violation {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Violation::Lost { peer, entry } => write!(f, "peer {peer} had acknowledged {entry} and lost it"),
            Violation::Vanished(entry) => write!(f, "{entry} was acknowledged, and nobody has it any more"),
            Violation::NoOpen { peer, why } => write!(f, "peer {peer} does not open again: {why}"),
            Violation::Incomplete { peer, why } => write!(f, "peer {peer} adopted a root that is not complete: {why}"),
            Violation::Foreign(entry) => write!(f, "{entry} came in, which nobody wrote who may"),
            Violation::NoAgreement(why) => write!(f, "no agreement: {why}"),
            Violation::Wrong { peer, why } => write!(f, "peer {peer}: {why}"),
            Violation::Vacuous(fault) => write!(f, "{fault:?} was configured and never came"),
            Violation::Panic(why) => write!(f, "a panic: {why}"),
        }
    }
}
