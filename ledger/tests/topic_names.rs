//! Topic names: golden vectors, and properties that every peer relies on.

#[path = "support/depth.rs"]
mod depth;
#[path = "support/golden.rs"]
mod golden;

use depth::cases;
use proptest::prelude::*;
use serde_json::json;
use tidings_ledger::topic::{TopicId, TopicName, TopicNameError};

/// What people write.
const NAMES: &[&str] = &[
    "https://example.org/",
    "https://example.org",
    "HTTPS://EXAMPLE.ORG:443/Path/",
    "http://example.org:80/",
    "http://example.org:8080/a",
    "https://example.org/a#section",
    "https://example.org/#!/a",
    "https://example.org/a?",
    "https://example.org/a?utm_source=mail&utm_medium=x",
    "https://example.org/a?b=2&fbclid=abc&a=1&&GCLID=z",
    "https://example.org/a?%75tm_source=x&q=%e4%b8%ad%41",
    "https://example.org/a?utm=1&ref=2",
    "https://example.org/b/../c/./d/",
    "https://example.org/%2e%2E/e",
    "https://example.org/%7Euser/100%/%zz",
    "https://example.org/a b\"<>",
    "https://www.example.org./",
    "https://B\u{fc}cher.example/\u{fc}",
    "https://[2001:DB8::1]:443/",
    "https://127.1/",
    "https:\\\\example.org\\a",
    "  https://example.org/a\n",
    "url:https://example.org/a",
    "https://github.com/git/git/blob/HEAD/Makefile",
    "lobby",
    "Lobby",
    "room:lobby",
    "ROOM:lobby",
    "  a\t room  of\none's own ",
    "room:https://example.org/",
    "room:owned:x",
    "cafe\u{301}",
    "\u{212b}ngstr\u{f6}m",
    "\u{1f469}\u{200d}\u{1f680}",
    "example.org/page",
];

/// What is refused when a person writes it.
const REFUSED: &[&str] = &[
    "",
    "   ",
    "room:",
    "url:",
    "url:example.org",
    "https://",
    "https://.../",
    "https://me@example.org/",
    "https://me:secret@example.org/",
    "https://exa mple.org/",
    "https://example.org:99999/",
    "ftp://example.org/",
    "url:file:///etc/passwd",
    "owned:anything",
    "a\u{0}b",
    "a\u{202e}b",
    "a\u{200b}b",
];

/// What is refused when a peer sends it, though a person may write it.
const NOT_CANONICAL: &[&str] = &[
    "lobby",
    "https://example.org/",
    "url:https://example.org",
    "url:https://example.org/#a",
    "url:https://example.org:443/",
    "url:https://example.org/?utm_id=1",
    "url:https://example.org/%7e",
    "url: https://example.org/",
    "URL:https://example.org/",
    "room: lobby",
    "room:lobby ",
    "room:two  spaces",
    "room:cafe\u{301}",
];

#[test]
fn a_changed_rule_does_not_go_unnoticed() {
    let names: Vec<_> = NAMES
        .iter()
        .map(|text| {
            let name = TopicName::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            json!({ "input": text, "canonical": name.to_string(), "id": name.id().to_string() })
        })
        .collect();
    for text in REFUSED {
        assert!(TopicName::parse(text).is_err(), "{text:?} is accepted");
    }
    for text in NOT_CANONICAL {
        assert!(TopicName::parse(text).is_ok(), "{text:?} is refused");
        assert!(TopicName::from_canonical(text).is_err(), "{text:?} is accepted from a peer");
    }
    let catalogs: Vec<_> = [[0; 32], [0xab; 32]]
        .iter()
        .map(|network| {
            json!({ "network": TopicId::from_bytes(*network).to_string(), "id": TopicId::catalog(network).to_string() })
        })
        .collect();
    golden::compare_json(
        "topics.json",
        &json!({
            "rules": 1,
            "topics": names,
            "refused": REFUSED,
            "not_canonical": NOT_CANONICAL,
            "catalogs": catalogs,
        }),
    );
}

