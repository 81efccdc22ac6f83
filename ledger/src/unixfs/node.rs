//! One block of a UnixFS graph, read.

use bytes::Bytes;
use cid::Cid;
use ipld_dagpb::PbNode;

use super::error::NodeError;
use super::message::{self, Message, Type};
use crate::content::{DAG_PB, RAW, is_nothing};

/// The largest block that peers exchange.
pub(super) const MAX_BLOCK: usize = 2 * 1024 * 1024;

/// The hash that sharded directories use (murmur3-x64-64).
const MURMUR3_X64_64: u64 = 0x22;

/// Multihash code of an inlined block: the CID is the bytes.
const IDENTITY: u64 = 0x00;

/// A block's meaning.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Node {
    File(File),
    Directory(Vec<Link>),
    Shard(Shard),
    Symlink(String),
}

/// A file, or a part of one: its own bytes, then its parts'.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct File {
    pub(super) inline: Bytes,
    pub(super) parts: Vec<Part>,
    pub(super) size: u64,
}

/// A part of a file, as the node above it sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Part {
    pub(super) cid: Cid,
    pub(super) len: u64,
}

/// A name in a directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Link {
    pub(super) name: String,
    pub(super) cid: Cid,
    pub(super) size: Option<u64>,
}

/// A node of a sharded directory.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Shard {
    /// Bits of a name's hash that choose a slot.
    pub(super) bits: u32,
    pub(super) slots: Vec<Slot>,
}

/// A used slot of a shard.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Slot {
    pub(super) index: u64,
    pub(super) value: SlotValue,
}

/// What a slot holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum SlotValue {
    Entry(Link),
    Shard(Cid),
}

/// Reads a block.
pub(super) fn decode(cid: &Cid, bytes: &Bytes) -> Result<Node, NodeError> {
    if bytes.len() > MAX_BLOCK {
        return Err(NodeError::TooLarge(bytes.len()));
    }
    match cid.codec() {
        RAW => Ok(Node::File(File { inline: bytes.clone(), parts: Vec::new(), size: bytes.len() as u64 })),
        DAG_PB => dag_pb(bytes),
        other => Err(NodeError::Codec(other)),
    }
}

/// The bytes of a block that is written out in its CID, or that everybody has.
pub(super) fn inlined(cid: &Cid) -> Option<Bytes> {
    if is_nothing(cid) {
        return Some(Bytes::new());
    }
    (cid.hash().code() == IDENTITY).then(|| Bytes::copy_from_slice(cid.hash().digest()))
}

/// The CIDs that a block links to: none for a raw one.
pub fn child_cids(cid: &Cid, bytes: &Bytes) -> Result<Vec<Cid>, NodeError> {
    match cid.codec() {
        RAW => Ok(Vec::new()),
        DAG_PB => {
            let node = PbNode::from_bytes(bytes.clone()).map_err(|_| NodeError::NotDagPb)?;
            Ok(node.links.into_iter().map(|link| link.cid).collect())
        }
        other => Err(NodeError::Codec(other)),
    }
}

fn dag_pb(bytes: &Bytes) -> Result<Node, NodeError> {
    let node = PbNode::from_bytes(bytes.clone()).map_err(|_| NodeError::NotDagPb)?;
    let data = node.data.clone().ok_or(NodeError::Malformed("a node without data"))?;
    let message = message::decode(&data)?;
    match message.kind {
        Type::Raw | Type::File => file(node, message).map(Node::File),
        Type::Directory => links(node).collect::<Result<_, _>>().map(Node::Directory),
        Type::Shard => shard(node, &message).map(Node::Shard),
        Type::Symlink => String::from_utf8(message.data.to_vec())
            .map(Node::Symlink)
            .map_err(|_| NodeError::Malformed("a symlink's target is not UTF-8")),
    }
}

fn file(node: PbNode, message: Message) -> Result<File, NodeError> {
    if node.links.len() != message.block_sizes.len() {
        return Err(NodeError::Malformed("a file has not one size for each part"));
    }
    let parts: Vec<Part> =
        node.links.iter().zip(&message.block_sizes).map(|(link, len)| Part { cid: link.cid, len: *len }).collect();
    let size = parts
        .iter()
        .try_fold(message.data.len() as u64, |sum, part| sum.checked_add(part.len))
        .ok_or(NodeError::Malformed("a file's parts are larger together than a number can say"))?;
    if message.file_size.is_some_and(|claimed| claimed != size) {
        return Err(NodeError::Malformed("a file's size is not the sum of its parts"));
    }
    Ok(File { inline: message.data, parts, size })
}

fn links(node: PbNode) -> impl Iterator<Item = Result<Link, NodeError>> {
    node.links.into_iter().map(|link| {
        let name = link.name.ok_or(NodeError::Malformed("a directory has a link without a name"))?;
        Ok(Link { name, cid: link.cid, size: link.size })
    })
}

fn shard(node: PbNode, message: &Message) -> Result<Shard, NodeError> {
    let fanout = message.fanout.ok_or(NodeError::Malformed("a shard without a fan-out"))?;
    if !fanout.is_power_of_two() || !(8..=1024).contains(&fanout) {
        return Err(NodeError::Malformed("a shard's fan-out is not a power of two from 8 to 1024"));
    }
    if message.hash_type != Some(MURMUR3_X64_64) {
        return Err(NodeError::Malformed("a shard uses another hash than murmur3-x64-64"));
    }
    // Each name begins with its slot in hex, padded to the width of the last slot's.
    let width = format!("{:X}", fanout - 1).len();
    let slots = links(node).map(|link| slot(link?, width, fanout)).collect::<Result<_, _>>()?;
    Ok(Shard { bits: fanout.trailing_zeros(), slots })
}

fn slot(link: Link, width: usize, fanout: u64) -> Result<Slot, NodeError> {
    let (index, name) =
        link.name.split_at_checked(width).ok_or(NodeError::Malformed("a shard's slot has no number"))?;
    let index = u64::from_str_radix(index, 16)
        .ok()
        .filter(|index| *index < fanout)
        .ok_or(NodeError::Malformed("a shard's slot has no number"))?;
    let value = match name {
        "" => SlotValue::Shard(link.cid),
        name => SlotValue::Entry(Link { name: name.to_owned(), cid: link.cid, size: link.size }),
    };
    Ok(Slot { index, value })
}
