//! Reading a CAR file.

use std::io::{self, Read};

use bytes::Bytes;
use cid::Cid;

use super::{CarError, header, limits};
use crate::content::sha256;

/// Multihash codes.
const SHA2_256: u64 = 0x12;
const IDENTITY: u64 = 0x00;

/// The longest number that says how long something is: 2^63 and more are no lengths.
const MAX_VARINT: usize = 9;

/// Reads block after block, each checked against its CID. Give it a buffered reader.
#[derive(Debug)]
pub struct CarReader<R> {
    reader: R,
    offset: u64,
    roots: Vec<Cid>,
    ended: bool,
}

impl<R: Read> CarReader<R> {
    /// Reads the header.
    pub fn new(reader: R) -> Result<Self, CarError> {
        let mut this = CarReader { reader, offset: 0, roots: Vec::new(), ended: false };
        let len = this.length(limits::HEADER).map_err(|error| match error {
            CarError::Length { .. } => CarError::Header("it does not begin with the length of a header"),
            other => other,
        })?;
        let header = this.section_bytes(0, len.ok_or(CarError::Header("the file is empty"))?)?;
        this.roots = header::decode(&header).map_err(CarError::Header)?;
        Ok(this)
    }

    /// The roots that the header names.
    pub fn roots(&self) -> &[Cid] {
        &self.roots
    }

    /// How many bytes were read so far.
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The next block; `None` at the end of the file. After an error there are no more.
    pub fn next_block(&mut self) -> Result<Option<(Cid, Bytes)>, CarError> {
        if self.ended {
            return Ok(None);
        }
        let block = self.section();
        self.ended = !matches!(block, Ok(Some(_)));
        block
    }

    fn section(&mut self) -> Result<Option<(Cid, Bytes)>, CarError> {
        let offset = self.offset;
        let Some(len) = self.length(limits::BLOCK + limits::CID)? else {
            return Ok(None);
        };
        let section = self.section_bytes(offset, len)?;
        let mut rest = &section[..];
        let cid = Cid::read_bytes(&mut rest).map_err(|_| CarError::Cid { offset })?;
        if rest.len() > limits::BLOCK {
            return Err(CarError::Length { offset, limit: limits::BLOCK });
        }
        let good = match cid.hash().code() {
            SHA2_256 => sha256(rest)[..] == *cid.hash().digest(),
            IDENTITY => rest == cid.hash().digest(),
            code => return Err(CarError::HashFunction { offset, cid, code }),
        };
        if !good {
            return Err(CarError::Hash { offset, cid });
        }
        let at = section.len() - rest.len();
        Ok(Some((cid, Bytes::from(section).slice(at..))))
    }

    /// A length (an unsigned LEB128 number in its shortest form); `None` if the file ends before it.
    fn length(&mut self, limit: usize) -> Result<Option<usize>, CarError> {
        let offset = self.offset;
        let mut value = 0u64;
        for at in 0..MAX_VARINT {
            let mut byte = [0];
            if self.fill(&mut byte)? == 0 {
                return if at == 0 { Ok(None) } else { Err(CarError::Truncated { offset }) };
            }
            value |= u64::from(byte[0] & 0x7f) << (7 * at);
            if byte[0] < 0x80 {
                let shortest = at == 0 || byte[0] != 0;
                return match usize::try_from(value) {
                    Ok(len @ 1..) if shortest && len <= limit => Ok(Some(len)),
                    _ => Err(CarError::Length { offset, limit }),
                };
            }
        }
        Err(CarError::Length { offset, limit })
    }

    fn section_bytes(&mut self, offset: u64, len: usize) -> Result<Vec<u8>, CarError> {
        let mut bytes = vec![0; len];
        if self.fill(&mut bytes)? < len { Err(CarError::Truncated { offset }) } else { Ok(bytes) }
    }

    /// Reads until the buffer is full or the file ends.
    fn fill(&mut self, buffer: &mut [u8]) -> Result<usize, CarError> {
        let mut filled = 0;
        while filled < buffer.len() {
            match self.reader.read(&mut buffer[filled..]) {
                Ok(0) => break,
                Ok(count) => {
                    filled += count;
                    self.offset += count as u64;
                }
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(error) => return Err(CarError::Io { offset: self.offset, error }),
            }
        }
        Ok(filled)
    }
}

impl<R: Read> Iterator for CarReader<R> {
    type Item = Result<(Cid, Bytes), CarError>;

    fn next(&mut self) -> Option<Self::Item> {
        self.next_block().transpose()
    }
}
