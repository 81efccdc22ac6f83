//! A room's name in canonical form.

use std::fmt;

use unicode_normalization::UnicodeNormalization;

use super::TopicNameError;

/// The most bytes that a canonical name has.
const MAX_LEN: usize = 128;
/// The most bytes that are read; normalising can shorten a name by a third, and white space may surround it.
const MAX_INPUT: usize = 4 * MAX_LEN;

/// The name of a room, canonical.
///
/// # The rules, version 1
///
/// 1. The text is normalised to NFC. (Unicode promises that text of assigned characters stays normalised for ever.)
/// 2. White space (line ends and tabs too) goes at the ends, and every run of it within is one space.
/// 3. Control characters, and characters that cannot be seen or that reorder what surrounds them, are refused: two
///    rooms should not look the same. Joiners and variation selectors, which several scripts and
///    emoji need, are allowed.
/// 4. It has 1 to 128 bytes of UTF-8.
///
/// Upper and lower case stay apart.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RoomName(String);

impl RoomName {
    /// Makes a name canonical.
    pub fn parse(text: &str) -> Result<Self, TopicNameError> {
        if text.len() > MAX_INPUT {
            return Err(TopicNameError::TooLong { len: text.len(), limit: MAX_INPUT });
        }
        let normal: String = text.nfc().collect();
        let name = normal.split_whitespace().collect::<Vec<_>>().join(" ");
        if name.is_empty() {
            return Err(TopicNameError::Empty);
        }
        if let Some(found) = name.chars().find(|c| is_invisible(*c)) {
            return Err(TopicNameError::Invisible(found));
        }
        if name.len() > MAX_LEN {
            return Err(TopicNameError::TooLong { len: name.len(), limit: MAX_LEN });
        }
        Ok(RoomName(name))
    }

    /// The canonical name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for RoomName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(
            c,
            '\u{ad}' // soft hyphen
            | '\u{34f}' // combining grapheme joiner
            | '\u{61c}' // Arabic letter mark
            | '\u{115f}' | '\u{1160}' | '\u{3164}' | '\u{ffa0}' // Hangul fillers
            | '\u{17b4}' | '\u{17b5}' // Khmer inherent vowels
            | '\u{200b}' // zero-width space
            | '\u{200e}' | '\u{200f}' // direction marks
            | '\u{202a}'..='\u{202e}' // embeddings and overrides
            | '\u{2060}'..='\u{206f}' // word joiner, invisible operators, isolates, deprecated controls
            | '\u{2800}' // Braille blank
            | '\u{feff}' // byte-order mark
            | '\u{fff9}'..='\u{fffb}' // interlinear annotation
        )
}
