//! What happens in a run, one by one. Each operation stands for itself: it makes sense wherever others were left out.

use tidings_transport_mem::DiskFault;

/// One operation. Peers, authors and topics are numbers taken modulo how many there are; a `salt` decides the rest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[allow(missing_docs, reason = "the fields' names say it")]
pub enum Op {
    /// Time passes, in milliseconds.
    Wait { millis: u64 },
    /// A peer appends so many entries of one author to one topic; one of them may be a redaction.
    Write { peer: u64, topic: u64, author: u64, count: u64, salt: u64 },
    /// A partition between those whose bit is set and the others: 0 both ways, 1 one way, 2 flapping.
    Cut { mask: u64, how: u64 },
    /// A peer is cut off from all others.
    Isolate { peer: u64 },
    /// Connections are clogged one after another, and unclogged in another order.
    Swizzle { millis: u64 },
    /// Partitions and clogged connections end.
    Heal,
    /// Two peers lose their connection.
    Part { a: u64, b: u64 },
    /// The pair that lost its connection last finds it again.
    Meet,
    /// A peer crashes at once, or at the event of this number from now.
    Crash { peer: u64, events: u64 },
    /// A peer that is down starts again.
    Restart { peer: u64 },
    /// A peer loses its power, and with it all but so many of the commits that were not synced.
    Power { peer: u64, kept: u64 },
    /// A commit of a peer is going to fail: this one, counted from now.
    Disk { peer: u64, fault: DiskFault, commits: u64 },
    /// A peer's disk is full from now on, or no longer.
    Full { peer: u64, on: u64 },
    /// So many in a thousand of a peer's values rot; its owner empties the disk when that shows.
    Rot { peer: u64, part: u64, salt: u64 },
    /// A peer starts again with nothing.
    Wipe { peer: u64 },
    /// A peer is lost for good.
    Lose { peer: u64 },
    /// A peer's data folder runs on a second machine, too.
    Copy { peer: u64 },
    /// A peer's clock jumps: forward by so many milliseconds, or back when `back` is 1.
    Jump { peer: u64, millis: u64, back: u64 },
    /// A hostile stranger does something.
    Hostile { act: Act, topic: u64, salt: u64 },
}

/// What a hostile stranger does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Act {
    /// Bytes that mean nothing.
    Junk,
    /// A root that nobody has.
    NoRoot,
    /// A folder of names that lead nowhere, or to junk.
    Lies,
    /// An entry with one bit changed, in an announcement.
    Forged,
    /// The same in a folder.
    ForgedInFolder,
    /// An entry whose body was taken away without a redaction.
    Bodiless,
    /// An entry from the year 9000.
    Future,
    /// An old root once more, with a count that is made up.
    Inflated,
    /// A signature that was crafted, with a key of small order: good for any message by some rules, for none by others.
    Crafted,
    /// Two entries in one place of an author's chain, one for these and one for those.
    Equivocates,
    /// Entries whose ids were chosen so that a tree of them is badly cut.
    Ground,
    /// A thousand announcements at once.
    Flood,
}

impl Op {
    /// Every operation's words and numbers, as a plan has them on one line.
    pub(super) fn to_line(self) -> String {
        let (name, numbers): (&str, Vec<u64>) = match self {
            Op::Wait { millis } => ("wait", vec![millis]),
            Op::Write { peer, topic, author, count, salt } => ("write", vec![peer, topic, author, count, salt]),
            Op::Cut { mask, how } => ("cut", vec![mask, how]),
            Op::Isolate { peer } => ("isolate", vec![peer]),
            Op::Swizzle { millis } => ("swizzle", vec![millis]),
            Op::Heal => ("heal", vec![]),
            Op::Part { a, b } => ("part", vec![a, b]),
            Op::Meet => ("meet", vec![]),
            Op::Crash { peer, events } => ("crash", vec![peer, events]),
            Op::Restart { peer } => ("restart", vec![peer]),
            Op::Power { peer, kept } => ("power", vec![peer, kept]),
            Op::Disk { peer, fault, commits } => (disk_word(fault), vec![peer, commits]),
            Op::Full { peer, on } => ("full", vec![peer, on]),
            Op::Rot { peer, part, salt } => ("rot", vec![peer, part, salt]),
            Op::Wipe { peer } => ("wipe", vec![peer]),
            Op::Lose { peer } => ("lose", vec![peer]),
            Op::Copy { peer } => ("copy", vec![peer]),
            Op::Jump { peer, millis, back } => ("jump", vec![peer, millis, back]),
            Op::Hostile { act, topic, salt } => (act.name(), vec![topic, salt]),
        };
        let numbers: Vec<String> = numbers.iter().map(u64::to_string).collect();
        [&[name.to_owned()], &numbers[..]].concat().join(" ")
    }

