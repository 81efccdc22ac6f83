//! Drafts: what an author wants to say, before it has a place in a chain and a signature.

use bytes::Bytes;

use super::header::{BodyInfo, Header, Link};
use super::{Entry, EntryId, envelope, payload};
use crate::author::AuthorKey;
use crate::content::sha256;
use crate::time::Time;
use crate::topic::TopicId;

/// An entry to be: content without topic, place and signature.
///
/// ```
/// use tidings_ledger::entry::Draft;
///
/// let draft = Draft::new("post", "Hello, all!");
/// assert_eq!(draft.body, "Hello, all!".as_bytes());
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Draft {
    /// What it is, in the application's words.
    pub kind: String,
    /// The body's bytes.
    pub body: Bytes,
    /// The body's media type.
    pub media_type: String,
    /// Entries it is about.
    pub refs: Vec<EntryId>,
    /// The author's own entries whose bodies are to go.
    pub redacts: Vec<EntryId>,
    /// Attached files.
    pub links: Vec<Link>,
    /// When it was written; `None` is the moment it is appended.
    pub time: Option<Time>,
}

impl Draft {
    /// A draft with a body of UTF-8 text.
    pub fn new(kind: impl Into<String>, text: impl Into<String>) -> Self {
        Draft {
            kind: kind.into(),
            body: Bytes::from(text.into()),
            media_type: BodyInfo::TEXT.to_owned(),
            refs: Vec::new(),
            redacts: Vec::new(),
            links: Vec::new(),
            time: None,
        }
    }

    /// About this entry, too.
    pub fn about(mut self, entry: EntryId) -> Self {
        self.refs.push(entry);
        self
    }

    /// Takes the body and attachments of this earlier entry of the same author away.
    pub fn redacting(mut self, entry: EntryId) -> Self {
        self.redacts.push(entry);
        self
    }

    /// With this file attached.
    pub fn with(mut self, link: Link) -> Self {
        self.links.push(link);
        self
    }

    /// Written at this moment.
    pub fn at(mut self, time: Time) -> Self {
        self.time = Some(time);
        self
    }

    /// With a body of another media type.
    pub fn of_type(mut self, media_type: impl Into<String>) -> Self {
        self.media_type = media_type.into();
        self
    }
}

/// The place of a new entry: which topic, and where in the author's chain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Place {
    pub(crate) topic: TopicId,
    pub(crate) topic_name: Option<String>,
    pub(crate) seq: u64,
    pub(crate) prev: Option<EntryId>,
    pub(crate) now: Time,
}

/// A draft that breaks a rule of the format.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the entry cannot be signed: {0}")]
pub struct DraftError(pub(super) &'static str);

/// Gives the draft its place and signs it. Costs one Ed25519 signature.
pub(crate) fn sign(draft: Draft, place: Place, key: &AuthorKey) -> Result<Entry, DraftError> {
    let Draft { kind, body, media_type, refs, mut redacts, mut links, time } = draft;
    redacts.sort_unstable();
    redacts.dedup();
    links.sort_by(|a, b| a.name.cmp(&b.name));
    let info = BodyInfo { hash: sha256(&body), len: body.len() as u64, media_type };
    let header = Header {
        author: key.author(),
        topic: place.topic,
        topic_name: place.topic_name,
        seq: place.seq,
        prev: place.prev,
        time: time.unwrap_or(place.now),
        kind,
        refs,
        redacts,
        links,
        body: info,
    };
    header.check().map_err(DraftError)?;
    let payload = payload::encode(&header);
    let signature = key.sign(&envelope::signed_bytes(&header.author, &payload));
    let header_bytes = Bytes::from(envelope::seal(&header.author, &payload, &signature));
    if header_bytes.len() > super::header::limits::HEADER {
        return Err(DraftError("the header is longer than 8 KiB"));
    }
    Ok(Entry::new(header, header_bytes, Some(body)))
}
