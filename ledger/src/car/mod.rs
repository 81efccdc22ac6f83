//! CAR, version 1: a file of blocks, as `ipfs dag export` writes and `ipfs dag import` reads it.
//!
//! Our own code and not `iroh-car` 0.5 (last release 2024): that one is async only, checks no hash, and brings a CBOR
//! stack for a header of two fields. `rs-car` 0.5 only reads.
//!
//! The reader is strict: one encoding of the header, sizes bounded, every block hashed. It holds one block in memory.

mod error;
mod header;
mod reader;
mod writer;

pub use error::CarError;
pub use reader::CarReader;
pub use writer::CarWriter;

/// Limits of what is read.
pub mod limits {
    /// Bytes of a header.
    pub const HEADER: usize = 4 * 1024;
    /// Roots in a header.
    pub const ROOTS: usize = 64;
    /// Bytes of a block, without its CID: what peers exchange at most.
    pub const BLOCK: usize = 2 * 1024 * 1024;
    /// Bytes of a CID: two numbers, a hash's code and length, and 64 bytes of hash, and some room.
    pub const CID: usize = 100;
}

#[cfg(test)]
mod tests;
