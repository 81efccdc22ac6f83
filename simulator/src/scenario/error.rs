//! What is wrong with a scenario file: which line, which key, and which key was probably meant.

use std::fmt;

/// Why a scenario was refused.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct ScenarioError {
    /// The line, counted from 1, if it is about one.
    pub line: Option<usize>,
    /// The key, as in `link.loss`, if it is about one.
    pub key: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What to do about it.
    pub hint: Option<String>,
}

impl fmt::Display for ScenarioError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(line) = self.line {
            write!(f, "line {line}: ")?;
        }
        if let Some(key) = &self.key {
            write!(f, "{key}: ")?;
        }
        f.write_str(&self.message)
    }
}

impl ScenarioError {
    /// About this key, wherever it stands.
    pub(crate) fn at(key: impl Into<String>, message: impl Into<String>) -> Self {
        ScenarioError { line: None, key: Some(key.into()), message: message.into(), hint: None }
    }

    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// At this place of the text.
    pub(crate) fn in_line_of(mut self, text: &str, at: usize) -> Self {
        self.line = Some(line_of(text, at));
        self
    }

    /// Says which of these was probably meant, or what there is.
    pub(crate) fn instead_of<'a>(self, wrong: &str, valid: impl IntoIterator<Item = &'a str>) -> Self {
        let valid: Vec<&str> = valid.into_iter().collect();
        let near = |name: &&&str| (strsim::jaro_winkler(&wrong.to_lowercase(), name) * 1000.0) as u32;
        match valid.iter().max_by_key(near).filter(|name| near(name) > 720) {
            Some(name) => self.hint(format!("did you mean {name}?")),
            None => self.hint(format!("there is {}", valid.join(", "))),
        }
    }

    /// The parser's complaint, with the line, the key and the nearest key that exists.
    pub(crate) fn explain(text: &str, error: &toml::de::Error) -> Self {
        let message = error.message().trim().to_owned();
        let Some(span) = error.span() else {
            return ScenarioError { line: None, key: None, message, hint: None };
        };
        let start = (0..=span.start.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let table = table_at(&text[..start]);
        let full = |key: &str| table.map_or_else(|| key.to_owned(), |table| format!("{table}.{key}"));
        let mut quoted = message.split('`').skip(1).step_by(2);
        let (wrong, valid) = (quoted.next().unwrap_or_default(), quoted);
        let explained = if message.starts_with("unknown field") {
            ScenarioError::at(full(wrong), "there is no such key").instead_of(wrong, valid)
        } else if message.starts_with("unknown variant") {
            let key = key_at(text, start).map_or_else(|| "value".to_owned(), full);
            ScenarioError::at(key, format!("{wrong:?} is not possible here")).instead_of(wrong, valid)
        } else if message.starts_with("missing field") {
            let place = if start == 0 { wrong.to_owned() } else { full(wrong) };
            ScenarioError::at(place, "this key is missing")
        } else {
            let key = key_at(text, start).map(full);
            ScenarioError { line: None, key, message: message.replace('\n', "; "), hint: None }
        };
        explained.in_line_of(text, start)
    }
}

fn line_of(text: &str, at: usize) -> usize {
    text.as_bytes()[..at.min(text.len())].iter().filter(|byte| **byte == b'\n').count() + 1
}

/// The table that the text ends in.
fn table_at(before: &str) -> Option<&str> {
    let named = |line: &str| {
        let name = line.trim().strip_prefix('[')?.trim_start_matches('[').split(']').next()?.trim().to_owned();
        (!name.is_empty()).then_some(name.len())
    };
    // The header itself counts, too: a table that lacks a key is reported there.
    before.lines().rev().find_map(|line| {
        let len = named(line)?;
        Some(&line.trim().trim_start_matches('[')[..len])
    })
}

/// The key of the line that a position is in.
fn key_at(text: &str, at: usize) -> Option<&str> {
    let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
    let (key, _) = text[start..].lines().next()?.split_once('=')?;
    let key = key.trim();
    (!key.is_empty() && !key.starts_with('#')).then_some(key)
}
