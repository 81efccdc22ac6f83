//! Drafts of each kind.

use super::kind;
use super::profile::Profile;
use crate::entry::{Draft, EntryId, Link};

/// A comment that begins a discussion.
pub fn post(text: impl Into<String>) -> Draft {
    Draft::new(kind::POST, text)
}

/// A comment on another one.
pub fn reply(to: EntryId, text: impl Into<String>) -> Draft {
    Draft::new(kind::REPLY, text).about(to)
}

/// The whole new text of an earlier comment of the same author.
pub fn edit(of: EntryId, text: impl Into<String>) -> Draft {
    Draft::new(kind::EDIT, text).about(of)
}

/// Takes an earlier entry of the same author back, everywhere; `why` may be empty.
pub fn redact(entry: EntryId, why: impl Into<String>) -> Draft {
    Draft::new(kind::REDACT, why).redacting(entry)
}

/// A reaction: an emoji or a word. To take it back, redact the entry.
pub fn react(to: EntryId, symbol: impl Into<String>) -> Draft {
    Draft::new(kind::REACT, symbol).about(to)
}

/// A file with a caption, which may be empty. A reply, if it is made [`about`](Draft::about) a comment.
pub fn file(link: Link, caption: impl Into<String>) -> Draft {
    Draft::new(kind::FILE, caption).with(link)
}

/// A recording with a caption or transcript, which may be empty. A reply, if it is made [`about`](Draft::about) a comment.
pub fn audio(link: Link, caption: impl Into<String>) -> Draft {
    Draft::new(kind::AUDIO, caption).with(link)
}

impl From<&Profile> for Draft {
    fn from(profile: &Profile) -> Draft {
        let mut draft = Draft::new(kind::PROFILE, "").of_type(Profile::MEDIA_TYPE);
        draft.body = profile.to_bytes().into();
        draft
    }
}
