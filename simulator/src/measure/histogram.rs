//! How long things took, in bounded memory: figures are right to within one per cent, the longest exactly.

/// Buckets in each doubling of time.
const FINE: u32 = 64;

/// Counts of spans, in microseconds.
#[derive(Debug, Clone, Default)]
pub(crate) struct Histogram {
    counts: Vec<u64>,
    total: u64,
    longest: u64,
}

impl Histogram {
    pub(crate) fn add(&mut self, micros: u64) {
        let at = bucket(micros);
        if self.counts.len() <= at {
            self.counts.resize(at + 1, 0);
        }
        self.counts[at] += 1;
        self.total += 1;
        self.longest = self.longest.max(micros);
    }

    pub(crate) fn merge(&mut self, other: &Histogram) {
        if self.counts.len() < other.counts.len() {
            self.counts.resize(other.counts.len(), 0);
        }
        for (mine, theirs) in self.counts.iter_mut().zip(&other.counts) {
            *mine += theirs;
        }
        self.total += other.total;
        self.longest = self.longest.max(other.longest);
    }

    pub(crate) fn count(&self) -> u64 {
        self.total
    }

    /// The time within which this part of all was done, if there was anything.
    pub(crate) fn within(&self, part: f64) -> Option<u64> {
        let wanted = ((self.total as f64 * part).ceil() as u64).max(1);
        let mut sum = 0;
        let at = self.counts.iter().position(|count| {
            sum += count;
            sum >= wanted
        })?;
        Some(middle(at).min(self.longest))
    }

    pub(crate) fn longest(&self) -> Option<u64> {
        (self.total > 0).then_some(self.longest)
    }
}

/// Small values each have a bucket; from there on, [`FINE`] for each power of two.
fn bucket(micros: u64) -> usize {
    let log = micros.max(1).ilog2();
    let fine = FINE.ilog2();
    if log < fine {
        return micros as usize;
    }
    let shift = log - fine;
    (u64::from(FINE * (shift + 1)) + ((micros >> shift) - u64::from(FINE))) as usize
}

/// The value in the middle of a bucket.
fn middle(bucket: usize) -> u64 {
    let (bucket, fine) = (bucket as u64, u64::from(FINE));
    if bucket < fine {
        return bucket;
    }
    let shift = bucket / fine - 1;
    ((fine + bucket % fine) << shift) + (1 << shift) / 2
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_figure_is_never_off_by_more_than_one_per_cent() {
        let mut seen = 0;
        for micros in (0..2000).chain((2..20).flat_map(|power| [(1 << power) * 999, (1 << power) * 1001 + 7])) {
            let back = middle(bucket(micros));
            assert!(back.abs_diff(micros) as f64 <= micros as f64 * 0.01, "{micros} reads back as {back}");
            seen = seen.max(bucket(micros));
        }
        assert!(seen < 2000, "it is small");
    }

    #[test]
    fn quantiles_are_those_of_the_sorted_values() {
        let mut histogram = Histogram::default();
        assert_eq!(histogram.within(0.5), None);
        (1..=100).rev().for_each(|value| histogram.add(value));
        assert_eq!((histogram.within(0.5), histogram.longest()), (Some(50), Some(100)));
        assert_eq!((histogram.within(0.0), histogram.within(1.0)), (Some(1), Some(100)));
    }
}
