//! Attached files: kept as blocks in the store, fetched when somebody reads them, freed when the last entry lets go.
//!
//! A file is named by its root. Which blocks belong to which root is noted block by block, since two files may share
//! some: a block goes when no root needs it, a root when no entry that still stands has it attached.

mod attach;
mod keep;
mod source;

pub use attach::AttachError;
pub use source::LedgerSource;

pub(crate) use attach::attach;
pub(crate) use keep::{Keeper, release_orphans};

#[cfg(test)]
mod tests;
