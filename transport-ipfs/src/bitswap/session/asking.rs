//! The asking half of a session: what to send to whom, within the windows.

use std::time::{Duration, Instant};

use cid::Cid;

use super::{Actions, Entry, Kind, Session};

/// Homeless wants are put to the DHT after this long (at once when nobody is connected).
const SEARCH_AFTER: Duration = Duration::from_millis(200);
/// The DHT is asked again after this long.
const SEARCH_AGAIN: Duration = Duration::from_secs(5);
/// Want-haves that one peer is sent at a time.
const PROBES: usize = 64;
/// However many fetches share a foreign peer's window, each may ask for so many blocks at a time.
const LEAST_WINDOW: usize = 16;

impl Session {
    /// How many more wants the source may be sent now.
    fn room(&self, at: usize) -> usize {
        let source = &self.sources[at];
        let window = match source.kin {
            true => self.windows.wants_kin,
            false => self.windows.wants.min(LEAST_WINDOW.max(self.windows.wants / self.sharing.max(1))),
        };
        let outstanding = self.outstanding();
        let expected = outstanding as u64 * self.mean_block + self.unread;
        // One want at least, or a single large block could stop the session for good.
        let by_bytes = match self.windows.bytes.saturating_sub(expected) / self.mean_block.max(1) {
            0 if outstanding == 0 && self.unread == 0 => 1,
            n => n as usize,
        };
        // Refill by halves: a line per block would make a message per block.
        match source.outstanding * 2 > window {
            true => 0,
            false => (window - source.outstanding).min(by_bytes),
        }
    }

    /// Blocks that are on their way, as far as one can hope.
    fn outstanding(&self) -> usize {
        self.sources.iter().filter(|source| !source.stalled).map(|source| source.outstanding).sum()
    }

    /// Sends a source as many wants as it has room for.
    pub(super) fn fill(&mut self, at: usize, now: Instant, out: &mut Actions) {
        if self.held || self.sources[at].kind != Kind::Direct || self.sources[at].stalled {
            return;
        }
        let bit = 1u64 << at;
        let mut room = self.room(at);
        while room > 0 {
            let source = &mut self.sources[at];
            let Some(index) = source.queue.pop_front().or_else(|| self.fresh.pop_front()) else {
                return;
            };
            let slot = &mut self.slots[index as usize];
            if slot.done || slot.asked & bit != 0 {
                continue;
            }
            if slot.denied & bit != 0 {
                self.route(index);
                continue;
            }
            if source.outstanding == 0 {
                source.last_sign = now;
            }
            slot.asked |= bit;
            source.outstanding += 1;
            room -= 1;
            out.send.push((source.peer, want_block(slot.cid)));
        }
    }

    /// Finds the next source for a want, or makes it homeless.
    pub(super) fn route(&mut self, index: u32) {
        let slot = &self.slots[index as usize];
        let excluded = slot.denied | slot.asked;
        let next = self
            .sources
            .iter_mut()
            .enumerate()
            .find(|(at, source)| source.kind == Kind::Direct && !source.stalled && excluded & (1 << at) == 0);
        match next {
            Some((_, source)) => source.queue.push_back(index),
            None => self.homeless.push_back(index),
        }
    }

    /// Gives the homeless wants to a source that became direct.
    pub(super) fn adopt_homeless(&mut self, at: usize) {
        let bit = 1u64 << at;
        let slots = &self.slots;
        let queue = &mut self.sources[at].queue;
        self.homeless.retain(|index| {
            let slot = &slots[*index as usize];
            let take = !slot.done && slot.denied & bit == 0 && slot.asked & bit == 0;
            if take {
                queue.push_back(*index);
            }
            !take && !slot.done
        });
    }

    /// Asks peers of whom nothing is known yet whether they have homeless blocks.
    pub(super) fn probe(&mut self, now: Instant, out: &mut Actions) {
        let slots = &mut self.slots;
        self.homeless.retain(|index| !slots[*index as usize].done);
        for (at, source) in self.sources.iter_mut().enumerate() {
            if source.kind != Kind::Probe || source.probes > 0 {
                continue;
            }
            let bit = 1u64 << at;
            for index in &self.homeless {
                let slot = &mut slots[*index as usize];
                if (slot.denied | slot.probed) & bit != 0 {
                    continue;
                }
                slot.probed |= bit;
                source.probes += 1;
                source.last_sign = now;
                out.send.push((source.peer, want_have(slot.cid)));
                if source.probes == PROBES {
                    break;
                }
            }
        }
    }

    pub(super) fn search(&mut self, now: Instant, out: &mut Actions) {
        let Some(since) = self.homeless_since else {
            return;
        };
        let alone = self.sources.iter().all(|source| source.kind == Kind::Gone);
        let waited = alone || now.duration_since(since) >= SEARCH_AFTER;
        let again = self.last_search.is_none_or(|last| now.duration_since(last) >= SEARCH_AGAIN);
        if waited && again {
            self.last_search = Some(now);
            out.search.extend(self.homeless.iter().take(3).map(|index| self.slots[*index as usize].cid));
            self.dial_hinted(out);
        }
    }
}

pub(super) fn want_block(cid: Cid) -> Entry {
    Entry { cid, cancel: false, have: false, send_dont_have: true }
}

fn want_have(cid: Cid) -> Entry {
    Entry { cid, cancel: false, have: true, send_dont_have: true }
}
