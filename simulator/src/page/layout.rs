//! Where nodes stand in the picture: those that are connected near each other, the rest apart.

/// Steps of settling: enough for a few hundred nodes to come to rest.
const STEPS: usize = 160;

/// The picture's width and height.
pub(super) const SIDE: f64 = 1000.0;

/// Places for so many nodes, in a square of [`SIDE`]. Springs pull along the connections, and all push each other away.
pub(super) fn places(nodes: usize, edges: &[(usize, usize)]) -> Vec<(i32, i32)> {
    // A sunflower's head to begin with: the same every time, and nobody on top of another.
    let golden = std::f64::consts::PI * (3.0 - 5_f64.sqrt());
    let start = |at: usize| {
        let (radius, angle) = (((at as f64 + 0.5) / nodes.max(1) as f64).sqrt() * 0.5, at as f64 * golden);
        (0.5 + radius * angle.cos(), 0.5 + radius * angle.sin())
    };
    let mut places: Vec<(f64, f64)> = (0..nodes).map(start).collect();
    let ideal = 0.9 / (nodes.max(1) as f64).sqrt();
    for step in 0..STEPS {
        let warmth = 0.08 * (1.0 - step as f64 / STEPS as f64);
        let forces = forces(&places, edges, ideal);
        for (place, (x, y)) in places.iter_mut().zip(forces) {
            let length = (x * x + y * y).sqrt().max(1e-9);
            let most = length.min(warmth);
            place.0 += x / length * most;
            place.1 += y / length * most;
        }
    }
    fitted(&places)
}

fn forces(places: &[(f64, f64)], edges: &[(usize, usize)], ideal: f64) -> Vec<(f64, f64)> {
    let mut forces = vec![(0.0, 0.0); places.len()];
    for a in 0..places.len() {
        for b in 0..a {
            let (x, y) = (places[a].0 - places[b].0, places[a].1 - places[b].1);
            let push = ideal * ideal / (x * x + y * y).max(1e-6);
            forces[a].0 += x * push;
            forces[a].1 += y * push;
            forces[b].0 -= x * push;
            forces[b].1 -= y * push;
        }
        // Towards the middle, so that nobody drifts out of sight.
        forces[a].0 += (0.5 - places[a].0) * 0.6 * ideal;
        forces[a].1 += (0.5 - places[a].1) * 0.6 * ideal;
    }
    for (a, b) in edges {
        let (x, y) = (places[*a].0 - places[*b].0, places[*a].1 - places[*b].1);
        // Weaker where there are many, or a dense network would be one dot.
        let pull = (x * x + y * y).sqrt() / ideal * 0.25;
        forces[*a].0 -= x * pull;
        forces[*a].1 -= y * pull;
        forces[*b].0 += x * pull;
        forces[*b].1 += y * pull;
    }
    forces
}

/// Stretched to fill the square, in whole numbers.
fn fitted(places: &[(f64, f64)]) -> Vec<(i32, i32)> {
    let range = |of: fn(&(f64, f64)) -> f64| {
        let values = places.iter().map(of);
        (values.clone().fold(f64::MAX, f64::min), values.fold(f64::MIN, f64::max))
    };
    let ((left, right), (top, bottom)) = (range(|place| place.0), range(|place| place.1));
    let fit = |value: f64, (least, most): (f64, f64)| {
        if most - least < 1e-9 { SIDE / 2.0 } else { (value - least) / (most - least) * SIDE }
    };
    places.iter().map(|(x, y)| (fit(*x, (left, right)) as i32, fit(*y, (top, bottom)) as i32)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_nodes_stand_on_one_place_and_all_are_in_the_picture() {
        for (nodes, edges) in [(1, vec![]), (2, vec![(0, 1)]), (60, (1..60).map(|b| (b / 2, b)).collect::<Vec<_>>())] {
            let mut places = places(nodes, &edges);
            assert!(places.iter().all(|(x, y)| (0..=1000).contains(x) && (0..=1000).contains(y)));
            places.sort_unstable();
            places.dedup();
            assert_eq!(places.len(), nodes);
        }
    }
}
