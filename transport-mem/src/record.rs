//! What happened in a world: one record for each thing that is worth a line.

use std::fmt;
use std::time::Duration;

use tidings_ledger::transport::{Channel, Demerit, Verdict};

use crate::kind::Kind;
use crate::world::PeerId;

/// One thing that happened. Its [`Display`](fmt::Display) is a line of the readable trace.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Record {
    /// When, in virtual time since the world began.
    pub at: Duration,
    /// What.
    pub what: What,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum What {
    /// A peer published a message.
    Published {
        /// Who.
        peer: PeerId,
        /// The message's number.
        message: u64,
        /// Where.
        channel: Channel,
        /// Its length.
        bytes: usize,
    },
    /// A message reached a peer that listens, for the first time.
    Heard {
        /// Who heard.
        peer: PeerId,
        /// From which neighbour.
        from: PeerId,
        /// The message's number.
        message: u64,
    },
    /// A peer judged a message.
    Judged {
        /// Who.
        peer: PeerId,
        /// The message's number.
        message: u64,
        /// The verdict.
        verdict: Verdict,
    },
    /// Something got lost on its way.
    Lost {
        /// The sender.
        from: PeerId,
        /// Who will not get it.
        to: PeerId,
        /// What it was.
        kind: Kind,
    },
    /// A peer began to fetch blocks.
    Fetches {
        /// Who.
        peer: PeerId,
        /// The fetch's number.
        fetch: u64,
        /// How many it asks for.
        blocks: usize,
    },
    /// Blocks reached whoever asked for them.
    Got {
        /// Who.
        peer: PeerId,
        /// From whom.
        from: PeerId,
        /// The fetch's number.
        fetch: u64,
        /// How many came that were right and still missing.
        blocks: usize,
    },
    /// A fetch ended without all of its blocks.
    GaveUp {
        /// Who.
        peer: PeerId,
        /// The fetch's number.
        fetch: u64,
        /// How many are missing.
        blocks: usize,
    },
    /// A peer holds something against another.
    Demerit {
        /// Who.
        peer: PeerId,
        /// Against whom, by name.
        against: String,
        /// What.
        demerit: Demerit,
    },
    /// Two peers were connected.
    Connected(PeerId, PeerId),
    /// Two peers lost their connection.
    Disconnected(PeerId, PeerId),
    /// What one sends to the other is lost from now on.
    Cut(PeerId, PeerId),
    /// What one sends to the other arrives again.
    Mended(PeerId, PeerId),
    /// What one sends to the other waits from now on.
    Clogged(PeerId, PeerId),
    /// What waited goes on.
    Unclogged(PeerId, PeerId),
    /// A peer ended without a farewell.
    Crashed(PeerId),
    /// A peer started again on what its store held.
    Restarted(PeerId),
    /// A peer started again with nothing.
    Wiped(PeerId),
    /// A peer's clock went forward or back, in milliseconds.
    ClockJumped(PeerId, i64),
    /// Something that a test took note of.
    Noted(String),
}

impl fmt::Display for Record {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:>12.6} {}", self.at.as_secs_f64(), self.what)
    }
}

impl fmt::Display for What {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            What::Published { peer, message, channel, bytes } => {
                let topic = channel.topic().to_string();
                write!(f, "{peer} publishes message {message} of {bytes} bytes on {:.8}…", topic)
            }
            What::Heard { peer, from, message } => write!(f, "{peer} hears message {message} from {from}"),
            What::Judged { peer, message, verdict } => write!(f, "{peer} judges message {message}: {verdict:?}"),
            What::Lost { from, to, kind } => write!(f, "{kind:?} from {from} to {to} is lost"),
            What::Fetches { peer, fetch, blocks } => write!(f, "{peer} fetches {blocks} blocks (fetch {fetch})"),
            What::Got { peer, from, fetch, blocks } => {
                write!(f, "{peer} gets {blocks} blocks from {from} (fetch {fetch})")
            }
            What::GaveUp { peer, fetch, blocks } => write!(f, "{peer} gives up on {blocks} blocks (fetch {fetch})"),
            What::Demerit { peer, against, demerit } => write!(f, "{peer} holds against {against}: {demerit:?}"),
            What::Connected(a, b) => write!(f, "{a} and {b} connect"),
            What::Disconnected(a, b) => write!(f, "{a} and {b} lose each other"),
            What::Cut(a, b) => write!(f, "from {a} to {b} nothing arrives any more"),
            What::Mended(a, b) => write!(f, "from {a} to {b} messages arrive again"),
            What::Clogged(a, b) => write!(f, "from {a} to {b} everything waits"),
            What::Unclogged(a, b) => write!(f, "from {a} to {b} what waited goes on"),
            What::Crashed(peer) => write!(f, "{peer} crashes"),
            What::Restarted(peer) => write!(f, "{peer} restarts"),
            What::Wiped(peer) => write!(f, "{peer} restarts with nothing"),
            What::ClockJumped(peer, millis) => write!(f, "the clock of {peer} jumps by {millis} ms"),
            What::Noted(what) => f.write_str(what),
        }
    }
}
