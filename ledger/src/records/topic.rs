//! What is kept of a topic.

use cid::Cid;

use super::Number;
use crate::cbor::{CborError, Reader, Writer};
use crate::content;
use crate::folder::{Tree, damaged};
use crate::store::StoreError;
use crate::time::Time;
use crate::topic::TopicId;

/// A topic's record: its name, its folder, and what is counted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct TopicRecord {
    pub(crate) number: Number,
    pub(crate) id: TopicId,
    /// The canonical name, once an entry or the user told it.
    pub(crate) name: Option<String>,
    /// Whether the user follows it.
    pub(crate) followed: bool,
    pub(crate) tree: Tree,
    /// Entries in the tree.
    pub(crate) entries: u64,
    /// The time of the newest entry in the tree.
    pub(crate) newest: Time,
}

impl TopicRecord {
    pub(crate) fn new(number: Number, id: TopicId) -> Self {
        TopicRecord {
            number,
            id,
            name: None,
            followed: false,
            tree: Tree::default(),
            entries: 0,
            newest: Time::default(),
        }
    }

    pub(crate) fn value(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(192);
        let mut writer = Writer::new(&mut out);
        writer.array(8).bytes(self.id.as_bytes());
        match &self.name {
            Some(name) => writer.text(name),
            None => writer.null(),
        };
        writer.uint(u64::from(self.followed)).uint(self.entries).uint(self.newest.as_millis());
        match &self.tree.root {
            Some(root) => writer.bytes(root.hash().digest()),
            None => writer.null(),
        };
        writer.array(self.tree.levels.len());
        for nodes in &self.tree.levels {
            writer.uint(*nodes);
        }
        writer.array(2).uint(self.tree.links).uint(self.tree.size);
        out
    }

    pub(crate) fn read(number: Number, value: &[u8]) -> Result<Self, StoreError> {
        Self::parse(number, value).map_err(|_| damaged("the record of a topic"))
    }

    fn parse(number: Number, value: &[u8]) -> Result<Self, CborError> {
        let mut reader = Reader::new(value);
        reader.array()?;
        let id = TopicId::from_bytes(reader.bytes32()?);
        let name = if reader.null() { None } else { Some(reader.text()?.to_owned()) };
        let followed = reader.uint()? != 0;
        let (entries, newest) = (reader.uint()?, Time::from_millis(reader.uint()?));
        let root: Option<Cid> =
            if reader.null() { None } else { Some(content::cid(content::DAG_PB, &reader.bytes32()?)) };
        let levels = (0..reader.array()?).map(|_| reader.uint()).collect::<Result<_, _>>()?;
        reader.array()?;
        let tree = Tree { root, levels, links: reader.uint()?, size: reader.uint()? };
        reader.finish()?;
        Ok(TopicRecord { number, id, name, followed, tree, entries, newest })
    }
}
