//! What the page is made of: the film of a run, small enough to be one file.

use std::collections::BTreeMap;

use serde::Serialize;
use tidings_transport_mem::{Hop, Parcel, PeerId};

use super::layout;
use crate::measure::{Film, NEVER};
use crate::run::Run;
use crate::scenario::What;

/// Hops that go into the page at most.
const MOST_HOPS: usize = 16_000;
/// Connections that are drawn at most.
const MOST_EDGES: usize = 3_000;
/// Times in the page are in units of so many microseconds.
const UNIT: u64 = 100;

/// Everything that moves on the page.
#[derive(Debug, Clone, Serialize)]
pub(crate) struct Picture {
    /// Microseconds of one unit of time.
    unit: u64,
    /// When the run ends.
    end: u64,
    frame: u64,
    groups: Vec<String>,
    nodes: Vec<Node>,
    /// Pairs, one after the other.
    edges: Vec<usize>,
    events: Vec<Happening>,
    frames: Frames,
    /// For each node its levels, run by run: see `levels`.
    heat: Vec<String>,
    topics: Vec<String>,
    posts: Vec<Post>,
    /// Five numbers for each: units since the one before, units under way (-1 if lost), from, to, what.
    hops: Vec<i64>,
    sample: Sample,
}

#[derive(Debug, Clone, Serialize)]
struct Node {
    label: String,
    group: usize,
    x: i32,
    y: i32,
}

/// An event of the scenario.
#[derive(Debug, Clone, Serialize)]
struct Happening {
    at: u64,
    end: u64,
    what: String,
    text: String,
    nodes: Vec<usize>,
}

#[derive(Debug, Clone, Default, Serialize)]
struct Frames {
    wanted: Vec<u64>,
    lacking: Vec<u64>,
    there: Vec<u32>,
    bytes: Vec<u64>,
    sent: Vec<u64>,
    lost: Vec<u64>,
    posts: Vec<u32>,
}

#[derive(Debug, Clone, Serialize)]
struct Post {
    at: u64,
    by: String,
    topic: usize,
    /// Whether everything is kept that travelled in the seconds after it.
    is_filmed: bool,
    /// For each shown node the units until it had it; -1 never, -2 it does not follow the topic.
    took: Vec<i64>,
}

/// How much of it is shown.
#[derive(Debug, Clone, Serialize)]
struct Sample {
    nodes: [usize; 2],
    edges: [usize; 2],
    posts: [usize; 2],
    hops: [u64; 2],
}

impl Picture {
    pub(crate) fn of(run: &Run) -> Option<Picture> {
        let film = run.film.as_ref()?;
        let place_of: BTreeMap<usize, usize> = film.shown.iter().enumerate().map(|(at, node)| (*node, at)).collect();
        let shown_edges: Vec<(usize, usize)> =
            run.edges().iter().filter_map(|(a, b)| Some((*place_of.get(a)?, *place_of.get(b)?))).collect();
        let step = shown_edges.len().div_ceil(MOST_EDGES).max(1);
        let drawn: Vec<(usize, usize)> = shown_edges.iter().step_by(step).copied().collect();
        let (hops, stride) = hops(run, &place_of);
        let posts = posts(run, film, stride);
        let sample = Sample {
            nodes: [film.shown.len(), run.members()],
            edges: [drawn.len(), run.edges().len()],
            posts: [posts.len(), run.tally().posts.iter().filter(|post| !post.is_history).count()],
            hops: [hops.len() as u64 / 5, run.hops.lock().seen],
        };
        Some(Picture {
            unit: UNIT,
            end: run.phases.done.last().map_or(0, |last| last.to) / UNIT,
            frame: film.frame / UNIT,
            groups: run.scenario.group.iter().map(|group| group.name.clone()).collect(),
            nodes: nodes(run, film, &shown_edges),
            edges: drawn.iter().flat_map(|(a, b)| [*a, *b]).collect(),
            events: events(run, &place_of),
            frames: frames(film),
            heat: (0..film.shown.len()).map(|node| levels(film, node)).collect(),
            topics: run.scenario.topic.iter().map(|topic| topic.name.clone()).collect(),
            posts,
            hops,
            sample,
        })
    }
}

fn nodes(run: &Run, film: &Film, edges: &[(usize, usize)]) -> Vec<Node> {
    let places = layout::places(film.shown.len(), edges);
    let members = film.shown.iter().map(|node| run.member(*node));
    members
        .zip(places)
        .map(|(member, (x, y))| Node { label: member.label.clone(), group: member.group, x, y })
        .collect()
}

fn frames(film: &Film) -> Frames {
    let mut all = Frames::default();
    for frame in &film.frames {
        all.wanted.push(frame.wanted);
        all.lacking.push(frame.lacking);
        all.there.push(frame.there);
        all.bytes.push(frame.bytes);
        all.sent.push(frame.sent);
        all.lost.push(frame.lost);
        all.posts.push(frame.posts);
    }
    all
}

