//! Deterministic CBOR (RFC 8949 §4.2.1), the small part of it that the formats use.
//!
//! The writer can write nothing else; the reader accepts nothing else: shortest heads, definite lengths, UTF-8 text.
//! So one value has one encoding, and bytes that were read need not be written again to prove it.

use ciborium_ll::{Encoder, Header, simple};

/// Why bytes are not the deterministic CBOR that was expected here.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CborError {
    /// The input ends in the middle of an item.
    #[error("the bytes end too early")]
    Truncated,
    /// There is more input than one item.
    #[error("there are bytes behind the end")]
    Trailing,
    /// A number or length is not in its shortest form, or a length is indefinite.
    #[error("not the deterministic encoding of RFC 8949 §4.2")]
    NotShortest,
    /// Another kind of item stands here.
    #[error("an item of another kind than expected")]
    Unexpected,
    /// A text is not UTF-8.
    #[error("a text that is not UTF-8")]
    NotUtf8,
}

/// Major types (RFC 8949 §3.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Major {
    Positive = 0,
    Bytes = 2,
    Text = 3,
    Array = 4,
    Map = 5,
}

/// The one byte of `null`.
pub(crate) const NULL: u8 = 0xf6;

/// Reads items one after the other.
#[derive(Debug, Clone)]
pub(crate) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Reader { rest: bytes }
    }

    /// What was not read yet.
    pub(crate) fn rest(&self) -> &'a [u8] {
        self.rest
    }

    /// Ends the reading: nothing may be left.
    pub(crate) fn finish(self) -> Result<(), CborError> {
        if self.rest.is_empty() { Ok(()) } else { Err(CborError::Trailing) }
    }

    /// An unsigned number.
    pub(crate) fn uint(&mut self) -> Result<u64, CborError> {
        self.head(Major::Positive)
    }

    /// A byte string.
    pub(crate) fn bytes(&mut self) -> Result<&'a [u8], CborError> {
        let len = self.head(Major::Bytes)?;
        self.take(len)
    }

    /// A byte string of 32 bytes.
    pub(crate) fn bytes32(&mut self) -> Result<[u8; 32], CborError> {
        self.bytes()?.try_into().map_err(|_| CborError::Unexpected)
    }

    /// A text.
    pub(crate) fn text(&mut self) -> Result<&'a str, CborError> {
        let len = self.head(Major::Text)?;
        std::str::from_utf8(self.take(len)?).map_err(|_| CborError::NotUtf8)
    }

    /// The head of an array; its items follow. The number is only what the input claims: allocate nothing by it.
    pub(crate) fn array(&mut self) -> Result<u64, CborError> {
        self.head(Major::Array)
    }

    /// The head of a map; its pairs follow.
    pub(crate) fn map(&mut self) -> Result<u64, CborError> {
        self.head(Major::Map)
    }

    /// Reads a `null` if one stands here.
    pub(crate) fn null(&mut self) -> bool {
        match self.rest {
            [NULL, rest @ ..] => {
                self.rest = rest;
                true
            }
            _ => false,
        }
    }

    /// Reads exactly these bytes.
    pub(crate) fn literal(&mut self, expected: &[u8]) -> Result<(), CborError> {
        match self.rest.strip_prefix(expected) {
            Some(rest) => {
                self.rest = rest;
                Ok(())
            }
            None if expected.starts_with(self.rest) => Err(CborError::Truncated),
            None => Err(CborError::Unexpected),
        }
    }

    fn head(&mut self, major: Major) -> Result<u64, CborError> {
        let (&first, rest) = self.rest.split_first().ok_or(CborError::Truncated)?;
        if first >> 5 != major as u8 {
            return Err(CborError::Unexpected);
        }
        self.rest = rest;
        let (value, least) = match first & 0x1f {
            small @ 0..=23 => return Ok(u64::from(small)),
            24 => (self.number(1)?, 24),
            25 => (self.number(2)?, 1 << 8),
            26 => (self.number(4)?, 1 << 16),
            27 => (self.number(8)?, 1 << 32),
            _ => return Err(CborError::NotShortest),
        };
        if value < least { Err(CborError::NotShortest) } else { Ok(value) }
    }

    fn number(&mut self, width: u64) -> Result<u64, CborError> {
        Ok(self.take(width)?.iter().fold(0, |value, byte| value << 8 | u64::from(*byte)))
    }

    fn take(&mut self, len: u64) -> Result<&'a [u8], CborError> {
        let len = usize::try_from(len).map_err(|_| CborError::Truncated)?;
        let (taken, rest) = self.rest.split_at_checked(len).ok_or(CborError::Truncated)?;
        self.rest = rest;
        Ok(taken)
    }
}

