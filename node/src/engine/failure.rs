//! What a store's errors mean to whoever typed a command.

use tidings_ledger::store::StoreError;

use crate::exit::{Exit, Failure};

pub(super) fn of_store(error: &StoreError) -> Failure {
    let exit = match error {
        StoreError::Locked { .. } | StoreError::Foreign { .. } | StoreError::TooNew { .. } | StoreError::Corrupt(_) => {
            Exit::Folder
        }
        _ => Exit::Failed,
    };
    Failure::new(exit, error)
}
