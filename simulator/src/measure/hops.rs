//! A sample of what travelled, for the picture: everything in the seconds after some of the posts, so that one can see
//! these spread, and a few whole announcements and fetches of the rest of the time.

use tidings_transport_mem::{Hop, Parcel};

/// Hops that are kept at most, in the seconds after posts and at other times.
const MOST_AFTER_POSTS: usize = 40_000;
const MOST_ELSE: usize = 12_000;

/// How long after a post everything is kept, in microseconds: longer than news take where nothing gets lost.
const WINDOW: u64 = 4_000_000;

/// The sample.
#[derive(Debug)]
pub(crate) struct Hops {
    /// By the post in whose seconds they were seen.
    after_posts: Sample,
    /// By the number of the announcement or fetch.
    otherwise: Sample,
    /// The post that is being watched, and until when.
    watching: Option<(u64, u64)>,
    /// How many there were.
    pub(crate) seen: u64,
}

/// It keeps everything until there is too much; then what belongs to every second number, every fourth… Numbers begin with 1.
#[derive(Debug)]
struct Sample {
    kept: Vec<(u64, Hop)>,
    stride: u64,
    most: usize,
}

impl Default for Hops {
    fn default() -> Self {
        Hops { after_posts: Sample::new(MOST_AFTER_POSTS), otherwise: Sample::new(MOST_ELSE), watching: None, seen: 0 }
    }
}

impl Hops {
    /// A post was written at this time.
    pub(crate) fn watch(&mut self, post: usize, now: u64) {
        self.watching = Some((post as u64 + 1, now + WINDOW));
    }

    pub(crate) fn see(&mut self, hop: &Hop) {
        if matches!(hop.parcel, Parcel::Control | Parcel::Subscription) {
            return;
        }
        self.seen += 1;
        let left = hop.left.as_micros() as u64;
        match self.watching.filter(|(_, until)| left < *until) {
            Some((post, _)) => self.after_posts.add(post, hop),
            // Announcements and fetches are counted each for itself.
            None => self.otherwise.add(hop.number + 1 + u64::from(hop.parcel != Parcel::Announcement), hop),
        }
    }

    /// What is kept, in the order in which it left: `most` of those after posts at most, and the rest if there is room. And
    /// the stride: a post is watched if its number plus one is a multiple of it.
    pub(crate) fn chosen(&self, most: usize, is_shown: impl Fn(&Hop) -> bool) -> (Vec<Hop>, u64) {
        let mut chosen = Sample { stride: self.after_posts.stride, ..Sample::new(most) };
        let after = self.after_posts.kept.iter().filter(|(_, hop)| is_shown(hop));
        after.for_each(|(post, hop)| chosen.add(*post, hop));
        let mut more =
            Sample { stride: self.otherwise.stride, ..Sample::new((most / 4).max(most - chosen.kept.len()) / 4) };
        let otherwise = self.otherwise.kept.iter().filter(|(_, hop)| is_shown(hop));
        otherwise.for_each(|(number, hop)| more.add(*number, hop));
        let mut hops: Vec<Hop> = chosen.kept.iter().chain(&more.kept).map(|(_, hop)| *hop).collect();
        hops.sort_by_key(|hop| hop.left);
        (hops, chosen.stride)
    }
}

impl Sample {
    fn new(most: usize) -> Self {
        Sample { kept: Vec::new(), stride: 1, most }
    }

    fn add(&mut self, number: u64, hop: &Hop) {
        if !number.is_multiple_of(self.stride) {
            return;
        }
        self.kept.push((number, *hop));
        // Numbers begin with 1, so this ends: at the latest with nothing.
        while self.kept.len() > self.most {
            self.stride *= 2;
            let stride = self.stride;
            self.kept.retain(|(number, _)| number.is_multiple_of(stride));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use tidings_transport_mem::PeerId;

    use super::*;

    #[test]
    fn a_long_run_is_thinned_out_and_the_posts_that_are_kept_are_whole() {
        let mut hops = Hops::default();
        let hop = |number, left| Hop {
            parcel: Parcel::Announcement,
            number,
            from: PeerId(0),
            to: PeerId(1),
            left: Duration::from_micros(left),
            takes: None,
            bytes: 1,
        };
        for post in 0..10_000_u64 {
            let at = post * WINDOW * 2;
            hops.watch(post as usize, at);
            (0..10).for_each(|_| hops.see(&hop(post, at + 5)));
            (0..5).for_each(|_| hops.see(&hop(post, at + WINDOW)));
        }
        assert_eq!((hops.seen, hops.after_posts.stride), (150_000, 4));
        let (chosen, stride) = hops.chosen(10_000, |_| true);
        assert_eq!(stride, 16);
        let after_posts = chosen.iter().filter(|hop| hop.left.as_micros() % 10 == 5);
        assert!(after_posts.count() >= 6250 && chosen.len() <= 12_500, "{}", chosen.len());
    }
}
