//! What a scenario file may say, with the defaults. Keys that are not here are refused.

use std::time::Duration;

use serde::Deserialize;

use super::units::{Bandwidth, Between, Often, Part, Shift, Size, Span};
use super::who::Who;

/// A scenario: a network, what happens in it, and what is expected of it.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is called.
    pub name: String,
    /// What it is about, for whoever reads the report.
    #[serde(default)]
    pub about: String,
    /// How long it goes on. After that nobody writes any more.
    pub length: Span,
    /// How long it may take after that until all hold the same.
    #[serde(default = "ten_minutes")]
    pub patience: Span,
    /// How nodes are connected.
    #[serde(default)]
    pub network: Network,
    /// What connections are like, unless a group or an event says otherwise.
    #[serde(default)]
    pub link: LinkKeys,
    /// The nodes, in groups of a kind.
    pub group: Vec<Group>,
    /// What they talk about.
    pub topic: Vec<Topic>,
    /// Who writes how much.
    #[serde(default)]
    pub posts: Vec<Posts>,
    /// What goes wrong, and when.
    #[serde(default)]
    pub event: Vec<Event>,
    /// Parts of the run that are reported apart from each other.
    #[serde(default)]
    pub phase: Vec<Phase>,
    /// What must hold at the end.
    #[serde(default)]
    pub expect: Expect,
}

/// How nodes are connected.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    /// Who is connected to whom.
    pub shape: Shape,
    /// Neighbours of a node, on average, in a random network or within a cluster.
    pub neighbours: usize,
    /// Clusters of a clustered network.
    pub clusters: usize,
    /// Connections between one cluster and the next.
    pub bridges: usize,
    /// Neighbours to whom a node passes announcements on (gossipsub's D); the others are told what there is to ask for.
    pub mesh: usize,
    /// How often a node repeats the state of a topic, unless it heard the same meanwhile.
    pub reannounce: Span,
}

impl Default for Network {
    fn default() -> Self {
        Network {
            shape: Shape::Random,
            neighbours: 8,
            clusters: 3,
            bridges: 2,
            mesh: 6,
            reannounce: Span(Duration::from_secs(60)),
        }
    }
}

/// Who is connected to whom.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Shape {
    /// Anyone with anyone, at random.
    Random,
    /// Everyone with everyone.
    Full,
    /// Each with the next, the last with the first.
    Ring,
    /// Each with the next.
    Line,
    /// Everyone with the first.
    Star,
    /// Random within each cluster, and a few bridges from one cluster to the next.
    Clusters,
}

/// What connections are like; what is not said stays as it was.
#[derive(Debug, Clone, Copy, PartialEq, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct LinkKeys {
    /// What everything takes at least.
    pub latency: Option<Span>,
    /// The mean of the rest, which varies.
    pub jitter: Option<Span>,
    /// The part of announcements that gets lost.
    pub loss: Option<Part>,
    /// The part of announcements that arrives twice.
    pub duplicates: Option<Part>,
    /// The part of announcements that arrives once more within five minutes.
    pub replays: Option<Part>,
    /// The part of messages that others overtake.
    pub reordered: Option<Part>,
    /// Bytes a second.
    pub bandwidth: Option<Bandwidth>,
}

/// Nodes of a kind.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Group {
    /// Its name. Its nodes are called so, with a number.
    pub name: String,
    /// How many nodes.
    #[serde(default = "one")]
    pub count: usize,
    /// Whether they hold every topic of the network.
    #[serde(default)]
    pub mirror: bool,
    /// Which topics they follow; all, if this is not said.
    pub follow: Option<Vec<String>>,
    /// When they join.
    #[serde(default = "at_once")]
    pub join: Between<Span>,
    /// To whom each of them is connected, beside what the network's shape says.
    pub connect: Option<Who>,
    /// What is different about their connections.
    #[serde(default)]
    pub link: LinkKeys,
    /// How far their clocks are off at most, before or after.
    #[serde(default)]
    pub clock: Span,
    /// The part of attached files that each of them opens.
    #[serde(default)]
    pub opens_files: Part,
}

/// A topic.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Topic {
    /// A page's address or a room.
    pub name: String,
    /// Entries that are there when the run begins.
    #[serde(default)]
    pub history: usize,
    /// Who holds these; the first node, if this is not said.
    pub history_at: Option<Who>,
}

