//! What is wrong with a file of settings: which line, which key, and which key was probably meant.

use std::path::Path;

use super::schema::{SECTIONS, SETTINGS};
use crate::exit::{Exit, Failure};

/// Turns the parser's complaint into one that names the line, the key and the nearest key that exists.
pub(super) fn explain(path: &Path, text: &str, error: &toml::de::Error) -> Failure {
    let Some(span) = error.span() else {
        return Failure::new(Exit::Usage, format!("{}: {}", path.display(), error.message()));
    };
    let start = (0..=span.start.min(text.len())).rev().find(|&at| text.is_char_boundary(at)).unwrap_or(0);
    let line = text[..start].matches('\n').count() + 1;
    let section = section_at(&text[..start]);
    let place = format!("{}, line {line}", path.display());
    if error.message().starts_with("unknown field") {
        let key = text.get(span).unwrap_or_default().trim().to_owned();
        return unknown(&place, section, &key);
    }
    let key = key_at(text, start);
    let named = match (section, key) {
        (Some(section), Some(key)) => format!("{section}.{key}: "),
        (None, Some(key)) => format!("{key}: "),
        _ => String::new(),
    };
    Failure::new(Exit::Usage, format!("{place}: {named}{}", error.message()))
        .hint("tidings config show prints every setting with its meaning and its default")
}

/// An unknown key, wherever it came from.
pub(super) fn unknown(place: &str, section: Option<&str>, key: &str) -> Failure {
    let full = section.map_or_else(|| key.to_owned(), |section| format!("{section}.{key}"));
    let failure = Failure::new(Exit::Usage, format!("{place}: there is no setting {full}"));
    match nearest(section, key) {
        Some(meant) => failure.hint(format!("did you mean {meant}?")),
        None => failure.hint("tidings config show lists them all"),
    }
}

/// The key that was probably meant: of the same table if one is near, else the same key elsewhere, else a table.
fn nearest(section: Option<&str>, key: &str) -> Option<String> {
    let tables = SECTIONS.iter().map(|(name, _)| (format!("the table [{name}]"), *name, section.is_some()));
    let keys = SETTINGS.iter().map(|setting| {
        let elsewhere = section != Some(setting.section);
        (format!("{}.{}", setting.section, setting.key), setting.key, elsewhere)
    });
    let mut best: Option<(f64, String)> = None;
    for (shown, name, elsewhere) in keys.chain(tables) {
        let near = strsim::jaro_winkler(&key.to_lowercase(), name) - if elsewhere { 0.1 } else { 0.0 };
        if near > 0.72 && best.as_ref().is_none_or(|(score, _)| near > *score) {
            best = Some((near, shown));
        }
    }
    best.map(|(_, shown)| shown)
}

/// The table that the text ends in.
fn section_at(before: &str) -> Option<&str> {
    before.lines().rev().find_map(|line| line.trim().strip_prefix('[')?.split(']').next()).map(str::trim)
}

/// The key of the line that a position is in.
fn key_at(text: &str, at: usize) -> Option<&str> {
    let start = text[..at].rfind('\n').map_or(0, |at| at + 1);
    let (key, _) = text[start..].lines().next()?.split_once('=')?;
    let key = key.trim();
    (!key.is_empty()).then_some(key)
}
