//! What becomes of peers: crashes, restarts, wipes, copies, and clocks that jump.

use std::sync::Arc;

use tidings_ledger::Library;
use tidings_ledger::store::{Store, StoreError};

use crate::disk::copy;
use crate::record::What;
use crate::transport::MemTransport;
use crate::world::{PeerId, Setup, World};

impl World {
    /// Ends a peer at this very moment, without a farewell. Its store stays as it is. A peer that is never restarted is
    /// lost for good.
    pub fn crash(&mut self, peer: PeerId) {
        let running = self.nodes[peer.0].running.take();
        if let Some((_, task)) = &running {
            self.executor.cancel(*task);
        }
        {
            let mut net = self.net.lock();
            let neighbours = net.neighbours(peer.0);
            net.peers[peer.0].die();
            for neighbour in neighbours {
                net.part(peer.0, neighbour);
            }
            net.note(What::Crashed(peer));
        }
        // The ledger goes last, when nothing is locked.
        drop(running);
    }

    /// Lets a peer crash after so many more events of the world, wherever it stands then; unless it is restarted before.
    pub fn crash_after(&mut self, peer: PeerId, events: u64) {
        let life = self.net.lock().peers[peer.0].life;
        self.doomed.entry(self.happened + events).or_default().push((peer, life));
    }

    /// Carries out the crashes whose event has come.
    pub(crate) fn strike(&mut self) {
        while let Some(first) = self.doomed.first_entry().filter(|first| *first.key() <= self.happened) {
            for (peer, life) in first.remove() {
                let is_same = self.net.lock().is_alive(peer.0, life);
                if is_same && self.is_up(peer) {
                    self.crash(peer);
                }
            }
        }
    }

    /// Starts a crashed peer again on what its store holds; its connections come back.
    pub fn restart(&mut self, peer: PeerId) -> Result<(), StoreError> {
        let store = self.nodes[peer.0].store.clone();
        self.restart_on(peer, store)
    }

    /// Starts a crashed peer again on another store.
    pub fn restart_on(&mut self, peer: PeerId, store: Arc<dyn Store>) -> Result<(), StoreError> {
        self.start_again(peer, store, What::Restarted(peer))
    }

    /// Ends a peer, if it is up, and starts it again with an empty store.
    pub fn wipe(&mut self, peer: PeerId) -> Result<(), StoreError> {
        let empty = Arc::new(self.memory());
        self.wipe_to(peer, empty)
    }

    /// The same with an empty store of one's own.
    pub fn wipe_to(&mut self, peer: PeerId, store: Arc<dyn Store>) -> Result<(), StoreError> {
        if self.is_up(peer) {
            self.crash(peer);
        }
        self.start_again(peer, store, What::Wiped(peer))
    }

    /// Adds a peer that starts from a copy of what another one has stored: a restored backup, or one data folder on two
    /// machines. Whoever writes through both with one key forks the author's chain.
    pub fn copy(&mut self, peer: PeerId) -> Result<PeerId, StoreError> {
        let store = self.memory();
        let node = &self.nodes[peer.0];
        copy(&*node.store, &store)?;
        self.peer(Setup { options: node.options.clone(), store: Some(Arc::new(store)), skew: node.skew })
    }

    fn start_again(&mut self, peer: PeerId, store: Arc<dyn Store>, how: What) -> Result<(), StoreError> {
        let (life, seed) = {
            let mut net = self.net.lock();
            let seed = net.rng.u64(..);
            let state = &mut net.peers[peer.0];
            state.is_up = true;
            state.blocks = Arc::new(Library::new(store.clone()));
            (state.life, seed)
        };
        let node = &mut self.nodes[peer.0];
        node.transport = Arc::new(MemTransport::new(self.net.clone(), peer.0, life));
        node.store = store;
        node.options.seed = seed;
        self.start(peer)?;
        let mut net = self.net.lock();
        net.note(how);
        for neighbour in net.neighbours(peer.0) {
            net.introduce(peer.0, neighbour);
        }
        Ok(())
    }

    /// Sets how far the peer's clock is off, in milliseconds. What it waits for comes when it would have come anyway, as
    /// with the timers of an operating system.
    pub fn set_skew(&mut self, peer: PeerId, millis: i64) {
        self.net.lock().peers[peer.0].skew = millis;
    }

    /// Lets the peer's clock jump by so many milliseconds, forward or back.
    pub fn jump(&mut self, peer: PeerId, millis: i64) {
        let mut net = self.net.lock();
        let skew = &mut net.peers[peer.0].skew;
        *skew = skew.saturating_add(millis);
        net.note(What::ClockJumped(peer, millis));
    }
}
