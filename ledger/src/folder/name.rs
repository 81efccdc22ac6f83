//! File names in a folder. Names sort by time, so news lands at the right edge.

use data_encoding::BASE32_NOPAD;

use crate::entry::EntryId;
use crate::time::Time;

/// Digits of the id in a usual name: 80 bits.
const SHORT: usize = 16;

/// Digits of the whole id: 256 bits.
const LONG: usize = 52;

/// What a link to a node of the level below begins with.
const NODE_PREFIX: &str = "from-";

/// Length of a usual entry name: time, hyphen, digits.
pub(crate) const SHORT_NAME: usize = Time::WIDTH + 1 + SHORT;

/// Length of a long entry name.
pub(crate) const LONG_NAME: usize = Time::WIDTH + 1 + LONG;

/// The usual name of an entry: its time, `-`, and the first 16 digits of its id in base32.
///
/// 80 bits keep honest entries apart. Somebody who grinds two of their own to the same 80 bits and the same millisecond
/// gets the second (in the order of ids) listed under its [`long`] name, so a folder never has one name twice.
pub(crate) fn short(time: Time, id: &EntryId) -> String {
    name(time, &id.digits()[..SHORT])
}

/// The name of an entry with all digits of its id.
pub(crate) fn long(time: Time, id: &EntryId) -> String {
    name(time, &id.digits())
}

fn name(time: Time, digits: &str) -> String {
    format!("{time}-{digits}")
}

/// The name of an attached file beside its entry.
pub(crate) fn attachment(entry_name: &str, file_name: &str) -> String {
    format!("{entry_name}.{file_name}")
}

/// The name of a link to a node whose first item has this key.
pub(crate) fn node(first_key: &str) -> String {
    format!("{NODE_PREFIX}{first_key}")
}

/// The key of the first item below a link of this name, if it is a link to a node.
pub(crate) fn node_key(link_name: &str) -> Option<&str> {
    link_name.strip_prefix(NODE_PREFIX)
}

/// Whether this is an entry's name, short or long.
pub(crate) fn is_entry(name: &str) -> bool {
    let digits = match name.len() {
        SHORT_NAME | LONG_NAME if name.is_ascii() => &name.as_bytes()[Time::WIDTH..],
        _ => return false,
    };
    digits[0] == b'-'
        && digits[1..].iter().all(|byte| matches!(byte, b'a'..=b'z' | b'2'..=b'7'))
        && Time::parse(&name[..Time::WIDTH]).is_some()
}

/// What an entry's name tells: its time, the first ten bytes of its id, and the whole id if the name is a long one.
pub(crate) fn parts(name: &str) -> Option<(Time, [u8; 10], Option<EntryId>)> {
    if !is_entry(name) {
        return None;
    }
    let time = Time::parse(&name[..Time::WIDTH])?;
    let digits = name[Time::WIDTH + 1..].to_ascii_uppercase();
    let bytes = BASE32_NOPAD.decode(digits.as_bytes()).ok()?;
    let prefix = bytes.first_chunk::<10>()?;
    let id = bytes.as_slice().try_into().ok().map(EntryId::from_bytes);
    Some((time, *prefix, id))
}

/// Whether `name` is that of a file attached to the entry of this name.
pub(crate) fn is_attachment_of(entry_name: &str, name: &str) -> bool {
    name.strip_prefix(entry_name).is_some_and(|rest| rest.starts_with('.') && rest.len() > 1)
}

/// Whether this is a topic's name in a catalog: its id in hex.
pub(crate) fn is_topic(name: &str) -> bool {
    name.parse::<crate::topic::TopicId>().is_ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_reads_as_a_date_and_the_beginning_of_an_id() {
        let id = EntryId::from_bytes([0; 32]);
        let time = Time::from_millis(1_795_218_125_123);
        let short = short(time, &id);
        assert_eq!(short, "20261120T234205.123Z-aaaaaaaaaaaaaaaa");
        assert!(is_entry(&short) && is_entry(&long(time, &id)));
        assert_eq!(parts(&short), Some((time, [0; 10], None)));
        assert_eq!(parts(&long(time, &id)), Some((time, [0; 10], Some(id))));
        assert!(is_attachment_of(&short, &attachment(&short, "a.png")));
        assert!(!is_attachment_of(&short, &long(time, &id)));
        assert_eq!(node_key(&node(&short)), Some(&short[..]));
    }

    #[test]
    fn a_name_that_only_looks_like_an_entry_is_not_one() {
        for bad in [
            "",
            "20261120T234205.123Z-aaaaaaaaaaaaaaa",
            "20261120T234205.123Z-aaaaaaaaaaaaaaa1",
            "20261320T234205.123Z-aaaaaaaaaaaaaaaa",
            "20261120T234205.123Z_aaaaaaaaaaaaaaaa",
            "20261120T234205.123Z-aaaaaaaaaaaaaaéa",
        ] {
            assert!(!is_entry(bad), "{bad}");
        }
    }
}
