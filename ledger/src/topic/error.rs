//! Why a text does not name a topic.

/// A text that names no topic. The message says what to write instead.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum TopicNameError {
    /// Nothing is left once the white space is gone.
    #[error("the name is empty; write a page's address or a room's name")]
    Empty,
    /// Longer than the format carries.
    #[error("the name has {len} bytes, at most {limit} are allowed; use a shorter one")]
    TooLong {
        /// Its length in bytes.
        len: usize,
        /// The most that is allowed.
        limit: usize,
    },
    /// Not an address.
    #[error("not a web address ({0}); write it in full, as in https://example.org/page")]
    BadUrl(String),
    /// An address, but not of a web page.
    #[error("only http and https pages are topics, not {0}; for a room of this name, write room: before it")]
    NotWeb(String),
    /// The address holds a user name or a password.
    #[error("the address holds a user name or password, which everyone would see; take out what stands before the @")]
    UserInfo,
    /// The address names no machine.
    #[error("the address has no host; write it in full, as in https://example.org/page")]
    NoHost,
    /// A room's name holds a character that cannot be seen or that reorders text.
    #[error("the name holds the invisible character U+{code:04X}; take it out", code = *.0 as u32)]
    Invisible(char),
    /// The prefix `owned:` belongs to a later format.
    #[error("names that begin with owned: are reserved; for a room of this name, write room: before it")]
    Reserved,
    /// A name in canonical form was called for, and it is spelled differently.
    #[error("not in canonical form; the canonical spelling is {canonical}")]
    NotCanonical {
        /// How it is spelled.
        canonical: String,
    },
    /// A name in canonical form was called for, and it does not say what it names.
    #[error("not in canonical form: it must begin with url: or room:")]
    NoPrefix,
}
