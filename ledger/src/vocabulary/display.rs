//! Making foreign text safe to show as plain text, in a terminal or on a page.

use std::borrow::Cow;

/// The text without what is not text: control characters (a terminal obeys them), characters that override or isolate
/// the direction of writing (they make one text look like another), and other invisible formatting. Line ends become
/// `\n`; line ends and tabs stay, and so do joiners, which emoji and many scripts need.
///
/// It is no HTML and does not become any: a page must still escape it, or set it as text.
pub fn plain(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| is_shown(c) && c != '\r') {
        return Cow::Borrowed(text);
    }
    let mut out = String::with_capacity(text.len());
    let mut chars = text.chars().peekable();
    while let Some(c) = chars.next() {
        match c {
            '\r' if chars.peek() == Some(&'\n') => {}
            '\r' | '\u{85}' | '\u{2028}' | '\u{2029}' => out.push('\n'),
            c if is_shown(c) => out.push(c),
            _ => {}
        }
    }
    Cow::Owned(out)
}

/// The text as one line, for names and titles: as [`plain`], every run of white space as one space, none at the ends, cut
/// after `most` characters with `…` in the place of the last one.
pub fn line(text: &str, most: usize) -> String {
    let plain = plain(text);
    let mut words = plain.split_whitespace();
    let mut out = words.next().unwrap_or_default().to_owned();
    // Words are counted in bytes here, which are no fewer than characters; the exact cut comes last.
    while out.len() <= most.saturating_mul(4) {
        let Some(word) = words.next() else { break };
        out.push(' ');
        out.push_str(word);
    }
    match out.char_indices().nth(most) {
        None => out,
        Some(_) => out.chars().take(most.saturating_sub(1)).chain(Some('…')).collect(),
    }
}

fn is_shown(c: char) -> bool {
    match c {
        '\n' | '\t' => true,
        // Marks, embeddings, overrides and isolates of direction; line and paragraph separators.
        '\u{200e}' | '\u{200f}' | '\u{61c}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => false,
        // Zero width no-break space and the deprecated formatting characters; interlinear annotation; tags.
        '\u{feff}' | '\u{206a}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}' | '\u{e0001}' => false,
        c => !c.is_control(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn an_escape_sequence_does_not_reach_the_terminal() {
        assert_eq!(plain("a\u{1b}[2Jb\u{7}\u{9b}31m\u{0}c"), "a[2Jb31mc");
    }

    #[test]
    fn a_direction_override_does_not_disguise_a_name() {
        assert_eq!(plain("invoice\u{202e}fdp.exe"), "invoicefdp.exe");
        assert_eq!(plain("\u{2067}abc\u{2069}"), "abc");
    }

    #[test]
    fn honest_text_is_not_touched() {
        for text in ["two\nlines\tand a tab", "שלום עולם", "👩‍👩‍👧 family", "क्‍ष", "e\u{301}"]
        {
            assert!(matches!(plain(text), Cow::Borrowed(same) if same == text), "{text}");
        }
    }

    #[test]
    fn line_ends_of_all_systems_become_one() {
        assert_eq!(plain("a\r\nb\rc\u{2028}d\u{85}e"), "a\nb\nc\nd\ne");
    }

    #[test]
    fn a_name_is_one_short_line() {
        assert_eq!(line("  Ada \n Lovelace\u{202e} ", 40), "Ada Lovelace");
        assert_eq!(line("Ada Lovelace", 12), "Ada Lovelace");
        assert_eq!(line("Ada Lovelace", 8), "Ada Lov…");
        assert_eq!(line("", 8), "");
    }

    proptest! {
        #[test]
        fn what_is_shown_has_no_controls_and_is_shown_the_same_again(text in "\\PC*|(.|\\n|\\r|\u{202e}|\u{1b})*") {
            let shown = plain(&text).into_owned();
            let clean = shown.chars().all(|c| c == '\n' || c == '\t' || !c.is_control());
            prop_assert!(clean);
            let again = plain(&shown).into_owned();
            prop_assert_eq!(again, shown);
        }

        #[test]
        fn a_line_is_never_longer_than_asked(text: String, most in 1usize..50) {
            prop_assert!(line(&text, most).chars().count() <= most);
        }
    }
}
