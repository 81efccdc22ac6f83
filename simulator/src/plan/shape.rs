//! Who is connected to whom.

use std::collections::BTreeSet;

use crate::scenario::{Network, Shape};

/// The connections of so many nodes, the lower number first. The network hangs together in any order of joining in which
/// lower numbers come first.
pub(super) fn edges(network: &Network, nodes: usize, rng: &mut fastrand::Rng) -> Vec<(usize, usize)> {
    let mut edges = BTreeSet::new();
    match network.shape {
        Shape::Random => at_random(0..nodes, network.neighbours, &mut edges, rng),
        Shape::Full => {
            edges.extend((0..nodes).flat_map(|b| (0..b).map(move |a| (a, b))));
        }
        Shape::Ring | Shape::Line => {
            edges.extend((1..nodes).map(|b| (b - 1, b)));
            if network.shape == Shape::Ring && nodes > 2 {
                edges.insert((0, nodes - 1));
            }
        }
        Shape::Star => edges.extend((1..nodes).map(|b| (0, b))),
        Shape::Clusters => clusters(network, nodes, &mut edges, rng),
    }
    edges.into_iter().collect()
}

/// Each opens half of its connections to anyone; the first of them to one before it, so that nobody is left over.
fn at_random(
    nodes: std::ops::Range<usize>,
    neighbours: usize,
    edges: &mut BTreeSet<(usize, usize)>,
    rng: &mut fastrand::Rng,
) {
    for b in nodes.clone().skip(1) {
        edges.insert((rng.usize(nodes.start..b), b));
        for _ in 1..neighbours.div_ceil(2) {
            let a = rng.usize(nodes.clone());
            if a != b {
                edges.insert((a.min(b), a.max(b)));
            }
        }
    }
}

fn clusters(network: &Network, nodes: usize, edges: &mut BTreeSet<(usize, usize)>, rng: &mut fastrand::Rng) {
    let begin = |cluster: usize| cluster * nodes / network.clusters;
    let of = |cluster: usize| begin(cluster)..begin(cluster + 1);
    for cluster in 0..network.clusters {
        at_random(of(cluster), network.neighbours, edges, rng);
        if cluster > 0 {
            for _ in 0..network.bridges {
                edges.insert((rng.usize(of(cluster - 1)), rng.usize(of(cluster))));
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_shape_leaves_a_node_alone() {
        for shape in [Shape::Random, Shape::Full, Shape::Ring, Shape::Line, Shape::Star, Shape::Clusters] {
            for nodes in [3, 10, 77] {
                let network = Network { shape, ..Network::default() };
                let edges = edges(&network, nodes, &mut fastrand::Rng::with_seed(1));
                let mut reached = BTreeSet::from([0]);
                while let Some((a, b)) = edges.iter().find(|(a, b)| reached.contains(a) != reached.contains(b)) {
                    reached.extend([*a, *b]);
                }
                assert_eq!(reached.len(), nodes, "{shape:?} of {nodes}");
                assert!(edges.iter().all(|(a, b)| a < b));
            }
        }
    }
}