/// The rule for ids in plain words: SHA-256 of the tag, a zero byte and the text form. Made with coreutils:
/// `printf 'tidings/topic/1\0room:lobby' | sha256sum`.
#[test]
fn an_id_is_what_the_specification_says() {
    let id = TopicName::parse("lobby").unwrap().id();
    assert_eq!(id.to_string(), "263c8d1c61346540f40c0255c50a24b846cdb9b47fea7d611aa7a13768fac577");
    assert_eq!(
        TopicId::catalog(&[0; 32]).to_string(),
        "bbce0b26ecce9109f19ca20e214b6066b864fc67a7b48f60ae44c34f57069728"
    );
}

#[test]
fn a_name_that_is_too_long_is_refused_after_tracking_is_dropped() {
    let page = |len: usize| format!("https://example.org/{}", "a".repeat(len - 20));
    assert_eq!(TopicName::parse(&page(1024)).unwrap().as_str().len(), 1024);
    assert_eq!(TopicName::parse(&page(1025)), Err(TopicNameError::TooLong { len: 1025, limit: 1024 }));
    let tracked = format!("{}?utm_id={}", page(1024), "x".repeat(2000));
    assert_eq!(TopicName::parse(&tracked).unwrap().as_str().len(), 1024);
    assert!(matches!(TopicName::parse(&page(100_000)), Err(TopicNameError::TooLong { .. })));

    assert!(TopicName::parse(&"r".repeat(128)).is_ok());
    assert_eq!(TopicName::parse(&"r".repeat(129)), Err(TopicNameError::TooLong { len: 129, limit: 128 }));
}

/// Texts that come near the rules' edges.
fn texts() -> impl Strategy<Value = String> {
    let piece = prop_oneof![
        Just("%".to_owned()),
        Just("%2e".to_owned()),
        Just("/..".to_owned()),
        Just("utm_a=b&".to_owned()),
        Just("?".to_owned()),
        Just("#".to_owned()),
        Just(":443".to_owned()),
        Just("\\".to_owned()),
        "[%a-f0-9./?&=@:\\[\\]-]{0,6}",
        "\\PC{0,4}",
        any::<char>().prop_map(String::from),
    ];
    let start = prop_oneof![
        Just(""),
        Just("room:"),
        Just("url:"),
        Just("url:https://"),
        Just("http://a.org"),
        Just("https://a.org/"),
        Just("https://a.org/?"),
        Just("https://")
    ];
    (start, proptest::collection::vec(piece, 0..12)).prop_map(|(start, pieces)| format!("{start}{}", pieces.concat()))
}

proptest! {
    #![proptest_config(cases(4096))]

    #[test]
    fn canonical_is_a_fixed_point(text in texts()) {
        if let Ok(name) = TopicName::parse(&text) {
            let canonical = name.to_string();
            prop_assert_eq!(TopicName::parse(&canonical), Ok(name.clone()));
            prop_assert_eq!(TopicName::from_canonical(&canonical), Ok(name));
        }
    }

    #[test]
    fn what_a_peer_sends_is_taken_to_the_byte_or_not_at_all(text in texts()) {
        if let Ok(name) = TopicName::from_canonical(&text) {
            prop_assert_eq!(name.to_string(), text);
        }
    }

    #[test]
    fn pages_from_parts_are_one_whatever_was_added(
        host in "[a-z]{1,8}\\.org", path in "(/[A-Za-z0-9_.~-]{1,6}){0,4}/?", anchor in "[a-z]{0,6}",
    ) {
        let plain = TopicName::parse(&format!("https://{host}{path}")).unwrap();
        let dressed = format!("HTTPS://{}:443{path}?utm_source=x&gclid=1#{anchor}", host.to_uppercase());
        prop_assert_eq!(TopicName::parse(&dressed).unwrap().id(), plain.id());
    }
}
