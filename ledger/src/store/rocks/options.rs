//! What an embedder may choose.

/// What a commit has survived when it returns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Durability {
    /// Handed to the operating system: survives the process being killed at any instant. A power loss or a crash of
    /// the operating system can take the commits of the last half minute, never a part of one; what peers had already
    /// is fetched again.
    #[default]
    Wal,
    /// On the disk: survives a power loss. Commits made at the same time from several threads share one wait for the
    /// disk, and a batch costs as much as a single put.
    Fsync,
}

/// How a [`RocksStore`](super::RocksStore) is opened.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub struct RocksOptions {
    /// What a commit survives.
    pub durability: Durability,
    /// Memory for what is not yet in sorted files, in bytes, all tables together.
    pub write_buffer: usize,
    /// Memory for blocks, indexes and filters read from files, in bytes, all tables together.
    pub block_cache: usize,
    /// Files held open.
    pub max_open_files: i32,
}

impl Default for RocksOptions {
    /// About 50 MB of memory at most, and enough open files for some gigabytes.
    fn default() -> Self {
        const MIB: usize = 1 << 20;
        RocksOptions { durability: Durability::Wal, write_buffer: 24 * MIB, block_cache: 16 * MIB, max_open_files: 256 }
    }
}

impl RocksOptions {
    /// The defaults with this durability.
    pub fn durable(durability: Durability) -> Self {
        RocksOptions { durability, ..Self::default() }
    }
}
