//! The run in frames, for the picture: how much was lacking where, and what travelled meanwhile.

/// Frames that are kept at most; when there are more, two become one.
const MOST: usize = 720;

/// Nodes that are shown at most; of more, every so manieth is.
const MOST_NODES: usize = 600;

/// What was so at the end of a frame, and what happened in it.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Frame {
    /// Copies that those who are there should have, and lack.
    pub(crate) wanted: u64,
    pub(crate) lacking: u64,
    /// Nodes that are there.
    pub(crate) there: u32,
    /// Bytes and announcements that all nodes sent, and what got lost.
    pub(crate) bytes: u64,
    pub(crate) sent: u64,
    pub(crate) lost: u64,
    pub(crate) rounds: u64,
    pub(crate) posts: u32,
    /// Posts that each shown node lacks; `None` for one that is not there.
    pub(crate) nodes: Vec<Option<u32>>,
}

/// Frames of equal length.
#[derive(Debug)]
pub(crate) struct Film {
    /// How long a frame is, in microseconds.
    pub(crate) frame: u64,
    pub(crate) frames: Vec<Frame>,
    /// The nodes that are shown.
    pub(crate) shown: Vec<usize>,
}

impl Film {
    pub(crate) fn new(length: u64, nodes: usize) -> Self {
        let every = nodes.div_ceil(MOST_NODES);
        let frame = (length / 480).max(1000);
        Film { frame, frames: Vec::new(), shown: (0..nodes).step_by(every).collect() }
    }

    /// When the frame ends that is under way.
    pub(crate) fn next(&self) -> u64 {
        (self.frames.len() as u64 + 1) * self.frame
    }

    pub(crate) fn add(&mut self, frame: Frame) {
        self.frames.push(frame);
        if self.frames.len() >= MOST {
            self.frame *= 2;
            let halved = self.frames.chunks(2).map(|pair| join(&pair[0], &pair[1])).collect();
            self.frames = halved;
        }
    }
}

/// Levels are those of the second but for what is lacking, of which the worst is kept; flows are added up.
fn join(a: &Frame, b: &Frame) -> Frame {
    let worse = |a: &Option<u32>, b: &Option<u32>| match (a, b) {
        (Some(a), Some(b)) => Some(*a.max(b)),
        _ => *b,
    };
    let is_worse = a.lacking * b.wanted.max(1) > b.lacking * a.wanted.max(1);
    let level = if is_worse { a } else { b };
    Frame {
        wanted: level.wanted,
        lacking: level.lacking,
        there: b.there,
        bytes: a.bytes + b.bytes,
        sent: a.sent + b.sent,
        lost: a.lost + b.lost,
        rounds: a.rounds + b.rounds,
        posts: a.posts + b.posts,
        nodes: a.nodes.iter().zip(&b.nodes).map(|(a, b)| worse(a, b)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_film_of_any_length_is_bounded_and_loses_no_bytes() {
        let mut film = Film::new(1_000_000, 1000);
        assert_eq!(film.shown.len(), 500);
        let frame = Frame { bytes: 7, wanted: 10, nodes: vec![None; 500], ..Frame::default() };
        (0..5000).for_each(|at| film.add(Frame { lacking: at % 3, ..frame.clone() }));
        assert!(film.frames.len() < MOST);
        assert!(film.frames[..100].iter().all(|frame| frame.lacking == 2), "the worst is kept");
        assert_eq!(film.frames.iter().map(|frame| frame.bytes).sum::<u64>(), 35_000);
    }
}