/// Writes items one after the other.
pub(crate) struct Writer<'a>(Encoder<&'a mut Vec<u8>>);

impl<'a> Writer<'a> {
    pub(crate) fn new(out: &'a mut Vec<u8>) -> Self {
        Writer(Encoder::from(out))
    }

    pub(crate) fn uint(&mut self, value: u64) -> &mut Self {
        self.push(Header::Positive(value))
    }

    pub(crate) fn bytes(&mut self, value: &[u8]) -> &mut Self {
        let Ok(()) = self.0.bytes(value, None).map_err(unfailing);
        self
    }

    pub(crate) fn text(&mut self, value: &str) -> &mut Self {
        let Ok(()) = self.0.text(value, None).map_err(unfailing);
        self
    }

    pub(crate) fn array(&mut self, items: usize) -> &mut Self {
        self.push(Header::Array(Some(items)))
    }

    pub(crate) fn map(&mut self, pairs: usize) -> &mut Self {
        self.push(Header::Map(Some(pairs)))
    }

    pub(crate) fn null(&mut self) -> &mut Self {
        self.push(Header::Simple(simple::NULL))
    }

    fn push(&mut self, header: Header) -> &mut Self {
        let Ok(()) = self.0.push(header).map_err(unfailing);
        self
    }
}

/// Writing to a vector does not fail, and the type says so on targets without `std`; with it, it cannot.
fn unfailing<E: std::fmt::Debug>(error: E) -> std::convert::Infallible {
    unreachable!("writing to a vector failed: {error:?}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_number_in_a_longer_form_is_refused() {
        for (bytes, ok) in [
            (&[0x17][..], true),
            (&[0x18, 0x17], false),
            (&[0x18, 0x18], true),
            (&[0x19, 0x00, 0xff], false),
            (&[0x1a, 0, 0, 0xff, 0xff], false),
            (&[0x1b, 0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff], false),
            (&[0x1f], false),
        ] {
            assert_eq!(Reader::new(bytes).uint().is_ok(), ok, "{bytes:02x?}");
        }
    }

    #[test]
    fn a_length_beyond_the_input_is_no_allocation_and_no_panic() {
        let bytes = [0x5b, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1, 2, 3];
        assert_eq!(Reader::new(&bytes).bytes(), Err(CborError::Truncated));
    }

    proptest! {
        #[test]
        fn what_is_written_reads_back(n: u64, bytes: Vec<u8>, text: String) {
            let mut out = Vec::new();
            Writer::new(&mut out).array(4).uint(n).bytes(&bytes).text(&text).null();
            let mut reader = Reader::new(&out);
            prop_assert_eq!(reader.array(), Ok(4));
            prop_assert_eq!(reader.uint(), Ok(n));
            prop_assert_eq!(reader.bytes(), Ok(&bytes[..]));
            prop_assert_eq!(reader.text(), Ok(&text[..]));
            prop_assert!(reader.null());
            prop_assert_eq!(reader.finish(), Ok(()));
            let general: ciborium::Value = ciborium::from_reader(&out[..]).unwrap();
            prop_assert_eq!(general.as_array().map(Vec::len), Some(4));
        }
    }
}
