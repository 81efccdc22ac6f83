//! A page's address in canonical form.

use std::fmt;

use url::Url;

use super::TopicNameError;
use super::tracking::is_tracking;

/// The most bytes that a canonical address has.
const MAX_LEN: usize = 1024;
/// The most bytes that are read: tracking parameters, which go, are often longer than the rest.
const MAX_INPUT: usize = 8 * MAX_LEN;

/// The address of a web page, canonical: one page, one spelling, one discussion.
///
/// # The rules, version 1
///
/// | part | rule | example |
/// |---|---|---|
/// | all | parsed as browsers do (WHATWG URL): outer white space, tabs and line ends go, `\` is `/` | `https:\\a.org` → `https://a.org/` |
/// | scheme | lower-case; `http` and `https` only, and they stay apart | `HTTP://a.org/` → `http://a.org/` |
/// | user name, password | refused | `https://me@a.org/` |
/// | host | lower-case; names outside ASCII in Punycode; dots at the end go; `www.` stays | `Bücher.de.` → `xn--bcher-kva.de` |
/// | port | dropped if it is the scheme's own | `https://a.org:443/` → `https://a.org/` |
/// | path | an empty one is `/`; `.` and `..` are resolved; otherwise kept as it is, with its case and any `/` at its end | `/b/../c/` → `/c/` |
/// | query | tracking parameters and empty ones go (`utm_*`, `mtm_*` and a list of names, in any case), and `?` if nothing is left; the rest keeps its order | `?b=2&utm_id=1&&a=1` → `?b=2&a=1` |
/// | fragment | dropped, `#!` too | `/c#top` → `/c` |
/// | percent-encoding | of letters, digits, `-`, `.`, `_`, `~` undone; else in upper case; a `%` that begins none is `%25` | `/%7eme/%c3%bc/100%` → `/~me/%C3%BC/100%25` |
/// | length | at most 1,024 bytes once canonical | |
///
/// The rules never guess: what a server may tell apart (order of parameters, a `/` at the end, `www.`, `http` and
/// `https`) stays apart. They are versioned by the tag inside topic ids; `docs/spec/vectors/topics.json` has vectors.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PageUrl(String);

impl PageUrl {
    /// Makes an address canonical.
    pub fn parse(text: &str) -> Result<Self, TopicNameError> {
        let canonical = canonical(text)?;
        if canonical.len() > MAX_LEN {
            return Err(TopicNameError::TooLong { len: canonical.len(), limit: MAX_LEN });
        }
        Ok(PageUrl(canonical))
    }

    /// The canonical address.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for PageUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

fn canonical(text: &str) -> Result<String, TopicNameError> {
    if text.len() > MAX_INPUT {
        return Err(TopicNameError::TooLong { len: text.len(), limit: MAX_INPUT });
    }
    let mut url = Url::parse(text).map_err(bad_url)?;
    if !matches!(url.scheme(), "http" | "https") {
        return Err(TopicNameError::NotWeb(url.scheme().to_owned()));
    }
    if !url.username().is_empty() || url.password().is_some() {
        return Err(TopicNameError::UserInfo);
    }
    trim_host(&mut url)?;
    url.set_fragment(None);
    let path = normal_percents(url.path());
    url.set_path(&path);
    let query = url.query().and_then(without_tracking);
    url.set_query(query.as_deref());
    Ok(url.into())
}

/// A name with a dot at its end is the same name, fully qualified.
fn trim_host(url: &mut Url) -> Result<(), TopicNameError> {
    let host = url.host_str().ok_or(TopicNameError::NoHost)?;
    let trimmed = host.trim_end_matches('.');
    if trimmed.is_empty() {
        return Err(TopicNameError::NoHost);
    }
    if trimmed.len() < host.len() {
        let trimmed = trimmed.to_owned();
        url.set_host(Some(&trimmed)).map_err(bad_url)?;
    }
    Ok(())
}

/// The query without what is dropped; `None` if nothing is left.
fn without_tracking(query: &str) -> Option<String> {
    let query = normal_percents(query);
    let kept: Vec<&str> = query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .filter(|pair| !is_tracking(pair.split_once('=').map_or(*pair, |(name, _)| name)))
        .collect();
    if kept.is_empty() { None } else { Some(kept.join("&")) }
}

/// Gives every character one encoding: RFC 3986 §6.2.2, and `%25` for a `%` that encodes nothing (it would otherwise
/// become an encoding once what follows it is decoded).
fn normal_percents(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.find('%') {
        let (before, from) = rest.split_at(at);
        out.push_str(before);
        match from.get(1..3).and_then(hex_byte) {
            Some(byte) if is_unreserved(byte) => {
                out.push(byte as char);
                rest = &from[3..];
            }
            Some(byte) => {
                out.push_str(&format!("%{byte:02X}"));
                rest = &from[3..];
            }
            None => {
                out.push_str("%25");
                rest = &from[1..];
            }
        }
    }
    out.push_str(rest);
    out
}

fn hex_byte(digits: &str) -> Option<u8> {
    if digits.bytes().all(|digit| digit.is_ascii_hexdigit()) { u8::from_str_radix(digits, 16).ok() } else { None }
}

fn is_unreserved(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || b"-._~".contains(&byte)
}

fn bad_url(error: url::ParseError) -> TopicNameError {
    TopicNameError::BadUrl(error.to_string())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stray_percent_does_not_become_an_encoding() {
        assert_eq!(normal_percents("%%34%31"), "%2541");
        assert_eq!(normal_percents("%"), "%25");
        assert_eq!(normal_percents("%4"), "%254");
        assert_eq!(normal_percents("%+1"), "%25+1");
        assert_eq!(normal_percents("%c3%bc%41"), "%C3%BCA");
    }

    #[test]
    fn a_cut_in_the_middle_of_a_character_is_not_made() {
        assert_eq!(normal_percents("%ü"), "%25ü");
        assert_eq!(normal_percents("%1ü"), "%251ü");
    }
}
