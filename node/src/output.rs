//! What goes to the terminal: text or JSON, colours only where a person looks, nothing that a stranger can steer.

use std::io::{self, BufWriter, IsTerminal, StdoutLock, Write};

use serde::Serialize;

use crate::exit::{Exit, Failure};

/// Standard output, buffered. A reader that goes away (`tidings read … | head`) ends the command quietly.
pub(crate) struct Out {
    out: BufWriter<StdoutLock<'static>>,
    json: bool,
    colour: bool,
}

/// How a piece of text is set off on a terminal.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Style {
    /// Names and headings.
    Bold,
    /// What is beside the point.
    Dim,
    /// What is fine.
    Good,
    /// What is not.
    Bad,
}

impl Out {
    /// Output as the flags say. Colours need a terminal and are off with `NO_COLOR` (no-color.org).
    pub(crate) fn new(json: bool) -> Self {
        let colour = !json && io::stdout().is_terminal() && std::env::var_os("NO_COLOR").is_none_or(|v| v.is_empty());
        Out { out: BufWriter::new(io::stdout().lock()), json, colour }
    }

    /// Whether machines read this.
    pub(crate) fn is_json(&self) -> bool {
        self.json
    }

    /// One line of text.
    pub(crate) fn line(&mut self, text: impl AsRef<str>) -> Result<(), Failure> {
        ended(self.out.write_all(text.as_ref().as_bytes()).and_then(|()| self.out.write_all(b"\n")))
    }

    /// One JSON value on one line, so that streams of them can be read line by line.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        let text = serde_json::to_string(value).map_err(|error| Failure::new(Exit::Failed, error))?;
        self.line(text)
    }

    /// Text in a style, where styles are shown.
    pub(crate) fn style(&self, style: Style, text: impl AsRef<str>) -> String {
        let text = text.as_ref();
        if !self.colour {
            return text.to_owned();
        }
        let code = match style {
            Style::Bold => "1",
            Style::Dim => "2",
            Style::Good => "32",
            Style::Bad => "31",
        };
        format!("\x1b[{code}m{text}\x1b[0m")
    }

    /// Everything written so far is on its way.
    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        ended(self.out.flush())
    }
}

/// A closed pipe is the reader's way of saying "enough": the command stops there and then, and that is a success.
fn ended(result: io::Result<()>) -> Result<(), Failure> {
    match result {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => std::process::exit(0),
        other => other.map_err(|error| Failure::new(Exit::Failed, format!("cannot write to standard output: {error}"))),
    }
}

/// A stranger's text made safe for a terminal: no control or formatting characters (escape sequences, overwriting
/// carriage returns, right-to-left overrides) but the line feed and the tab, which becomes spaces.
pub(crate) fn sanitise(text: &str) -> String {
    let mut clean = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '\n' => clean.push('\n'),
            '\t' => clean.push_str("    "),
            c if c.is_control() || is_invisible(c) => clean.push('\u{FFFD}'),
            c => clean.push(c),
        }
    }
    clean
}

/// A stranger's text on one line.
pub(crate) fn sanitise_line(text: &str) -> String {
    sanitise(text).replace('\n', " ")
}

/// Characters that reorder or hide what stands beside them (Unicode's Bidi_Control, zero-width and tag characters).
/// Zero-width joiners stay: emoji and several scripts need them.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{061C}' | '\u{200B}' | '\u{200E}' | '\u{200F}' | '\u{2028}'..='\u{202E}' | '\u{2060}'..='\u{206F}'
        | '\u{FEFF}' | '\u{FFF9}'..='\u{FFFB}' | '\u{E0000}'..='\u{E007F}')
}

/// A number of bytes as people read it.
pub(crate) fn bytes(count: u64) -> String {
    const UNITS: [&str; 5] = ["B", "kB", "MB", "GB", "TB"];
    let mut value = count as f64;
    let mut unit = 0;
    while value >= 1000.0 && unit + 1 < UNITS.len() {
        value /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{count} B") } else { format!("{value:.1} {}", UNITS[unit]) }
}

/// A count with thousands set apart.
pub(crate) fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (at, digit) in digits.chars().enumerate() {
        if at > 0 && (digits.len() - at).is_multiple_of(3) {
            text.push(' ');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_comment_cannot_move_the_cursor_or_turn_the_text_around() {
        let clean = sanitise("a\x1b[2Jb\rc\u{202E}d\u{9b}e\u{200B}");
        assert_eq!(clean, "a\u{FFFD}[2Jb\u{FFFD}c\u{FFFD}d\u{FFFD}e\u{FFFD}");
        assert_eq!(sanitise("zwj 👩\u{200D}🚀 stays\nand lines"), "zwj 👩\u{200D}🚀 stays\nand lines");
        assert_eq!(sanitise_line("one\ntwo"), "one two");
    }

    #[test]
    fn figures_read_as_people_write_them() {
        assert_eq!(count(72_178), "72 178");
        assert_eq!(count(7), "7");
        assert_eq!(bytes(999), "999 B");
        assert_eq!(bytes(31_000_000), "31.0 MB");
    }
}