/// Who writes how much.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Posts {
    /// Who writes.
    pub by: Who,
    /// Where; the first topic, if this is not said.
    pub topic: Option<String>,
    /// The mean pause between two posts of one writer. Pauses vary as chance does.
    pub every: Span,
    /// From when on.
    #[serde(default)]
    pub from: Span,
    /// Until when; to the end, if this is not said.
    pub until: Option<Span>,
    /// How long a text is.
    #[serde(default = "usual_text")]
    pub text: Between<Size>,
    /// The part of posts that answer an earlier one.
    #[serde(default)]
    pub replies: Part,
    /// The part of posts that take an earlier one of the same author back.
    #[serde(default)]
    pub redactions: Part,
    /// The part of posts with a file.
    #[serde(default)]
    pub files: Part,
    /// How large a file is.
    #[serde(default = "usual_file")]
    pub file: Between<Size>,
}

/// Something that happens at a time. Which keys it takes depends on what it does.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Event {
    /// When.
    pub at: Span,
    /// What.
    #[serde(rename = "do")]
    pub what: What,
    /// To whom.
    pub who: Option<Who>,
    /// How long it lasts; to the end, if this is not said.
    #[serde(rename = "for")]
    pub lasts: Option<Span>,
    /// `clock`: how far.
    pub by: Option<Shift>,
    /// `flood`: how often. `withhold`: see `part`.
    pub rate: Option<Often>,
    /// `flood`: how many strangers.
    pub strangers: Option<usize>,
    /// `withhold`: the part of blocks.
    pub part: Option<Part>,
    /// `withhold`: what is answered instead.
    pub answer: Option<Instead>,
    /// `burst`: how many posts each writes at once.
    pub posts: Option<usize>,
    /// `burst`: where.
    pub topic: Option<String>,
    /// `link`: as in `[link]`.
    pub latency: Option<Span>,
    /// `link`: as in `[link]`.
    pub jitter: Option<Span>,
    /// `link`: as in `[link]`.
    pub loss: Option<Part>,
    /// `link`: as in `[link]`.
    pub duplicates: Option<Part>,
    /// `link`: as in `[link]`.
    pub replays: Option<Part>,
    /// `link`: as in `[link]`.
    pub reordered: Option<Part>,
    /// `link`: as in `[link]`.
    pub bandwidth: Option<Bandwidth>,
}

/// What an event does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum What {
    /// Everything between them and the others is lost, and nobody is told.
    Partition,
    /// Everything that they send is lost, and nobody is told.
    Mute,
    /// Everything that is sent to them is lost, and nobody is told.
    Deafen,
    /// Everything between them and others waits, as in a connection that hangs.
    Clog,
    /// They lose their connections, and know it. They may write meanwhile.
    Offline,
    /// They stop at this very moment; what was durable is there when they start again.
    Crash,
    /// They stop, and start again with nothing.
    Wipe,
    /// They go for good.
    Leave,
    /// Their connections are different.
    Link,
    /// Their clocks are off.
    Clock,
    /// Their disks are full: nothing can be written.
    Full,
    /// Strangers send them junk, forgeries and lies.
    Flood,
    /// They do not give what they are asked for.
    Withhold,
    /// They all write at once.
    Burst,
}

/// What a node answers that withholds a block.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Instead {
    /// Nothing.
    Silence,
    /// That it has no such block.
    Denial,
    /// Other bytes.
    Lie,
}

/// A part of the run that is reported by itself, until the next one begins.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Phase {
    /// What it is called.
    pub name: String,
    /// When it begins.
    pub from: Span,
}

/// What must hold at the end, or the run has failed.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Expect {
    /// Whatever was acknowledged is there, wherever it should be.
    pub nothing_lost: bool,
    /// Nothing is anywhere that no writer of the scenario wrote.
    pub nothing_foreign: bool,
    /// After the end, all that are there hold the same within this time.
    pub converged_within: Option<Span>,
    /// Half of all news reaches those who are there within this time.
    pub p50: Option<Span>,
    /// 99 % of all news do.
    pub p99: Option<Span>,
    /// All news do.
    pub last: Option<Span>,
    /// Whoever comes (back) has caught up within this time.
    pub caught_up_within: Option<Span>,
    /// No node sends and gets more than this.
    pub bytes_per_node: Option<Size>,
    /// Peers were held responsible at least so often.
    pub demerits_at_least: Option<u64>,
}

impl Default for Expect {
    fn default() -> Self {
        Expect {
            nothing_lost: true,
            nothing_foreign: true,
            converged_within: None,
            p50: None,
            p99: None,
            last: None,
            caught_up_within: None,
            bytes_per_node: None,
            demerits_at_least: None,
        }
    }
}

fn ten_minutes() -> Span {
    Span(Duration::from_secs(600))
}

fn one() -> usize {
    1
}

fn at_once() -> Between<Span> {
    Between { least: Span::default(), most: Span::default() }
}

/// The lengths between which most comments of the real world lie.
fn usual_text() -> Between<Size> {
    Between { least: Size(40), most: Size(800) }
}

fn usual_file() -> Between<Size> {
    Between { least: Size(20_000), most: Size(400_000) }
}
