//! Writing messages as length-prefixed frames.

use bytes::Bytes;
use cid::Cid;

use super::message::{Entry, Presence};
use super::prefix::{Prefix, SHA2_256};
use super::varint;
use super::version::Version;

/// What goes into one outgoing message.
#[derive(Debug, Clone, Default)]
pub(crate) struct Outgoing {
    pub(crate) entries: Vec<Entry>,
    pub(crate) blocks: Vec<(Cid, Bytes)>,
    pub(crate) presences: Vec<Presence>,
}

impl Outgoing {
    /// Whether there is nothing to send.
    pub(crate) fn is_empty(&self) -> bool {
        self.entries.is_empty() && self.blocks.is_empty() && self.presences.is_empty()
    }

    /// The whole frame, length first, for a peer that speaks `version`. What that version cannot say is left out.
    pub(crate) fn encode(&self, version: Version) -> Vec<u8> {
        let body = self.body_len(version);
        let mut out = Vec::with_capacity(varint::len(body as u64) + body);
        varint::write(body as u64, &mut out);
        self.write_wantlist(version, &mut out);
        for (cid, data) in self.blocks.iter().filter(|(cid, _)| sendable(cid, version)) {
            write_block(cid, data, version, &mut out);
        }
        if version.has_presences() {
            for presence in &self.presences {
                write_presence(presence, &mut out);
            }
        }
        debug_assert_eq!(out.len(), varint::len(body as u64) + body);
        out
    }

    fn body_len(&self, version: Version) -> usize {
        let wantlist: usize = self.entries.iter().map(|e| field_len(entry_len(e, version))).sum();
        let blocks: usize =
            self.blocks.iter().filter(|(cid, _)| sendable(cid, version)).map(|(c, d)| block_len(c, d, version)).sum();
        let presences: usize = match version.has_presences() {
            true => self.presences.iter().map(|p| field_len(presence_len(p))).sum(),
            false => 0,
        };
        let wantlist = if self.entries.is_empty() { 0 } else { field_len(wantlist) };
        wantlist + blocks + presences
    }

    fn write_wantlist(&self, version: Version, out: &mut Vec<u8>) {
        if self.entries.is_empty() {
            return;
        }
        out.push(0x0a);
        varint::write(self.entries.iter().map(|e| field_len(entry_len(e, version))).sum::<usize>() as u64, out);
        for entry in &self.entries {
            out.push(0x0a);
            varint::write(entry_len(entry, version) as u64, out);
            write_cid(&entry.cid, out);
            out.extend([0x10, 0x01]);
            if entry.cancel {
                out.extend([0x18, 0x01]);
            }
            if version.has_presences() {
                if entry.have {
                    out.extend([0x20, 0x01]);
                }
                if entry.send_dont_have {
                    out.extend([0x28, 0x01]);
                }
            }
        }
    }
}

/// Version 1.0.0 sends bare bytes, which the receiver takes for SHA2-256.
fn sendable(cid: &Cid, version: Version) -> bool {
    version.has_prefixes() || cid.hash().code() == SHA2_256
}

fn write_block(cid: &Cid, data: &Bytes, version: Version, out: &mut Vec<u8>) {
    if !version.has_prefixes() {
        out.push(0x12);
        varint::write(data.len() as u64, out);
        out.extend_from_slice(data);
        return;
    }
    let prefix = Prefix::of(cid);
    let prefix_len = prefix.encoded_len();
    out.push(0x1a);
    varint::write((field_len(prefix_len) + field_len(data.len())) as u64, out);
    out.push(0x0a);
    varint::write(prefix_len as u64, out);
    prefix.encode(out);
    out.push(0x12);
    varint::write(data.len() as u64, out);
    out.extend_from_slice(data);
}

fn block_len(cid: &Cid, data: &Bytes, version: Version) -> usize {
    match version.has_prefixes() {
        true => field_len(field_len(Prefix::of(cid).encoded_len()) + field_len(data.len())),
        false => field_len(data.len()),
    }
}

fn write_presence(presence: &Presence, out: &mut Vec<u8>) {
    out.push(0x22);
    varint::write(presence_len(presence) as u64, out);
    write_cid(&presence.cid, out);
    if !presence.have {
        out.extend([0x10, 0x01]);
    }
}

fn presence_len(presence: &Presence) -> usize {
    field_len(presence.cid.encoded_len()) + if presence.have { 0 } else { 2 }
}

fn entry_len(entry: &Entry, version: Version) -> usize {
    let flags = usize::from(entry.cancel)
        + usize::from(version.has_presences() && entry.have)
        + usize::from(version.has_presences() && entry.send_dont_have);
    field_len(entry.cid.encoded_len()) + 2 + 2 * flags
}

fn write_cid(cid: &Cid, out: &mut Vec<u8>) {
    out.push(0x0a);
    varint::write(cid.encoded_len() as u64, out);
    // Writing to a vector cannot fail.
    let _ = cid.write_bytes(&mut *out);
}

/// A length-delimited field: one byte of tag (all field numbers here are below 16), the length, the bytes.
fn field_len(len: usize) -> usize {
    1 + varint::len(len as u64) + len
}
