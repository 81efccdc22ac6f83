//! A ledger of signed entries that many machines keep the same with no server in charge.

pub mod store;
pub mod topic;
pub mod transport;
