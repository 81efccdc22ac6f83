//! Where a folder is cut into nodes.
//!
//! As in a Merkle search tree (Auvolat and Taïani 2019) and a prolly tree, the cuts depend on the ids alone and not on
//! the order in which entries came: an item whose id ends in `5·k` zero bits ends a node on every level below `k`. Mean
//! fan-out is 2⁵ = 32. Ids can be ground by their author, so a node is also cut after [`FORCED_CUT`] links.

/// Zero bits an id must end in, for each level that it closes.
const BITS_PER_LEVEL: u32 = 5;

/// No id closes more levels than this: it would take 2⁶⁰ attempts.
const MAX_RANK: u32 = 12;

/// A topic with at most this many links is one flat directory, as a person would make it.
pub(crate) const FLAT: u64 = 64;

/// A node is cut here at the latest. Eight times the mean: a natural node is longer only once in 3,000.
pub(crate) const FORCED_CUT: usize = 256;

/// The deepest tree that is read: twelve natural levels and what forced cuts may add.
pub(crate) const MAX_DEPTH: usize = 20;

/// How many levels the item with this id closes.
pub(crate) fn rank(id: &[u8; 32]) -> u8 {
    let mut zeros = 0;
    for byte in id.iter().rev() {
        zeros += byte.trailing_zeros();
        if *byte != 0 {
            break;
        }
    }
    (zeros / BITS_PER_LEVEL).min(MAX_RANK) as u8
}

/// Decides, link by link, where the nodes of one level end.
pub(crate) struct Cutter {
    level: u8,
    flat: bool,
    links: usize,
}

impl Cutter {
    /// For the nodes of this level; `flat` never cuts.
    pub(crate) fn new(level: u8, flat: bool) -> Self {
        Cutter { level, flat, links: 0 }
    }

    /// Takes an item of this many links and this rank; says whether the node ends behind it.
    pub(crate) fn ends_after(&mut self, links: usize, rank: u8) -> bool {
        self.links += links;
        let ends = !self.flat && (rank > self.level || self.links >= FORCED_CUT);
        if ends {
            self.links = 0;
        }
        ends
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rank_counts_zero_bits_at_the_end() {
        let mut id = [0xff; 32];
        assert_eq!(rank(&id), 0);
        id[31] = 0b1110_0000;
        assert_eq!(rank(&id), 1);
        id[31] = 0;
        assert_eq!(rank(&id), 1);
        id[30] = 0b1111_1100;
        assert_eq!(rank(&id), 2);
        assert_eq!(rank(&[0; 32]), 12);
    }

    #[test]
    fn a_ground_id_cannot_make_a_node_without_end() {
        let mut cutter = Cutter::new(0, false);
        let ends = (0..10_000).filter(|_| cutter.ends_after(1, 0)).count();
        assert_eq!(ends, 10_000 / FORCED_CUT);
    }
}
