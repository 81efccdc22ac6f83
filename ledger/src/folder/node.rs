//! One node of a folder: a plain UnixFS directory in dag-pb, which any IPFS tool lists.

use bytes::Bytes;
use cid::Cid;
use ipld_dagpb::{PbLink, PbNode};

use super::{name, shape};
use crate::content;

/// The UnixFS data of a directory: a protobuf message whose field 1, the type, is 1.
const DIRECTORY: [u8; 2] = [0x08, 0x01];

/// A leaf holds items, a higher node holds nodes of the level below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Node {
    Leaf(Vec<Item>),
    Inner(Vec<Child>),
}

/// What a leaf lists: an entry's file with the files attached to it, or (in a catalog) a topic's folder.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Item {
    /// Its file name, by which items are sorted.
    pub(crate) key: String,
    /// The file or folder.
    pub(crate) cid: Cid,
    /// Bytes of everything below.
    pub(crate) size: u64,
    /// Files attached to it, by name.
    pub(crate) files: Vec<File>,
}

/// A file attached to an entry, as the folder lists it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct File {
    /// The name its author gave it.
    pub(crate) name: String,
    pub(crate) cid: Cid,
    pub(crate) size: u64,
}

/// A link to a node of the level below.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Child {
    /// The key of the first item below it.
    pub(crate) first: String,
    pub(crate) cid: Cid,
    /// Bytes of everything below.
    pub(crate) size: u64,
}

impl Item {
    /// How many links it takes up in its node.
    pub(crate) fn links(&self) -> usize {
        1 + self.files.len()
    }
}

/// A node's block.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Encoded {
    pub(crate) cid: Cid,
    pub(crate) bytes: Vec<u8>,
    /// Bytes of the block and of everything below it: what a link to it states.
    pub(crate) size: u64,
}

/// Writes a leaf.
pub(crate) fn encode_leaf(items: &[Item]) -> Encoded {
    let mut links = Vec::with_capacity(items.len());
    for item in items {
        links.push(link(item.key.clone(), item.cid, item.size));
        links.extend(item.files.iter().map(|file| link(name::attachment(&item.key, &file.name), file.cid, file.size)));
    }
    encode(links)
}

/// Writes a higher node.
pub(crate) fn encode_inner(children: &[Child]) -> Encoded {
    encode(children.iter().map(|child| link(name::node(&child.first), child.cid, child.size)).collect())
}

fn link(name: String, cid: Cid, size: u64) -> PbLink {
    PbLink { cid, name: Some(name), size: Some(size) }
}

fn encode(links: Vec<PbLink>) -> Encoded {
    let below = links.iter().filter_map(|link| link.size).fold(0, u64::saturating_add);
    let bytes = PbNode { links, data: Some(Bytes::from_static(&DIRECTORY)) }.into_bytes();
    Encoded { cid: content::node_cid(&bytes), size: below.saturating_add(bytes.len() as u64), bytes }
}

/// What kind of leaf is expected.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Entries of a topic.
    Topic,
    /// Topics of a catalog.
    Catalog,
}

/// Why a block is not a node of a folder. Always the fault of whoever made it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum NodeError {
    /// Not a dag-pb node, or not in its one encoding.
    #[error("not a dag-pb node in its one encoding")]
    NotDagPb,
    /// Not a UnixFS directory.
    #[error("not a UnixFS directory")]
    NotDirectory,
    /// More links than a node can have.
    #[error("{0} links, more than a node can have")]
    TooManyLinks(usize),
    /// Names that are not sorted, or the same twice.
    #[error("links are not sorted, or a name is there twice")]
    Unsorted,
    /// A name that has no place here.
    #[error("the name {0:?} has no place in a folder")]
    Name(String),
    /// A link without a size, or with a CID of another kind.
    #[error("a link without a size, or whose CID is not version 1 with sha2-256")]
    Link,
}

/// Reads somebody else's node, which has to be in its one encoding. O(length).
pub(crate) fn decode(kind: Kind, bytes: &Bytes) -> Result<Node, NodeError> {
    let node = PbNode::from_bytes(bytes.clone()).map_err(|_| NodeError::NotDagPb)?;
    let read = read(kind, &node)?;
    if node.into_bytes() != bytes[..] {
        return Err(NodeError::NotDagPb);
    }
    Ok(read)
}

/// Reads a node that was written here, so it is in its one encoding. O(length).
pub(crate) fn decode_own(kind: Kind, bytes: Vec<u8>) -> Result<Node, NodeError> {
    read(kind, &PbNode::from_bytes(Bytes::from(bytes)).map_err(|_| NodeError::NotDagPb)?)
}

fn read(kind: Kind, node: &PbNode) -> Result<Node, NodeError> {
    if node.data.as_deref() != Some(&DIRECTORY[..]) {
        return Err(NodeError::NotDirectory);
    }
    // The last item may overshoot the forced cut by its attachments.
    let most = shape::FORCED_CUT + crate::entry::limits::LINKS;
    if node.links.len() > most {
        return Err(NodeError::TooManyLinks(node.links.len()));
    }
    if !node.links.is_sorted_by(|a, b| a.name < b.name) {
        return Err(NodeError::Unsorted);
    }
    let inner = node.links.first().and_then(|link| link.name.as_deref()).is_some_and(|n| name::node_key(n).is_some());
    Ok(if inner { Node::Inner(children(kind, node)?) } else { Node::Leaf(items(kind, node)?) })
}

fn children(kind: Kind, node: &PbNode) -> Result<Vec<Child>, NodeError> {
    let read = |link: &PbLink| {
        let (name, cid, size) = parts(link)?;
        match name::node_key(name) {
            Some(first) if is_key(kind, first) && cid.codec() == content::DAG_PB => {
                Ok(Child { first: first.to_owned(), cid, size })
            }
            _ => Err(NodeError::Name(name.to_owned())),
        }
    };
    node.links.iter().map(read).collect()
}

fn items(kind: Kind, node: &PbNode) -> Result<Vec<Item>, NodeError> {
    let codec = match kind {
        Kind::Topic => content::RAW,
        Kind::Catalog => content::DAG_PB,
    };
    let mut items: Vec<Item> = Vec::with_capacity(node.links.len());
    for link in &node.links {
        let (name, cid, size) = parts(link)?;
        if is_key(kind, name) && cid.codec() == codec {
            items.push(Item { key: name.to_owned(), cid, size, files: Vec::new() });
            continue;
        }
        match items.last_mut() {
            Some(item) if kind == Kind::Topic && name::is_attachment_of(&item.key, name) => {
                item.files.push(File { name: name[item.key.len() + 1..].to_owned(), cid, size });
            }
            _ => return Err(NodeError::Name(name.to_owned())),
        }
    }
    Ok(items)
}

fn parts(link: &PbLink) -> Result<(&str, Cid, u64), NodeError> {
    match (&link.name, link.size) {
        (Some(name), Some(size))
            if link.cid.version() == cid::Version::V1 && content::digest_of(&link.cid).is_some() =>
        {
            Ok((name, link.cid, size))
        }
        _ => Err(NodeError::Link),
    }
}

fn is_key(kind: Kind, name: &str) -> bool {
    match kind {
        Kind::Topic => name::is_entry(name),
        Kind::Catalog => name::is_topic(name),
    }
}
