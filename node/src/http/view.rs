//! Entries and topics as JSON.

use serde::{Deserialize, Serialize};
use tidings_ledger::Entry;
use tidings_ledger::entry::Link;
use tidings_ledger::handle::TopicInfo;
use utoipa::ToSchema;

/// A topic.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct TopicView {
    /// Its id: 64 hex digits.
    pub(crate) id: String,
    /// Its canonical name (`url:https://…` or `room:…`).
    pub(crate) name: Option<String>,
    /// The CID of its folder, which names its whole state.
    pub(crate) cid: Option<String>,
    /// Entries in the folder.
    pub(crate) entries: u64,
    /// Bytes of the folder and what is in it.
    pub(crate) size: u64,
    /// The time of the newest entry, in milliseconds since 1970.
    pub(crate) newest: Option<u64>,
    /// Whether this node follows it.
    pub(crate) followed: bool,
}

/// An entry.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct EntryView {
    /// Its id.
    pub(crate) id: String,
    /// Its topic's id.
    pub(crate) topic: String,
    /// Who signed it.
    #[schema(example = "did:key:z6MktwupdmLXVVqTzCw4i46r4uGyosGXRnR3XjN4Zq7oMMsw")]
    pub(crate) author: String,
    /// The author's counter in this topic.
    pub(crate) seq: u64,
    /// The author's entry before this one.
    pub(crate) prev: Option<String>,
    /// When its author says that it was written, in milliseconds since 1970.
    pub(crate) time: u64,
    /// What it is: `post`, `reply`, `edit`, `redact` …
    pub(crate) kind: String,
    /// The body, if it is text and was not redacted.
    pub(crate) text: Option<String>,
    /// The body's media type.
    pub(crate) media_type: String,
    /// The body's length in bytes.
    pub(crate) size: u64,
    /// Whether its author took the body back.
    pub(crate) redacted: bool,
    /// Entries that it answers or edits.
    pub(crate) refs: Vec<String>,
    /// Entries whose bodies it takes back.
    pub(crate) redacts: Vec<String>,
    /// Attached files.
    pub(crate) links: Vec<LinkView>,
    /// The CID of its file: `/ipfs/<cid>` has the signed bytes.
    pub(crate) file: String,
}

/// An attached file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct LinkView {
    /// Its name.
    pub(crate) name: String,
    /// The root of the file.
    pub(crate) cid: String,
    /// Its length in bytes.
    pub(crate) size: u64,
    /// Its media type.
    pub(crate) media_type: String,
}

/// Part of a list.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
pub(crate) struct Listing<T> {
    /// The items.
    pub(crate) items: Vec<T>,
    /// Give this as `after` for the next page; `null` at the end.
    pub(crate) next: Option<String>,
}

impl From<TopicInfo> for TopicView {
    fn from(info: TopicInfo) -> Self {
        TopicView {
            id: info.id.to_string(),
            name: info.name,
            cid: info.cid.map(|cid| cid.to_string()),
            entries: info.entries,
            size: info.size,
            newest: info.newest.map(|time| time.as_millis()),
            followed: info.followed,
        }
    }
}

impl From<&Entry> for EntryView {
    fn from(entry: &Entry) -> Self {
        let header = entry.header();
        let ids = |ids: &[tidings_ledger::EntryId]| ids.iter().map(ToString::to_string).collect();
        EntryView {
            id: entry.id().to_string(),
            topic: header.topic.to_string(),
            author: header.author.to_string(),
            seq: header.seq,
            prev: header.prev.map(|id| id.to_string()),
            time: header.time.as_millis(),
            kind: header.kind.clone(),
            text: entry.text().map(str::to_owned),
            media_type: header.body.media_type.clone(),
            size: header.body.len,
            redacted: entry.is_redacted(),
            refs: ids(&header.refs),
            redacts: ids(&header.redacts),
            links: header.links.iter().map(LinkView::from).collect(),
            file: entry.file_cid().to_string(),
        }
    }
}

impl From<&Link> for LinkView {
    fn from(link: &Link) -> Self {
        LinkView {
            name: link.name.clone(),
            cid: link.cid.to_string(),
            size: link.size,
            media_type: link.media_type.clone(),
        }
    }
}
