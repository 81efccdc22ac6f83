//! Asking again. A want can be lost without a word: a Kubo whose list of a peer's wants is full drops old ones for new ones, and a Helia
//! does not send a block a second time within some seconds. Peers that run this software lose none.

use std::time::{Duration, Instant};

use super::asking::want_block;
use super::{Actions, Kind, STALL, Session};

/// A source that said nothing for this long is asked once more, and then as often.
const AGAIN: Duration = STALL.saturating_mul(2);
/// Wants that are said again at a time: few enough to find room where others were lost.
const AT_A_TIME: usize = 256;

impl Session {
    /// Asks a silent source again for what no livelier one was asked for.
    ///
    /// Always for the block, though it may have been asked only whether it has it: to Helia, that is another question than the one it believes
    /// to have answered.
    pub(super) fn ask_again(&mut self, at: usize, now: Instant, out: &mut Actions) {
        let bit = 1u64 << at;
        let lively = self.lively() & !bit;
        let source = &mut self.sources[at];
        let since = source.asked_again.map_or(source.last_sign, |last| last.max(source.last_sign));
        if source.kind == Kind::Gone || source.kin || self.held || now.duration_since(since) < AGAIN {
            return;
        }
        source.asked_again = Some(now);
        let lost = self
            .slots
            .iter()
            .filter(|slot| !slot.done && (slot.asked | slot.probed) & bit != 0 && slot.asked & lively == 0);
        out.send.extend(lost.take(AT_A_TIME).map(|slot| (source.peer, want_block(slot.cid))));
    }

    /// The sources, as bits, from which blocks are to be expected.
    fn lively(&self) -> u64 {
        let lively = |(at, source): (usize, &super::Source)| match source.kind == Kind::Direct && !source.stalled {
            true => 1u64 << at,
            false => 0,
        };
        self.sources.iter().enumerate().map(lively).sum()
    }
}
