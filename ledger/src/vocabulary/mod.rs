//! The words of comments: what an entry of each kind means. A thin layer; the core below knows none of it.
//!
//! | kind | first of `refs` | body | links |
//! |---|---|---|---|
//! | `post` | – | the text | any |
//! | `reply` | the comment it answers | the text | any |
//! | `edit` | the comment it changes, of the same author | the whole new text | – |
//! | `redact` | – (see `redacts`) | why, or empty | – |
//! | `react` | the comment it is about | the reaction: an emoji or a word, at most 40 bytes | – |
//! | `profile` | – | a [`Profile`] in CBOR (`application/cbor`), at most 4 KiB | `avatar…`, an image |
//! | `file` | the comment it answers, or – | a caption, or empty | one or more files |
//! | `audio` | the comment it answers, or – | a caption or transcript, or empty | one or more recordings |
//!
//! Text is `text/plain` in UTF-8 and is never HTML; put it through [`plain`] or [`line()`] before showing it. Further `refs`
//! are free for the application. Entries of other kinds are nobody's mistake: [`Comment::of`] says
//! [`NotAComment::OtherKind`], and [`thread()`] passes over them.
//!
//! [`thread()`] makes of a set of entries what a reader wants to see: a tree of replies with edits applied, redactions
//! shown as such and reactions counted. It is a pure function of the set, so all peers show the same.

mod comment;
mod display;
mod draft;
mod profile;
mod thread;

pub use comment::{Comment, NotAComment};
pub use display::{line, plain};
pub use draft::{audio, edit, file, post, react, redact, reply};
pub use profile::{Profile, ProfileError};
pub use thread::{Reaction, Thread, ThreadNode, Version, Walk, thread};

/// The kinds of entries.
pub mod kind {
    /// A comment that begins a discussion.
    pub const POST: &str = "post";
    /// A comment on another one.
    pub const REPLY: &str = "reply";
    /// A new text for an earlier comment of the same author.
    pub const EDIT: &str = "edit";
    /// Takes earlier entries of the same author back.
    pub const REDACT: &str = "redact";
    /// A reaction to a comment.
    pub const REACT: &str = "react";
    /// What the author says about himself or herself.
    pub const PROFILE: &str = "profile";
    /// A comment that is a file.
    pub const FILE: &str = "file";
    /// A comment that is a recording.
    pub const AUDIO: &str = "audio";
}

/// Limits beyond those of every entry. What is beyond them is no comment and is not shown.
pub mod limits {
    /// Bytes of a reaction: the longest emoji sequences have 35 and are flags of families; words are shorter.
    pub const REACTION: usize = 40;
    /// Bytes of a profile's body.
    pub const PROFILE: usize = 4096;
    /// Fields of a profile.
    pub const PROFILE_FIELDS: u64 = 32;
}