/// How much a node lacks in each frame, as runs of a level and a count in base 36: `0` nothing, then one level for each
/// doubling, `-` not there.
fn levels(film: &Film, node: usize) -> String {
    let level = |lacks: &Option<u32>| match lacks {
        None => '-',
        Some(lacks) => char::from_digit((u32::BITS - lacks.leading_zeros()).min(9), 10).unwrap_or('9'),
    };
    let all: Vec<char> = film.frames.iter().map(|frame| frame.nodes.get(node).map_or('-', level)).collect();
    let runs = all.chunk_by(|a, b| a == b).map(|run| format!("{}{}", run[0], base36(run.len())));
    runs.collect::<Vec<_>>().join(".")
}

fn base36(mut number: usize) -> String {
    let mut digits = Vec::new();
    while number > 0 {
        digits.push(char::from_digit((number % 36) as u32, 36).unwrap_or('0'));
        number /= 36;
    }
    digits.iter().rev().collect()
}

fn posts(run: &Run, film: &Film, stride: usize) -> Vec<Post> {
    let Some(arrivals) = run.arrivals() else { return Vec::new() };
    let tally = run.tally();
    let mut posts = Vec::new();
    for (number, times) in &arrivals.kept {
        let post = &tally.posts[*number];
        let took = film.shown.iter().zip(times).map(|(node, time)| match time {
            _ if tally.followers(post.topic).binary_search(node).is_err() => -2,
            &NEVER => -1,
            time => (time.saturating_sub(post.at) / UNIT) as i64,
        });
        let by = run.member(post.node).label.clone();
        let is_filmed = (number + 1).is_multiple_of(stride);
        posts.push(Post { at: post.at / UNIT, by, topic: post.topic, is_filmed, took: took.collect() });
    }
    posts
}

/// The hops, and one of how many posts has all of its own.
fn hops(run: &Run, place_of: &BTreeMap<usize, usize>) -> (Vec<i64>, usize) {
    let node_of = run.nodes_of_peers();
    let place = |peer: PeerId| place_of.get(node_of.get(&peer.0)?).copied();
    let shown = |hop: &Hop| Some((place(hop.from)?, place(hop.to)?));
    let (hops, stride) = run.hops.lock().chosen(MOST_HOPS, |hop| shown(hop).is_some());
    let (mut flat, mut last) = (Vec::new(), 0);
    for hop in &hops {
        let Some((from, to)) = shown(hop) else { continue };
        let left = hop.left.as_micros() as i64 / UNIT as i64;
        let takes = hop.takes.map_or(-1, |takes| takes.as_micros() as i64 / UNIT as i64);
        let kind = match hop.parcel {
            Parcel::Announcement => 0,
            Parcel::Request => 1,
            Parcel::Answer => 2,
            Parcel::Control | Parcel::Subscription => continue,
        };
        flat.extend([left - last, takes, from as i64, to as i64, kind]);
        last = left;
    }
    (flat, stride as usize)
}

fn events(run: &Run, place_of: &BTreeMap<usize, usize>) -> Vec<Happening> {
    let scenario = &run.scenario;
    let length = scenario.length.0;
    let event = |(at, event): (usize, &crate::scenario::Event)| {
        let nodes: Vec<usize> = run.concerned(at).iter().filter_map(|node| place_of.get(node).copied()).collect();
        let who = event.who.as_ref().map_or_else(|| "all".to_owned(), ToString::to_string);
        let what = match event.what {
            What::Partition => format!("{who}: cut off from the rest"),
            What::Mute => format!("{who}: what they send is lost"),
            What::Deafen => format!("{who}: what is sent to them is lost"),
            What::Clog => format!("{who}: connections hang"),
            What::Offline => format!("{who}: offline"),
            What::Crash => format!("{who}: crashed"),
            What::Wipe => format!("{who}: lost everything"),
            What::Leave => format!("{who}: gone for good"),
            What::Link => format!("{who}: other connections"),
            What::Full => format!("{who}: disks are full"),
            What::Clock => format!("{who}: wrong clocks"),
            What::Flood => format!("{who}: flooded by strangers"),
            What::Withhold => format!("{who}: withhold blocks"),
            What::Burst => format!("{who}: all write at once"),
        };
        let is_moment = matches!(event.what, What::Burst);
        let end = if is_moment { event.at.0 } else { (event.at.0 + event.span(scenario)).min(length) };
        Happening {
            at: event.at.0.as_micros() as u64 / UNIT,
            end: end.as_micros() as u64 / UNIT,
            what: format!("{:?}", event.what).to_lowercase(),
            text: what,
            nodes,
        }
    };
    scenario.event.iter().enumerate().map(event).collect()
}
