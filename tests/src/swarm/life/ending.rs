//! The end of a run: everything is healed, and judged.

use std::sync::Arc;
use std::time::Duration;

use tidings_ledger::store::Store;
use tidings_ledger::{Ledger, Library};
use tidings_transport_mem::{Serving, Traffic, World};

use super::super::fired::Fault;
use super::super::hostile::Hostile;
use super::super::verdict::Violation;
use super::{AUTHORS, Life, TOPICS, key, topic};
use crate::oracle::{Oracle, entries};
use crate::walk::walk;

/// How long healing may take: several periods of announcing again, under what loss there still is.
const BOUND: Duration = Duration::from_secs(900);

impl Life {
    /// Ends all faults but what the connections are by nature, and waits until all hold the same.
    pub(super) fn heal(&mut self) -> Result<Duration, Violation> {
        // Plans of flapping and swizzling come to their end.
        self.world.run_for(Duration::from_secs(60));
        self.look_after_disks()?;
        self.world.heal();
        for (a, b) in std::mem::take(&mut self.apart) {
            self.world.connect(a, b, self.faults.link());
        }
        for at in 0..self.peers.len() {
            let id = self.peers[at].id;
            self.world.disconnect(self.hostile.peer(), id);
            if self.peers[at].is_gone {
                continue;
            }
            self.world.set_serving(id, Serving::HONEST);
            self.world.set_skew(id, 0);
            // A fault that has not come yet will not any more.
            self.peers[at].disk.set_full(false);
            self.crash(at, 0);
            self.restart(at)?;
            if self.peers[at].is_rotten {
                self.fired.count(Fault::Rot, 1);
                self.wipe(at)?;
            }
        }
        // What was written by a clock that was ahead is from the future for all now.
        self.world.run_for(Duration::from_secs(900));
        let ledgers = self.ledgers();
        let root = |ledger: &Ledger, at| ledger.topic(&topic(at)).info().map(|info| info.cid);
        let same = |_: &World| {
            (0..TOPICS).all(|at| ledgers.iter().all(|ledger| root(ledger, at) == root(&ledgers[0], at)))
                && ledgers.iter().all(|ledger| ledger.catalog() == ledgers[0].catalog())
        };
        self.world.run_until(BOUND, same).map_err(|late| {
            let counts: Vec<_> =
                ledgers.iter().map(|ledger| ledger.catalog().map(|info| (info.topics, info.entries))).collect();
            Violation::NoAgreement(format!("{late}; topics and entries are {counts:?}"))
        })
    }

    /// All hold what is demanded, and beside it only what somebody signed who may.
    pub(super) fn judge(&self) -> Result<(), Violation> {
        let ledgers = self.ledgers();
        let members: Vec<usize> = (0..self.peers.len()).filter(|at| !self.peers[*at].is_gone).collect();
        for at in &members {
            self.check_roots(*at)?;
        }
        for name in (0..TOPICS).map(topic) {
            let mut oracle = Oracle::default();
            for entry in self.keeping.demanded().filter(|entry| entry.topic() == name.id()) {
                oracle.wrote(&name, entry);
            }
            for entry in entries(&ledgers[0], &name) {
                let author = entry.author();
                if !(0..AUTHORS).any(|known| key(known).author() == author) && !Hostile::may_write(&author) {
                    return Err(Violation::Foreign(entry.id()));
                }
                oracle.wrote(&name, &entry);
            }
            for (ledger, at) in ledgers.iter().zip(&members) {
                if let Some(why) = oracle.difference(ledger, &name) {
                    return Err(Violation::Wrong { peer: *at, why: format!("topic {name}: {why}") });
                }
            }
        }
        Ok(())
    }

    /// Everything below the roots that the member has adopted is there.
    pub(super) fn check_roots(&self, at: usize) -> Result<(), Violation> {
        let broken = |why: String| Violation::Incomplete { peer: at, why };
        let library = Library::new(self.peers[at].disk.clone() as Arc<dyn Store>);
        let ledger = self.world.ledger(self.peers[at].id);
        let mut roots = vec![ledger.catalog().map_err(|why| broken(why.to_string()))?.cid];
        for topic in (0..TOPICS).map(topic) {
            roots.push(ledger.topic(&topic).info().map_err(|why| broken(why.to_string()))?.cid);
        }
        roots.iter().flatten().try_for_each(|root| walk(&library, root).map_err(broken))
    }

    fn ledgers(&self) -> Vec<Ledger> {
        self.ids().into_iter().map(|id| self.world.ledger(id).clone()).collect()
    }

    /// What the network itself counted.
    pub(super) fn count(&mut self) {
        let sum = self.traffic();
        let counted = [
            (Fault::Lost, sum.lost),
            (Fault::LostControl, if self.faults.lost_control > 0 { sum.lost_others } else { 0 }),
            (Fault::LostRequests, if self.faults.lost_requests > 0 { sum.lost_others } else { 0 }),
            (Fault::Doubled, sum.doubled),
            (Fault::Replayed, sum.replayed),
            (Fault::Overtaken, sum.overtaken),
            (Fault::Clogged, sum.clogged),
            (Fault::Withheld, sum.misserved),
        ];
        for (fault, times) in counted {
            self.fired.count(fault, times);
        }
    }

    pub(super) fn traffic(&self) -> Traffic {
        let mut sum = Traffic::default();
        for member in &self.peers {
            sum += self.world.traffic(member.id);
        }
        sum
    }

    /// A fault that was configured and had many occasions must have come.
    pub(super) fn refuse_vacuous(&self, sum: &Traffic) -> Result<(), Violation> {
        /// Expected times from which on chance is no excuse: one in ten thousand million.
        const SURE: u64 = 25;
        let faults = &self.faults;
        let configured = [
            (Fault::Lost, faults.lost, sum.sent),
            (Fault::LostControl, faults.lost_control, sum.controls),
            (Fault::LostRequests, faults.lost_requests, sum.asked),
            (Fault::Doubled, faults.doubled, sum.sent),
            (Fault::Replayed, faults.replayed, sum.sent),
            (Fault::Overtaken, faults.overtaken, sum.sent),
            (Fault::Withheld, faults.withheld, sum.served),
        ];
        for (fault, part, occasions) in configured {
            if part * occasions / 1000 >= SURE && self.fired.times(fault) == 0 {
                return Err(Violation::Vacuous(fault));
            }
        }
        Ok(())
    }
}
