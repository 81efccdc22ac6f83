//! What goes in and what comes out of a replica.

use bytes::Bytes;
use cid::Cid;

use crate::admission::Refusal;
use crate::announcement::{Announcement, AnnouncementError};
use crate::author::{Author, AuthorKey};
use crate::entry::{Draft, DraftError, Entry, EntryId};
use crate::store::Batch;
use crate::topic::{TopicId, TopicName};
use crate::transport::{Channel, Demerit, MessageId, Peer, Verdict};

/// Something that happened.
#[derive(Debug)]
#[non_exhaustive]
pub enum Input {
    /// The replica begins to run.
    Start,
    /// The user writes.
    Append(Vec<Append>),
    /// Entries that came in by another way (HTTP, an import) and were admitted.
    Submit(Vec<Entry>),
    /// The user wants a topic.
    Follow(TopicName),
    /// The user wants it no longer. What is held stays.
    Unfollow(TopicId),
    /// An announcement arrived; its inline entries went through admission.
    Heard {
        /// On which channel.
        channel: Channel,
        /// Who published it.
        from: Peer,
        /// For the verdict.
        message: MessageId,
        /// What it says.
        announcement: Result<Announcement, AnnouncementError>,
        /// Its inline entries.
        entries: Vec<Result<Entry, Refusal>>,
    },
    /// A peer began to listen on a channel.
    Subscribed {
        /// Where.
        channel: Channel,
    },
    /// Announcements may have been lost.
    Missed,
    /// Blocks that were asked for arrived, or did not.
    Fetched(Vec<Arrival>),
    /// Fold everything into the folders now.
    Flush,
    /// The time of [`Replica::next_wake`](super::Replica::next_wake) has come.
    Wake,
}

/// One entry to append.
#[derive(Debug, Clone)]
pub struct Append {
    /// Where.
    pub topic: TopicName,
    /// By whom.
    pub key: AuthorKey,
    /// What.
    pub draft: Draft,
}

/// An answer to a fetch.
#[derive(Debug)]
pub struct Arrival {
    /// What was asked for.
    pub cid: Cid,
    /// Who sent it.
    pub from: Option<Peer>,
    /// What came.
    pub content: Arrived,
}

/// What came for a CID.
#[derive(Debug)]
pub enum Arrived {
    /// A dag-pb block, unchecked but for its hash.
    Node(Bytes),
    /// A raw block of this length, which went through admission.
    Entry(Result<Entry, Refusal>, usize),
    /// Nothing.
    Missing,
}

/// What is to be done, in this order: **commit first; only when that has succeeded, all the rest; then the next input.**
#[derive(Debug, Default)]
#[must_use = "effects do nothing unless they are carried out"]
pub struct Effects {
    /// To be written, all or nothing.
    pub commit: Batch,
    /// Answers to an [`Input::Append`], in order.
    pub appended: Vec<Result<Entry, AppendError>>,
    /// Answers to an [`Input::Submit`], in order: whether the entry was new.
    pub submitted: Vec<Result<bool, Refusal>>,
    /// Verdicts on messages.
    pub verdicts: Vec<(MessageId, Verdict)>,
    /// Channels to join.
    pub join: Vec<Channel>,
    /// Channels to leave.
    pub leave: Vec<Channel>,
    /// Announcements to publish.
    pub publish: Vec<(Channel, Bytes)>,
    /// Blocks to ask for; each CID is to be answered with one [`Arrival`].
    pub fetch: Vec<FetchRequest>,
    /// What peers did wrong.
    pub demerits: Vec<(Peer, Demerit)>,
    /// Roots to make known, newest first, if they changed.
    pub provide: Option<Vec<Cid>>,
    /// What the application should know.
    pub notices: Vec<Notice>,
}

/// Blocks to ask for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FetchRequest {
    /// Which.
    pub cids: Vec<Cid>,
    /// Who should have them.
    pub ask_first: Vec<Peer>,
}

/// What the application is told.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Notice {
    /// An entry came in, from here or from elsewhere. It is durable.
    Entry(Entry),
    /// An entry lost its body and attachments, as its author asked.
    Redacted {
        /// Its topic.
        topic: TopicId,
        /// Which.
        entry: EntryId,
    },
    /// A topic's folder changed.
    Folder {
        /// Which topic.
        topic: TopicId,
        /// Its folder now.
        cid: Cid,
        /// Entries in it.
        entries: u64,
    },
    /// The catalog changed.
    Catalog {
        /// Its root now.
        cid: Cid,
        /// Entries in all topics together.
        entries: u64,
    },
    /// An author signed two entries for one place in a chain.
    Fork(Fork),
    /// The reader was too slow: this many notices were left out. Reading the topic shows what they were about.
    Lagged(u64),
}

/// Two entries of one author with one place in a topic: the proof that the author (or a copy of the key) forked.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fork {
    /// Where.
    pub topic: TopicId,
    /// Whose.
    pub author: Author,
    /// Which place.
    pub seq: u64,
    /// The entries that claim it, two or more. Their signed headers are the proof.
    pub entries: Vec<EntryId>,
}

/// Why an entry was not appended.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AppendError {
    /// The draft breaks a rule.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// The draft has a time in the future.
    #[error("the entry's time is in the future; check its date, or the clock of this machine")]
    Future,
    /// The entry was signed and not taken.
    #[error(transparent)]
    Refused(Refusal),
    /// Too many topics are held already.
    #[error("this node holds as many topics as its limit allows")]
    TooManyTopics,
    /// The store failed. Nothing was appended.
    #[error(transparent)]
    Store(#[from] crate::store::StoreError),
    /// The ledger was closed.
    #[error("the ledger is closed")]
    Closed,
}
