//! How many cases a property is tried with.

use proptest::test_runner::Config;

/// So many, times `TIDINGS_DEPTH` if that is set: a long run looks deeper than each change is looked at.
pub(crate) fn cases(usual: u32) -> Config {
    let depth =
        std::env::var("TIDINGS_DEPTH").ok().map_or(1, |depth| depth.parse().expect("TIDINGS_DEPTH is a number"));
    Config::with_cases(usual.saturating_mul(depth))
}
