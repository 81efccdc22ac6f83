//! The UnixFS message inside a dag-pb node. Its few fields are read and written by hand: a code generator would be more
//! code than this, and a decoder of our own says no where a general one shrugs.

use bytes::Bytes;

use super::error::NodeError;

/// What a node is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Type {
    Raw = 0,
    Directory = 1,
    File = 2,
    Symlink = 4,
    Shard = 5,
}

/// The message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Message {
    pub(super) kind: Type,
    pub(super) data: Bytes,
    pub(super) file_size: Option<u64>,
    pub(super) block_sizes: Vec<u64>,
    pub(super) hash_type: Option<u64>,
    pub(super) fanout: Option<u64>,
}

/// Field numbers.
mod field {
    pub(super) const TYPE: u64 = 1;
    pub(super) const DATA: u64 = 2;
    pub(super) const FILE_SIZE: u64 = 3;
    pub(super) const BLOCK_SIZES: u64 = 4;
    pub(super) const HASH_TYPE: u64 = 5;
    pub(super) const FANOUT: u64 = 6;
}

/// Wire types.
const VARINT: u64 = 0;
const FIXED64: u64 = 1;
const DELIMITED: u64 = 2;
const FIXED32: u64 = 5;

/// The message of a file's inner node.
pub(super) fn encode_file(block_sizes: &[u64]) -> Vec<u8> {
    let mut out = Vec::with_capacity(16 + 6 * block_sizes.len());
    let mut put = |number: u64, value: u64| {
        varint(&mut out, number << 3 | VARINT);
        varint(&mut out, value);
    };
    put(field::TYPE, Type::File as u64);
    put(field::FILE_SIZE, block_sizes.iter().fold(0, |sum: u64, size| sum.saturating_add(*size)));
    for size in block_sizes {
        put(field::BLOCK_SIZES, *size);
    }
    out
}

fn varint(out: &mut Vec<u8>, mut value: u64) {
    while value >= 0x80 {
        out.push(value as u8 | 0x80);
        value >>= 7;
    }
    out.push(value as u8);
}

/// Reads a message. Fields that nothing here needs (mode, mtime) are passed over.
pub(super) fn decode(bytes: &Bytes) -> Result<Message, NodeError> {
    let mut reader = Fields { rest: bytes };
    let mut kind = None;
    let mut data = Bytes::new();
    let (mut file_size, mut hash_type, mut fanout) = (None, None, None);
    let mut block_sizes = Vec::new();
    while !reader.rest.is_empty() {
        let tag = reader.varint()?;
        match (tag >> 3, tag & 7) {
            (field::TYPE, VARINT) => kind = Some(type_of(reader.varint()?)?),
            (field::DATA, DELIMITED) => data = bytes.slice_ref(reader.delimited()?),
            (field::FILE_SIZE, VARINT) => file_size = Some(reader.varint()?),
            (field::BLOCK_SIZES, VARINT) => block_sizes.push(reader.varint()?),
            (field::BLOCK_SIZES, DELIMITED) => {
                let mut packed = Fields { rest: reader.delimited()? };
                while !packed.rest.is_empty() {
                    block_sizes.push(packed.varint()?);
                }
            }
            (field::HASH_TYPE, VARINT) => hash_type = Some(reader.varint()?),
            (field::FANOUT, VARINT) => fanout = Some(reader.varint()?),
            (_, wire) => reader.skip(wire)?,
        }
    }
    let kind = kind.ok_or(NodeError::Malformed("no type"))?;
    Ok(Message { kind, data, file_size, block_sizes, hash_type, fanout })
}

fn type_of(number: u64) -> Result<Type, NodeError> {
    match number {
        0 => Ok(Type::Raw),
        1 => Ok(Type::Directory),
        2 => Ok(Type::File),
        4 => Ok(Type::Symlink),
        5 => Ok(Type::Shard),
        other => Err(NodeError::Type(other)),
    }
}

/// Reads a protobuf message field by field.
struct Fields<'a> {
    rest: &'a [u8],
}

impl<'a> Fields<'a> {
    fn varint(&mut self) -> Result<u64, NodeError> {
        let mut value = 0u64;
        for shift in (0..70).step_by(7) {
            let (&byte, rest) = self.rest.split_first().ok_or(NodeError::Malformed("it ends too early"))?;
            self.rest = rest;
            if shift == 63 && byte > 1 {
                break;
            }
            value |= u64::from(byte & 0x7f) << shift;
            if byte < 0x80 {
                return Ok(value);
            }
        }
        Err(NodeError::Malformed("a number is too long"))
    }

    fn delimited(&mut self) -> Result<&'a [u8], NodeError> {
        let len = self.varint()?;
        self.take(len)
    }

    fn skip(&mut self, wire: u64) -> Result<(), NodeError> {
        match wire {
            VARINT => self.varint().map(drop),
            FIXED64 => self.take(8).map(drop),
            DELIMITED => self.delimited().map(drop),
            FIXED32 => self.take(4).map(drop),
            _ => Err(NodeError::Malformed("an unknown wire type")),
        }
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], NodeError> {
        let (taken, rest) = usize::try_from(len)
            .ok()
            .and_then(|len| self.rest.split_at_checked(len))
            .ok_or(NodeError::Malformed("it ends too early"))?;
        self.rest = rest;
        Ok(taken)
    }
}
