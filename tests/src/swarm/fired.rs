//! Which faults have come: one that is configured and never comes tests nothing.

use std::collections::BTreeMap;
use std::fmt;

/// A kind of fault.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[allow(missing_docs, reason = "the names say it")]
pub enum Fault {
    Lost,
    LostControl,
    LostRequests,
    Doubled,
    Replayed,
    Overtaken,
    Clogged,
    Partition,
    Connection,
    Withheld,
    Crash,
    Disk,
    Full,
    Power,
    Rot,
    Wiped,
    Gone,
    Copied,
    Clock,
    Hostile,
}

impl Fault {
    /// Every kind.
    pub const ALL: [Fault; 20] = [
        Fault::Lost,
        Fault::LostControl,
        Fault::LostRequests,
        Fault::Doubled,
        Fault::Replayed,
        Fault::Overtaken,
        Fault::Clogged,
        Fault::Partition,
        Fault::Connection,
        Fault::Withheld,
        Fault::Crash,
        Fault::Disk,
        Fault::Full,
        Fault::Power,
        Fault::Rot,
        Fault::Wiped,
        Fault::Gone,
        Fault::Copied,
        Fault::Clock,
        Fault::Hostile,
    ];
}

/// How often each fault has come.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Fired(BTreeMap<Fault, u64>);

impl Fired {
    /// It has come so many times more.
    pub fn count(&mut self, fault: Fault, times: u64) {
        *self.0.entry(fault).or_default() += times;
    }

    /// How often it has come.
    pub fn times(&self, fault: Fault) -> u64 {
        self.0.get(&fault).copied().unwrap_or(0)
    }

    /// The kinds that have never come.
    pub fn never(&self) -> Vec<Fault> {
        Fault::ALL.into_iter().filter(|fault| self.times(*fault) == 0).collect()
    }
}

impl std::ops::AddAssign<&Fired> for Fired {
    fn add_assign(&mut self, other: &Fired) {
        for (fault, times) in &other.0 {
            self.count(*fault, *times);
        }
    }
}

impl fmt::Display for Fired {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let all: Vec<String> = self.0.iter().map(|(fault, times)| format!("{fault:?} {times}")).collect();
        f.write_str(&all.join(", "))
    }
}
