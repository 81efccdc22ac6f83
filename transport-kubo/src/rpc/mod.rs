//! The HTTP client: calls that end in time, answers of limited length, and a breaker for a daemon in trouble.

mod address;
mod backoff;
mod breaker;
mod client;
mod error;
mod lines;
mod multibase;
mod multipart;
#[cfg(test)]
mod tests;

pub(crate) use address::Address;
pub(crate) use backoff::Backoff;
pub(crate) use client::{Call, Rpc};
pub(crate) use error::RpcError;
pub(crate) use lines::Lines;
pub(crate) use multibase::{decode, encode};
