//! One Bitswap message: its parts, and the decoder that never trusts them.
//!
//! The schema is protobuf (`bitswap.message.pb`): a wantlist, blocks (1.0.0: bare bytes; since 1.1.0: CID prefix and
//! bytes) and block presences (1.2.0). Decoding borrows from the frame; it allocates in proportion to the bytes that
//! really arrived, never to a number that a peer claims.

use bytes::Bytes;
use cid::Cid;

use super::prefix::Prefix;
use super::varint::{self, Varint};

/// The most bytes that one message may have: what Kubo and Helia use.
pub(crate) const MAX_MESSAGE: usize = 4 * 1024 * 1024;

/// A decoded message.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Message {
    /// What the sender wants, or wants no more.
    pub(crate) entries: Vec<Entry>,
    /// The entries are all that the sender wants; earlier ones are void.
    pub(crate) full: bool,
    /// Blocks.
    pub(crate) payload: Vec<Payload>,
    /// What the sender says of its having blocks.
    pub(crate) presences: Vec<Presence>,
}

/// A line of a wantlist.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Entry {
    pub(crate) cid: Cid,
    /// Not wanted any more.
    pub(crate) cancel: bool,
    /// Only whether there is one, not the bytes.
    pub(crate) have: bool,
    /// Answer even when there is none.
    pub(crate) send_dont_have: bool,
}

/// Bytes of a block and the prefix of its CID; the hash follows from the bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Payload {
    pub(crate) prefix: Prefix,
    pub(crate) data: Bytes,
}

/// HAVE or DONT_HAVE.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Presence {
    pub(crate) cid: Cid,
    pub(crate) have: bool,
}

/// The bytes are no Bitswap message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("not a bitswap message: {0}")]
pub(crate) struct DecodeError(&'static str);

impl Message {
    /// Decodes the body of one frame.
    pub(crate) fn decode(frame: &Bytes) -> Result<Message, DecodeError> {
        let mut message = Message::default();
        let mut fields = Fields::new(frame);
        while let Some((number, value)) = fields.next()? {
            match (number, value) {
                (1, Value::Bytes(from, to)) => message.read_wantlist(&frame[from..to])?,
                (2, Value::Bytes(from, to)) => {
                    message.payload.push(Payload { prefix: Prefix::V0, data: frame.slice(from..to) })
                }
                (3, Value::Bytes(from, to)) => message.payload.push(read_block(frame, from, to)?),
                (4, Value::Bytes(from, to)) => message.presences.push(read_presence(&frame[from..to])?),
                // pendingBytes, and whatever later versions add.
                _ => {}
            }
        }
        Ok(message)
    }

    fn read_wantlist(&mut self, bytes: &[u8]) -> Result<(), DecodeError> {
        let mut fields = Fields::new(bytes);
        while let Some((number, value)) = fields.next()? {
            match (number, value) {
                (1, Value::Bytes(from, to)) => self.entries.push(read_entry(&bytes[from..to])?),
                (2, Value::Number(n)) => self.full = n != 0,
                _ => {}
            }
        }
        Ok(())
    }
}

fn read_entry(bytes: &[u8]) -> Result<Entry, DecodeError> {
    let (mut cid, mut cancel, mut have, mut send_dont_have) = (None, false, false, false);
    let mut fields = Fields::new(bytes);
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Value::Bytes(from, to)) => cid = Some(read_cid(&bytes[from..to])?),
            (3, Value::Number(n)) => cancel = n != 0,
            (4, Value::Number(n)) => have = n == 1,
            (5, Value::Number(n)) => send_dont_have = n != 0,
            _ => {}
        }
    }
    let cid = cid.ok_or(DecodeError("a want without a CID"))?;
    Ok(Entry { cid, cancel, have, send_dont_have })
}

fn read_block(frame: &Bytes, from: usize, to: usize) -> Result<Payload, DecodeError> {
    let (mut prefix, mut data) = (None, Bytes::new());
    let bytes = &frame[from..to];
    let mut fields = Fields::new(bytes);
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Value::Bytes(a, b)) => {
                prefix = Some(Prefix::decode(&bytes[a..b]).ok_or(DecodeError("a malformed CID prefix"))?)
            }
            (2, Value::Bytes(a, b)) => data = frame.slice(from + a..from + b),
            _ => {}
        }
    }
    let prefix = prefix.ok_or(DecodeError("a block without a CID prefix"))?;
    Ok(Payload { prefix, data })
}

fn read_presence(bytes: &[u8]) -> Result<Presence, DecodeError> {
    let (mut cid, mut have) = (None, true);
    let mut fields = Fields::new(bytes);
    while let Some((number, value)) = fields.next()? {
        match (number, value) {
            (1, Value::Bytes(from, to)) => cid = Some(read_cid(&bytes[from..to])?),
            (2, Value::Number(n)) => have = n == 0,
            _ => {}
        }
    }
    let cid = cid.ok_or(DecodeError("a presence without a CID"))?;
    Ok(Presence { cid, have })
}

fn read_cid(bytes: &[u8]) -> Result<Cid, DecodeError> {
    // Reading a CID stops at its end: what comes after it would go unseen.
    let whole = Cid::try_from(bytes).ok().filter(|cid| cid.to_bytes() == bytes);
    whole.ok_or(DecodeError("a malformed CID"))
}

/// Walks the fields of a protobuf message.
struct Fields<'a> {
    bytes: &'a [u8],
    at: usize,
}

/// A field's value.
enum Value {
    Number(u64),
    /// Where it begins and ends.
    Bytes(usize, usize),
    /// A wire type that this schema does not use.
    Other,
}

impl<'a> Fields<'a> {
    fn new(bytes: &'a [u8]) -> Self {
        Fields { bytes, at: 0 }
    }

    fn next(&mut self) -> Result<Option<(u64, Value)>, DecodeError> {
        if self.at == self.bytes.len() {
            return Ok(None);
        }
        let tag = self.number()?;
        let value = match tag & 7 {
            0 => Value::Number(self.number()?),
            1 => self.skip(8)?,
            2 => {
                let len = self.number()?;
                let from = self.at;
                self.skip(len)?;
                Value::Bytes(from, self.at)
            }
            5 => self.skip(4)?,
            _ => return Err(DecodeError("an unknown wire type")),
        };
        Ok(Some((tag >> 3, value)))
    }

    fn number(&mut self) -> Result<u64, DecodeError> {
        match varint::read(&self.bytes[self.at..]) {
            Varint::Value(value, len) => {
                self.at += len;
                Ok(value)
            }
            Varint::Short => Err(DecodeError("it ends within a number")),
            Varint::Bad => Err(DecodeError("a number of more than 64 bits")),
        }
    }

    fn skip(&mut self, len: u64) -> Result<Value, DecodeError> {
        if len > (self.bytes.len() - self.at) as u64 {
            return Err(DecodeError("a field is longer than what holds it"));
        }
        self.at += len as usize;
        Ok(Value::Other)
    }
}