    /// The same with fewer entries.
    pub(super) fn halved(self) -> Op {
        match self {
            Op::Write { peer, topic, author, count, salt } => {
                Op::Write { peer, topic, author, count: (count / 2).max(1), salt }
            }
            other => other,
        }
    }

    /// The same with less time.
    pub(super) fn with_less_time(self) -> Op {
        match self {
            Op::Wait { millis } => Op::Wait { millis: millis / 2 },
            Op::Swizzle { millis } => Op::Swizzle { millis: (millis / 2).max(1) },
            Op::Jump { peer, millis, back } => Op::Jump { peer, millis: millis / 2, back },
            other => other,
        }
    }

    /// Reads such a line.
    pub(super) fn from_line(line: &str) -> Option<Op> {
        let mut words = line.split_whitespace();
        let name = words.next()?;
        let numbers: Vec<u64> = words.map(|word| word.parse().ok()).collect::<Option<_>>()?;
        Some(match (name, numbers.as_slice()) {
            ("wait", &[millis]) => Op::Wait { millis },
            ("write", &[peer, topic, author, count, salt]) => Op::Write { peer, topic, author, count, salt },
            ("cut", &[mask, how]) => Op::Cut { mask, how },
            ("isolate", &[peer]) => Op::Isolate { peer },
            ("swizzle", &[millis]) => Op::Swizzle { millis },
            ("heal", []) => Op::Heal,
            ("part", &[a, b]) => Op::Part { a, b },
            ("meet", []) => Op::Meet,
            ("crash", &[peer, events]) => Op::Crash { peer, events },
            ("restart", &[peer]) => Op::Restart { peer },
            ("power", &[peer, kept]) => Op::Power { peer, kept },
            ("full", &[peer, on]) => Op::Full { peer, on },
            ("rot", &[peer, part, salt]) => Op::Rot { peer, part, salt },
            ("wipe", &[peer]) => Op::Wipe { peer },
            ("lose", &[peer]) => Op::Lose { peer },
            ("copy", &[peer]) => Op::Copy { peer },
            ("jump", &[peer, millis, back]) => Op::Jump { peer, millis, back },
            (name, &[first, second]) => {
                if let Some((_, fault)) = DISK_FAULTS.into_iter().find(|(word, _)| *word == name) {
                    Op::Disk { peer: first, fault, commits: second }
                } else {
                    let act = Act::ALL.into_iter().find(|act| act.name() == name)?;
                    Op::Hostile { act, topic: first, salt: second }
                }
            }
            _ => return None,
        })
    }
}

/// How a commit can fail, by the word for it.
pub(super) const DISK_FAULTS: [(&str, DiskFault); 5] = [
    ("disk-full", DiskFault::Full),
    ("disk-error", DiskFault::Io),
    ("disk-crash-before", DiskFault::CrashBefore),
    ("disk-crash-after", DiskFault::CrashAfter),
    ("disk-torn", DiskFault::Torn),
];

fn disk_word(fault: DiskFault) -> &'static str {
    DISK_FAULTS.into_iter().find(|(_, known)| *known == fault).map_or("disk-error", |(word, _)| word)
}

impl Act {
    /// Every kind.
    pub const ALL: [Act; 12] = [
        Act::Junk,
        Act::NoRoot,
        Act::Lies,
        Act::Forged,
        Act::ForgedInFolder,
        Act::Bodiless,
        Act::Future,
        Act::Inflated,
        Act::Crafted,
        Act::Equivocates,
        Act::Ground,
        Act::Flood,
    ];

    const fn name(self) -> &'static str {
        match self {
            Act::Junk => "hostile-junk",
            Act::NoRoot => "hostile-no-root",
            Act::Lies => "hostile-lies",
            Act::Forged => "hostile-forged",
            Act::ForgedInFolder => "hostile-forged-in-folder",
            Act::Bodiless => "hostile-bodiless",
            Act::Future => "hostile-future",
            Act::Inflated => "hostile-inflated",
            Act::Crafted => "hostile-crafted",
            Act::Equivocates => "hostile-equivocates",
            Act::Ground => "hostile-ground",
            Act::Flood => "hostile-flood",
        }
    }
}
