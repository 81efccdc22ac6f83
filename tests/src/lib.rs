//! What crosses crates: scenarios over every transport, crashes, and the programs in the guide.

/// The programs in the guide for embedders, compiled and run.
#[cfg(doctest)]
#[doc = include_str!("../../docs/guide/embed.md")]
pub struct EmbedGuide;
