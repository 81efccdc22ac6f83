//! What one entry says.

use super::profile::{Profile, ProfileError};
use super::{kind, limits};
use crate::entry::{Entry, EntryId, Link};

/// What an entry says, in the words of comments.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Comment<'a> {
    /// A comment: a post, a reply, a file or a recording.
    Said {
        /// The comment it answers, if it answers one.
        to: Option<EntryId>,
        /// The text or caption; `None` if it was redacted.
        text: Option<&'a str>,
        /// The attached files; none if it was redacted.
        files: &'a [Link],
    },
    /// A new text for an earlier comment.
    Edit {
        /// The comment.
        of: EntryId,
        /// The whole new text; `None` if it was redacted.
        text: Option<&'a str>,
    },
    /// Takes earlier entries back.
    Redact {
        /// Which.
        entries: &'a [EntryId],
        /// Why, or empty.
        why: &'a str,
    },
    /// A reaction.
    React {
        /// To what.
        to: EntryId,
        /// An emoji or a word; `None` if it was redacted.
        symbol: Option<&'a str>,
    },
    /// What the author says about himself or herself; `None` if it was redacted.
    Profile(Option<Profile>),
}

impl<'a> Comment<'a> {
    /// Reads an entry. O(length of a profile), else O(1) but for the check of UTF-8.
    pub fn of(entry: &'a Entry) -> Result<Comment<'a>, NotAComment> {
        let header = entry.header();
        let target = header.refs.first().copied();
        let files = if entry.is_redacted() { &[][..] } else { &header.links };
        match entry.kind() {
            kind::POST => Ok(Comment::Said { to: None, text: text(entry)?, files }),
            kind::REPLY => {
                Ok(Comment::Said { to: Some(target.ok_or(NotAComment::NoTarget)?), text: text(entry)?, files })
            }
            kind::FILE | kind::AUDIO if header.links.is_empty() => Err(NotAComment::NoFile),
            kind::FILE | kind::AUDIO => Ok(Comment::Said { to: target, text: text(entry)?, files }),
            kind::EDIT => Ok(Comment::Edit { of: target.ok_or(NotAComment::NoTarget)?, text: text(entry)? }),
            kind::REDACT if header.redacts.is_empty() => Err(NotAComment::NoTarget),
            kind::REDACT => Ok(Comment::Redact { entries: &header.redacts, why: text(entry)?.unwrap_or_default() }),
            kind::REACT => {
                let symbol = text(entry)?;
                if symbol.is_some_and(|symbol| symbol.trim().is_empty() || symbol.len() > limits::REACTION) {
                    return Err(NotAComment::Reaction);
                }
                Ok(Comment::React { to: target.ok_or(NotAComment::NoTarget)?, symbol })
            }
            kind::PROFILE => Ok(Comment::Profile(entry.body().map(|body| Profile::from_bytes(body)).transpose()?)),
            _ => Err(NotAComment::OtherKind),
        }
    }
}

fn text(entry: &Entry) -> Result<Option<&str>, NotAComment> {
    match entry.body() {
        None => Ok(None),
        Some(body) => std::str::from_utf8(body).map(Some).map_err(|_| NotAComment::NotText),
    }
}

/// Why an entry is no comment.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NotAComment {
    /// It is of a kind that is not in the vocabulary.
    #[error("it is of a kind that this vocabulary does not know")]
    OtherKind,
    /// It says nothing of what it answers, changes or takes back.
    #[error("it does not name the entry that it is about")]
    NoTarget,
    /// A file or recording without one.
    #[error("it has no file attached")]
    NoFile,
    /// Its body is not text.
    #[error("its body is not UTF-8 text")]
    NotText,
    /// A reaction that is empty or too long.
    #[error("a reaction is empty or longer than 40 bytes")]
    Reaction,
    /// A profile that does not read.
    #[error("its profile is malformed: {0}")]
    Profile(#[from] ProfileError),
}
