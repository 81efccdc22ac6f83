//! What becomes of members and their disks: crashes, losses of power, rot, wiping; and whether they come back whole.

use std::sync::Arc;

use cid::Cid;
use tidings_ledger::transport::Blocks;
use tidings_ledger::{Entry, Library};
use tidings_transport_mem::Disk;

use super::super::fired::Fault;
use super::super::op::Op;
use super::super::verdict::Violation;
use super::{Life, Member};

/// Copies of data folders in one run, at most.
const COPIES: usize = 2;

impl Life {
    pub(super) fn crash(&mut self, at: usize, events: u64) {
        let id = self.peers[at].id;
        if self.world.is_up(id) {
            match events {
                0 => self.world.crash(id),
                _ => self.world.crash_after(id, events),
            }
            self.fired.count(Fault::Crash, 1);
        }
    }

    /// Starts a member that is down again, and looks whether all that it had acknowledged is there.
    pub(super) fn restart(&mut self, at: usize) -> Result<(), Violation> {
        let Member { id, is_gone, is_rotten, .. } = self.peers[at];
        if is_gone || self.world.is_up(id) {
            return Ok(());
        }
        // If the power went in the midst of a batch, some is gone.
        self.destroy(at, |member| member.disk = member.disk.reopened().expect("memory undoes"))?;
        match self.world.restart_on(id, self.peers[at].disk.clone()) {
            Ok(()) => {}
            // Its owner reads the message, and does what it says.
            Err(_) if is_rotten => return self.wipe(at),
            Err(why) => return Err(Violation::NoOpen { peer: at, why: why.to_string() }),
        }
        self.follow(at);
        if is_rotten {
            return Ok(());
        }
        let ledger = self.world.ledger(id);
        for entry in self.keeping.demanded_of(at) {
            let found =
                ledger.entry(&entry.id()).map_err(|why| Violation::NoOpen { peer: at, why: why.to_string() })?;
            if found.is_none() {
                return Err(Violation::Lost { peer: at, entry: entry.id() });
            }
        }
        self.check_roots(at)
    }

    pub(super) fn disk_trouble(&mut self, op: Op) -> Result<(), Violation> {
        match op {
            Op::Power { peer, kept } => {
                let at = self.index(peer);
                if self.peers[at].is_gone {
                    return Ok(());
                }
                self.crash(at, 0);
                self.fired.count(Fault::Power, u64::from(self.peers[at].disk.unsynced() > kept as usize));
                self.destroy(at, |member| {
                    member.disk = member.disk.after_power_loss(kept as usize).expect("memory undoes");
                })
            }
            Op::Disk { peer, fault, commits } => {
                let disk = &self.peers[self.index(peer)].disk;
                disk.fail_at(disk.commits() + commits, fault);
                Ok(())
            }
            Op::Full { peer, on } => {
                self.peers[self.index(peer)].disk.set_full(on > 0);
                self.fired.count(Fault::Full, on);
                Ok(())
            }
            Op::Rot { peer, part, salt } => {
                let at = self.index(peer);
                let mut rng = fastrand::Rng::with_seed(salt);
                self.destroy(at, |member| {
                    let rotten = member.disk.rot(part as f64 / 1000.0, &mut rng).expect("memory reads");
                    member.is_rotten |= rotten > 0;
                })
            }
            _ => Ok(()),
        }
    }

    pub(super) fn lifecycle(&mut self, op: Op) -> Result<(), Violation> {
        match op {
            Op::Wipe { peer } => {
                let at = self.index(peer);
                if self.peers[at].is_gone {
                    return Ok(());
                }
                self.fired.count(Fault::Wiped, 1);
                self.wipe(at)
            }
            Op::Lose { peer } => {
                let at = self.index(peer);
                if self.peers[at].is_gone || self.ids().len() < 3 {
                    return Ok(());
                }
                self.crash(at, 0);
                self.fired.count(Fault::Gone, 1);
                self.destroy(at, |member| member.is_gone = true)
            }
            Op::Copy { peer } => {
                let member = &self.peers[self.index(peer)];
                if member.is_gone || member.is_rotten || self.copies >= COPIES {
                    return Ok(());
                }
                let copy = member.disk.copied().expect("memory copies");
                self.copies += 1;
                self.fired.count(Fault::Copied, 1);
                self.join(Arc::new(copy), member.options.clone());
                Ok(())
            }
            _ => Ok(()),
        }
    }

    /// Empties a member's disk and starts it with that.
    pub(super) fn wipe(&mut self, at: usize) -> Result<(), Violation> {
        let empty = Arc::new(Disk::new().syncing_every(self.faults.sync_every));
        self.destroy(at, |member| {
            member.disk = empty.clone();
            member.is_rotten = false;
        })?;
        let opened = self.world.wipe_to(self.peers[at].id, empty);
        opened.map_err(|why| Violation::NoOpen { peer: at, why: why.to_string() })?;
        self.follow(at);
        Ok(())
    }

    /// Does something that may destroy entries. What nobody has any more after that is not demanded of anybody; what
    /// nobody had before had vanished by itself.
    fn destroy(&mut self, at: usize, how: impl FnOnce(&mut Member)) -> Result<(), Violation> {
        let before = libraries(&self.peers);
        if let Some(entry) = self.keeping.demanded().find(|entry| !before.iter().any(|library| has(library, entry))) {
            return Err(Violation::Vanished(entry.id()));
        }
        how(&mut self.peers[at]);
        let after = libraries(&self.peers);
        let own = Library::new(self.peers[at].disk.peek());
        let is_gone = self.peers[at].is_gone;
        let is_anywhere = |entry: &Entry| after.iter().any(|library| has(library, entry));
        self.keeping.destroyed(at, |entry| !is_gone && has(&own, entry), is_anywhere);
        Ok(())
    }

    /// Members whose disk died go down with it, and those whose disk turned out to be rotten are wiped.
    pub(super) fn look_after_disks(&mut self) -> Result<(), Violation> {
        for at in 0..self.peers.len() {
            let member = &self.peers[at];
            if member.disk.is_dead() && self.world.is_up(member.id) {
                self.world.crash(member.id);
            }
            if self.peers[at].disk.has_failed() && !self.world.is_up(self.peers[at].id) {
                self.fired.count(Fault::Disk, 1);
                self.destroy(at, |member| member.disk = member.disk.reopened().expect("memory undoes"))?;
            }
            if self.peers[at].is_rotten && self.peers[at].disk.rot_met() > 0 && !self.peers[at].is_gone {
                self.fired.count(Fault::Rot, 1);
                self.wipe(at)?;
            }
        }
        Ok(())
    }
}

/// What each member's disk serves, the process running or not.
fn libraries(peers: &[Member]) -> Vec<Library> {
    peers.iter().filter(|member| !member.is_gone).map(|member| Library::new(member.disk.peek())).collect()
}

/// Whether a disk has the entry, with its body or without.
fn has(library: &Library, entry: &Entry) -> bool {
    let is_there = |cid: &Cid| library.get(cid).is_ok_and(|block| block.is_some());
    is_there(&entry.file_cid()) || is_there(&entry.redacted().file_cid())
}
