//! How names, times and authors look on a terminal.

use std::time::{SystemTime, UNIX_EPOCH};

use tidings_ledger::Time;

use crate::output::sanitise_line;

/// A topic's name without the prefix that says what it is.
pub(super) fn name(canonical: &str) -> String {
    let plain = canonical.strip_prefix("url:").or_else(|| canonical.strip_prefix("room:")).unwrap_or(canonical);
    sanitise_line(plain)
}

/// A time as `2026-11-20 23:42`.
pub(super) fn moment(millis: u64) -> String {
    let text = Time::from_millis(millis.min(Time::MAX.as_millis())).to_string();
    let part = |from: usize, to: usize| text.get(from..to).unwrap_or_default();
    format!("{}-{}-{} {}:{}", part(0, 4), part(4, 6), part(6, 8), part(9, 11), part(11, 13))
}

/// How long ago it was, in one unit.
pub(super) fn age(millis: u64) -> String {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |span| span.as_millis() as u64);
    let seconds = now.saturating_sub(millis) / 1000;
    match seconds {
        0..60 => "now".to_owned(),
        60..3600 => format!("{} min", seconds / 60),
        3600..86_400 => format!("{} h", seconds / 3600),
        86_400..31_536_000 => format!("{} days", seconds / 86_400),
        _ => format!("{} years", seconds / 31_536_000),
    }
}

/// An author, short: what is behind `did:key:z6Mk`, as far as people compare it.
pub(super) fn author(did: &str) -> String {
    let key = did.strip_prefix("did:key:z6Mk").unwrap_or(did);
    sanitise_line(key.get(..8).unwrap_or(key))
}

/// An entry's id, short; [`find`] reads it back.
pub(super) fn short(id: &str) -> String {
    let digits = id.strip_prefix("bafkrei").unwrap_or(id);
    sanitise_line(digits.get(..8).unwrap_or(digits))
}

/// Whether a person's text means this id: the whole of it, or its first digits, with or without what all ids begin with.
pub(super) fn means(text: &str, id: &str) -> bool {
    text.len() >= 4
        && (id.starts_with(text) || id.strip_prefix("bafkrei").is_some_and(|digits| digits.starts_with(text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn short_ids_read_back_and_too_short_ones_do_not() {
        let id = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy";
        assert!(means(&short(id), id) && means(id, id));
        assert!(!means("", id) && !means("gh2", id) && !means("zzzz", id));
        assert_eq!(moment(1_795_218_125_123), "2026-11-20 23:42");
    }
}
