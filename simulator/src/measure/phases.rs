//! What each part of a run cost.

use tidings_transport_mem::Traffic;

/// One part of a run, closed.
pub(crate) struct Stretch {
    pub(crate) name: String,
    pub(crate) from: u64,
    pub(crate) to: u64,
    /// What each node sent and got meanwhile; nodes that were never there so far are left out.
    pub(crate) traffic: Vec<Traffic>,
    /// How much happened.
    pub(crate) happened: u64,
    pub(crate) posts: usize,
    /// Copies that were lacking at its end.
    pub(crate) lacking: u64,
}

/// The parts of a run so far.
pub(crate) struct Phases {
    pub(crate) names: Vec<String>,
    pub(crate) done: Vec<Stretch>,
    from: u64,
    before: Vec<Traffic>,
    happened: u64,
    posts: usize,
}

/// The counters at one moment.
pub(crate) struct Reading {
    pub(crate) now: u64,
    /// Of every node; `None` for one that has not joined yet.
    pub(crate) traffic: Vec<Option<Traffic>>,
    pub(crate) happened: u64,
    pub(crate) posts: usize,
    pub(crate) lacking: u64,
}

impl Phases {
    pub(crate) fn new(names: Vec<String>, nodes: usize) -> Self {
        Phases { names, done: Vec::new(), from: 0, before: vec![Traffic::default(); nodes], happened: 0, posts: 0 }
    }

    /// Which one is under way.
    pub(crate) fn current(&self) -> usize {
        self.done.len()
    }

    /// Ends the one that is under way.
    pub(crate) fn close(&mut self, reading: Reading) {
        let Some(name) = self.names.get(self.done.len()).cloned() else { return };
        let mut traffic = Vec::new();
        for (now, before) in reading.traffic.iter().zip(&mut self.before) {
            if let Some(now) = now {
                traffic.push(*now - *before);
                *before = *now;
            }
        }
        self.done.push(Stretch {
            name,
            from: self.from,
            to: reading.now,
            traffic,
            happened: reading.happened - self.happened,
            posts: reading.posts - self.posts,
            lacking: reading.lacking,
        });
        (self.from, self.happened, self.posts) = (reading.now, reading.happened, reading.posts);
    }
}
