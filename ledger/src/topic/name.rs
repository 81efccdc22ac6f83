//! A topic's name in its canonical spelling.

use std::fmt;
use std::str::FromStr;

use super::{PageUrl, RoomName, TopicId, TopicNameError};

/// Keeps a topic's id apart from every other hash. The number is the version of the rules by which names are made
/// canonical: a rule that changes what a name becomes changes ids, and therefore changes this tag.
const TOPIC_TAG: &[u8] = b"tidings/topic/1\0";

const URL_PREFIX: &str = "url:";
const ROOM_PREFIX: &str = "room:";
/// Owned topics, whose id also binds their owner's key, come in a later version. Until then nobody gets such a name.
const OWNED_PREFIX: &str = "owned:";

/// What a topic is called, in the one spelling that every peer agrees on.
///
/// The text form is `url:` and a page's canonical address, or `room:` and a room's canonical name; `owned:` is
/// reserved. The [id](TopicName::id) is the SHA-256 of `tidings/topic/1`, a zero byte and that text.
///
/// ```
/// use tidings_ledger::topic::TopicName;
///
/// let page = TopicName::parse("HTTPS://Example.org:443/news?utm_source=mail#top")?;
/// assert_eq!(page.to_string(), "url:https://example.org/news");
/// assert_eq!(TopicName::parse("  lobby ")?.to_string(), "room:lobby");
/// assert_eq!(TopicName::from_canonical("url:https://example.org/news")?, page);
/// # Ok::<(), tidings_ledger::topic::TopicNameError>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[non_exhaustive]
pub enum TopicName {
    /// A page of the web.
    Url(PageUrl),
    /// A room.
    Room(RoomName),
}

impl TopicName {
    /// Reads what a person wrote.
    ///
    /// What begins with `http:` or `https:` is a page, and everything else a room, unless the prefix `url:` or
    /// `room:` says which (prefixes in any case). Text with any other `scheme://` is refused, because it is far more
    /// often a slip than a room.
    pub fn parse(text: &str) -> Result<Self, TopicNameError> {
        let text = text.trim();
        if let Some(url) = strip_prefix(text, URL_PREFIX) {
            return PageUrl::parse(url).map(TopicName::Url);
        }
        if let Some(room) = strip_prefix(text, ROOM_PREFIX) {
            return RoomName::parse(room).map(TopicName::Room);
        }
        if strip_prefix(text, OWNED_PREFIX).is_some() {
            return Err(TopicNameError::Reserved);
        }
        if strip_prefix(text, "http:").is_some() || strip_prefix(text, "https:").is_some() {
            return PageUrl::parse(text).map(TopicName::Url);
        }
        match text.split_once("://") {
            Some((scheme, _)) if is_scheme(scheme) => Err(TopicNameError::NotWeb(scheme.to_owned())),
            _ => RoomName::parse(text).map(TopicName::Room),
        }
    }

    /// Reads a name that a peer sent: the canonical text form to the byte, or nothing.
    pub fn from_canonical(text: &str) -> Result<Self, TopicNameError> {
        let name = if let Some(url) = text.strip_prefix(URL_PREFIX) {
            TopicName::Url(PageUrl::parse(url)?)
        } else if let Some(room) = text.strip_prefix(ROOM_PREFIX) {
            TopicName::Room(RoomName::parse(room)?)
        } else if text.starts_with(OWNED_PREFIX) {
            return Err(TopicNameError::Reserved);
        } else {
            return Err(TopicNameError::NoPrefix);
        };
        let canonical = name.to_string();
        if canonical == text { Ok(name) } else { Err(TopicNameError::NotCanonical { canonical }) }
    }

    /// The topic's id.
    pub fn id(&self) -> TopicId {
        TopicId::tagged(TOPIC_TAG, self.to_string().as_bytes())
    }

    /// The name without its prefix, as it is shown to people.
    pub fn as_str(&self) -> &str {
        match self {
            TopicName::Url(url) => url.as_str(),
            TopicName::Room(room) => room.as_str(),
        }
    }
}

/// Writes the canonical text form.
impl fmt::Display for TopicName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            TopicName::Url(url) => write!(f, "{URL_PREFIX}{url}"),
            TopicName::Room(room) => write!(f, "{ROOM_PREFIX}{room}"),
        }
    }
}

/// Reads what a person wrote, as [`TopicName::parse`] does.
impl FromStr for TopicName {
    type Err = TopicNameError;

    fn from_str(text: &str) -> Result<Self, TopicNameError> {
        Self::parse(text)
    }
}

/// `text` behind a prefix written in any case.
fn strip_prefix<'a>(text: &'a str, prefix: &str) -> Option<&'a str> {
    let head = text.get(..prefix.len())?;
    if head.eq_ignore_ascii_case(prefix) { text.get(prefix.len()..) } else { None }
}

/// The grammar of RFC 3986: a letter, then letters, digits, `+`, `-` and `.`.
fn is_scheme(text: &str) -> bool {
    text.starts_with(|first: char| first.is_ascii_alphabetic())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"+-.".contains(&byte))
}
