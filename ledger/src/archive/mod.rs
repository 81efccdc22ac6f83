//! Export and import: a topic as one CAR file, or as a folder of plain files, as `ipfs dag export` and `ipfs get` make
//! them; and checking such files with no node at all.
//!
//! What is exported is what the folder's CID names: its nodes, the entry files, and those attached files that are held
//! here. What is imported are entry files, from whatever shape they come in; every one of them goes through the one
//! admission (design invariant 2), and attached files are kept only for entries that passed it.

mod car_in;
mod car_out;
mod error;
mod folder_in;
mod folder_out;
mod intake;
mod report;
mod tree;
mod verify;

pub use error::ArchiveError;
pub use report::{Exported, Imported, Problem};
pub use verify::{TopicReport, VerifyReport, verify_path};

pub(crate) use car_in::import_car;
pub(crate) use car_out::export_car;
pub(crate) use folder_in::import_folder;
pub(crate) use folder_out::export_folder;
pub(crate) use intake::Admit;

#[cfg(test)]
mod tests;
