//! What an entry says about itself: the signed part.

use cid::Cid;

use super::EntryId;
use crate::author::Author;
use crate::time::Time;
use crate::topic::TopicId;

/// Limits of one entry. They are part of the format: an entry beyond them is refused by everyone.
pub mod limits {
    /// Bytes of a whole header.
    pub const HEADER: usize = 8 * 1024;
    /// Bytes of an entry file (header, body and framing): what IPFS software moves as one block by default.
    pub const FILE: usize = 1024 * 1024;
    /// Bytes of a body: what is left of a file beside the largest header.
    pub const BODY: usize = FILE - HEADER - 16;
    /// Bytes of `kind`.
    pub const KIND: usize = 32;
    /// Entries that one entry may refer to.
    pub const REFS: usize = 64;
    /// Entries that one entry may redact.
    pub const REDACTS: usize = 64;
    /// Files that may be attached to one entry.
    pub const LINKS: usize = 16;
    /// Bytes of an attached file's name: with the entry's name before it, it is a file name on every common system.
    pub const LINK_NAME: usize = 160;
    /// Bytes of a media type.
    pub const MEDIA_TYPE: usize = 127;
    /// Bytes of a topic's name.
    pub const TOPIC_NAME: usize = 1100;
}

/// The signed part of an entry, without the signature.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Header {
    /// Who signed it.
    pub author: Author,
    /// Which topic it is in.
    pub topic: TopicId,
    /// The topic's canonical name, if the entry carries it (an author's first one in a topic does). It is checked
    /// against the id, so that a peer who knows only the id learns the name with a proof.
    pub topic_name: Option<String>,
    /// This author's counter in this topic, from 0.
    pub seq: u64,
    /// The author's entry before this one in this topic; absent if and only if `seq` is 0.
    pub prev: Option<EntryId>,
    /// When the author says that it was written.
    pub time: Time,
    /// What it is, in the application's words (`post`, `reply` …); opaque to the core.
    pub kind: String,
    /// Entries that this one answers, edits or otherwise is about; opaque to the core.
    pub refs: Vec<EntryId>,
    /// Entries of the same author whose bodies and attachments are to go.
    pub redacts: Vec<EntryId>,
    /// Attached files, by name.
    pub links: Vec<Link>,
    /// What the body is, so that the header stands without it.
    pub body: BodyInfo,
}

/// A file attached to an entry.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Its name; unique in its entry, without `/` and control characters.
    pub name: String,
    /// The root of the file: a raw block, or a UnixFS file.
    pub cid: Cid,
    /// Its length in bytes.
    pub size: u64,
    /// Its media type (`audio/ogg`).
    pub media_type: String,
}

/// A description of a body.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyInfo {
    /// The SHA-256 of the body.
    pub hash: [u8; 32],
    /// Its length in bytes.
    pub len: u64,
    /// Its media type; [`BodyInfo::TEXT`] unless said otherwise.
    pub media_type: String,
}

impl BodyInfo {
    /// The media type of a body that names none: UTF-8 text.
    pub const TEXT: &'static str = "text/plain";
}

impl Header {
    /// Checks every rule that one header can break by itself.
    pub(super) fn check(&self) -> Result<(), &'static str> {
        if self.prev.is_none() != (self.seq == 0) {
            return Err("seq is 0 if and only if there is no prev");
        }
        if self.time > Time::MAX {
            return Err("time is after the year 9999");
        }
        if self.kind.is_empty() || self.kind.len() > limits::KIND || self.kind.chars().any(char::is_control) {
            return Err("kind is empty, too long or has control characters");
        }
        if self.refs.len() > limits::REFS || self.redacts.len() > limits::REDACTS {
            return Err("too many refs or redacts");
        }
        if !self.redacts.is_sorted_by(|a, b| a < b) {
            return Err("redacts are not sorted and distinct");
        }
        if self.links.len() > limits::LINKS || !self.links.is_sorted_by(|a, b| a.name < b.name) {
            return Err("links are too many, or not sorted by name and distinct");
        }
        self.links.iter().try_for_each(Link::check)?;
        if self.body.len > limits::BODY as u64 {
            return Err("body is too long");
        }
        if self.topic_name.as_ref().is_some_and(|name| name.len() > limits::TOPIC_NAME) {
            return Err("topic name is too long");
        }
        check_media_type(&self.body.media_type)
    }
}

impl Link {
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        let name = &self.name;
        if name.is_empty() || name.len() > limits::LINK_NAME {
            return Err("a link's name is empty or too long");
        }
        if name == "." || name == ".." || name.chars().any(|c| c == '/' || c == '\\' || c.is_control()) {
            return Err("a link's name is not a plain file name");
        }
        if self.cid.version() != cid::Version::V1 || crate::content::digest_of(&self.cid).is_none() {
            return Err("a link's CID is not version 1 with sha2-256");
        }
        check_media_type(&self.media_type)
    }
}

/// A media type is shown and sent as an HTTP header, so it is held to printable ASCII with one slash in it.
fn check_media_type(text: &str) -> Result<(), &'static str> {
    let printable = text.bytes().all(|byte| (0x20..0x7f).contains(&byte));
    if text.len() > limits::MEDIA_TYPE || !printable || !text.contains('/') {
        return Err("a media type is too long or malformed");
    }
    Ok(())
}
