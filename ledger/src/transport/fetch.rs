//! Fetch: blocks by content id.

use std::time::Duration;

use bytes::Bytes;
use cid::Cid;
use futures::stream::BoxStream;

use super::Peer;
use crate::store::StoreError;

/// Brings blocks from other peers.
pub trait Fetch: Send + Sync + 'static {
    /// Asks for all of `want.cids` at once and yields them as they arrive, grouped as they came in.
    ///
    /// Each CID is answered exactly once, with bytes **that hash to it** or with an error; then the stream ends.
    /// Dropping the stream cancels what is outstanding.
    fn fetch(&self, want: Want) -> FetchStream;

    /// Something was wrong with what a peer sent or claimed; the transport may prefer others, or refuse it. It overlooks
    /// [`Demerit::Withheld`] of a peer that it cannot reach: announcements travel farther than connections.
    fn demerit(&self, peer: &Peer, demerit: Demerit);

    /// Makes these roots known as held here, so that strangers find them (a DHT's provider records), newest wish
    /// first and within the transport's own budget. Replaces the wish before it. Peers that asked for one of them in
    /// vain may be served now.
    fn provide(&self, roots: Vec<Cid>);
}

/// The stream that [`Fetch::fetch`] gives: groups of answers, in the order of arrival.
pub type FetchStream = BoxStream<'static, Vec<Fetched>>;

/// A request for blocks.
#[derive(Debug, Clone)]
pub struct Want {
    /// What to bring; no CID twice.
    pub cids: Vec<Cid>,
    /// Peers that should have it, best first. They are asked before anybody else.
    pub ask_first: Vec<Peer>,
    /// How long to go on without any progress before what is missing is reported as [`FetchError::NotFound`].
    pub patience: Duration,
}

/// One answer.
#[derive(Debug, Clone)]
pub struct Fetched {
    /// What was asked for.
    pub cid: Cid,
    /// The block, or why there is none.
    pub result: Result<Block, FetchError>,
}

/// Bytes and who sent them.
#[derive(Debug, Clone)]
pub struct Block {
    /// The bytes; they hash to the CID asked for.
    pub bytes: Bytes,
    /// The peer that sent them.
    pub from: Peer,
}

/// Why a block did not come.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum FetchError {
    /// Nobody asked has it, or nobody answered within the patience given.
    #[error("no peer had the block in time")]
    NotFound,
    /// It is larger than the transport moves.
    #[error("the block is larger than the transport's limit")]
    TooLarge,
    /// The transport has stopped.
    #[error("the transport has stopped")]
    Closed,
}

/// What a peer did wrong.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Demerit {
    /// Announced a root that it could not serve.
    Withheld,
    /// Announced a folder whose nodes are malformed (too deep, unsorted, wrong sizes).
    BadFolder,
    /// Served entries that are refused (bad signature, wrong topic, not canonical).
    BadEntry,
    /// Sent an announcement that does not decode.
    BadAnnouncement,
}

/// The blocks that this node holds and serves.
///
/// A transport is given one and answers others' requests from it. Calls may come from any thread and may block on the
/// disk.
pub trait Blocks: Send + Sync + 'static {
    /// The block's bytes, if held. Cost: one or two store look-ups.
    fn get(&self, cid: &Cid) -> Result<Option<Bytes>, StoreError>;

    /// The block's length in bytes, if held.
    fn len_of(&self, cid: &Cid) -> Result<Option<usize>, StoreError> {
        Ok(self.get(cid)?.map(|bytes| bytes.len()))
    }
}
