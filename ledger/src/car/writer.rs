//! Writing a CAR file.

use std::io::{self, Write};

use cid::Cid;

use super::header;

/// Writes block after block. Give it a buffered writer.
///
/// The caller vouches that the bytes hash to the CID; whoever reads the file checks it.
#[derive(Debug)]
pub struct CarWriter<W> {
    writer: W,
    written: u64,
}

impl<W: Write> CarWriter<W> {
    /// Writes the header.
    pub fn new(writer: W, roots: &[Cid]) -> io::Result<Self> {
        let mut this = CarWriter { writer, written: 0 };
        let header = header::encode(roots);
        this.length(header.len())?;
        this.put(&header)?;
        Ok(this)
    }

    /// Writes a block.
    pub fn write(&mut self, cid: &Cid, bytes: &[u8]) -> io::Result<()> {
        let cid = cid.to_bytes();
        self.length(cid.len() + bytes.len())?;
        self.put(&cid)?;
        self.put(bytes)
    }

    /// How many bytes were written so far.
    pub fn written(&self) -> u64 {
        self.written
    }

    /// Flushes, and gives the writer back.
    pub fn finish(mut self) -> io::Result<W> {
        self.writer.flush()?;
        Ok(self.writer)
    }

    fn length(&mut self, mut len: usize) -> io::Result<()> {
        let mut bytes = Vec::with_capacity(4);
        while len >= 0x80 {
            bytes.push(len as u8 | 0x80);
            len >>= 7;
        }
        bytes.push(len as u8);
        self.put(&bytes)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.writer.write_all(bytes)?;
        self.written += bytes.len() as u64;
        Ok(())
    }
}
