//! When posts reached nodes, for the picture: a sample of posts, each with all the nodes that are shown.

use std::collections::BTreeMap;

/// Times that are kept at most, and posts.
const MOST_TIMES: usize = 40_000;
const MOST_POSTS: usize = 300;

/// A time that has not come.
pub(crate) const NEVER: u64 = u64::MAX;

/// The sample: every post until there are too many, then every second, every fourth…
#[derive(Debug)]
pub(crate) struct Arrivals {
    /// By the post's number: when it reached each shown node.
    pub(crate) kept: BTreeMap<usize, Vec<u64>>,
    /// One of how many posts is kept.
    pub(crate) stride: usize,
    shown: BTreeMap<usize, usize>,
}

impl Arrivals {
    pub(crate) fn new(shown: &[usize]) -> Self {
        let shown = shown.iter().enumerate().map(|(at, node)| (*node, at)).collect();
        Arrivals { kept: BTreeMap::new(), stride: 1, shown }
    }

    /// A post was written.
    pub(crate) fn open(&mut self, post: usize) {
        if !post.is_multiple_of(self.stride) {
            return;
        }
        self.kept.insert(post, vec![NEVER; self.shown.len()]);
        if self.kept.len() > MOST_POSTS.min(MOST_TIMES / self.shown.len().max(1)) {
            self.stride *= 2;
            let stride = self.stride;
            self.kept.retain(|post, _| post.is_multiple_of(stride));
        }
    }

    /// A post reached a node.
    pub(crate) fn note(&mut self, post: usize, node: usize, now: u64) {
        if let (Some(times), Some(at)) = (self.kept.get_mut(&post), self.shown.get(&node)) {
            times[*at] = times[*at].min(now);
        }
    }
}
