//! What authors say about themselves.

use std::collections::BTreeMap;

use super::limits;
use crate::cbor::{CborError, Reader, Writer};

/// What an author says about himself or herself: a few texts by name. Nothing of it is proven.
///
/// In an entry it is a CBOR map from text to text in the deterministic encoding. (Not JSON: the formats here have one
/// CBOR reader, which is bounded and accepts one encoding a value; a second parser for this alone would be one too many.)
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct Profile {
    /// What the author wants to be called (field `name`).
    pub name: Option<String>,
    /// Some words (field `about`).
    pub about: Option<String>,
    /// A page of the author's (field `url`). Check its scheme before making a link of it.
    pub url: Option<String>,
    /// Fields that an application brings.
    pub more: BTreeMap<String, String>,
}

impl Profile {
    /// The media type of a profile's body.
    pub const MEDIA_TYPE: &'static str = "application/cbor";

    /// The body of an entry.
    pub fn to_bytes(&self) -> Vec<u8> {
        let known = [("name", &self.name), ("about", &self.about), ("url", &self.url)];
        let known = known.iter().filter_map(|(key, value)| value.as_deref().map(|value| (*key, value)));
        let more = self.more.iter().map(|(key, value)| (key.as_str(), value.as_str()));
        let fields: BTreeMap<Key<'_>, &str> = more.chain(known).map(|(key, value)| (Key::of(key), value)).collect();
        let mut out = Vec::new();
        let mut writer = Writer::new(&mut out);
        writer.map(fields.len());
        for (key, value) in fields {
            writer.text(key.text).text(value);
        }
        out
    }

    /// Reads the body of an entry. Fields that are not known go to `more`.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ProfileError> {
        if bytes.len() > limits::PROFILE {
            return Err(ProfileError::TooLarge);
        }
        let mut reader = Reader::new(bytes);
        let count = reader.map()?;
        if count > limits::PROFILE_FIELDS {
            return Err(ProfileError::TooLarge);
        }
        let mut profile = Profile::default();
        let mut last = None;
        for _ in 0..count {
            let key = Key::of(reader.text()?);
            if last.replace(key).is_some_and(|last| last >= key) {
                return Err(ProfileError::Order);
            }
            let value = reader.text()?.to_owned();
            match key.text {
                "name" => profile.name = Some(value),
                "about" => profile.about = Some(value),
                "url" => profile.url = Some(value),
                other => drop(profile.more.insert(other.to_owned(), value)),
            }
        }
        reader.finish()?;
        Ok(profile)
    }
}

/// A field's name in the order of the deterministic encoding: shorter ones first, as their heads are smaller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
struct Key<'a> {
    len: usize,
    text: &'a str,
}

impl<'a> Key<'a> {
    fn of(text: &'a str) -> Self {
        Key { len: text.len(), text }
    }
}

/// Why bytes are no profile.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ProfileError {
    /// More than a profile may be.
    #[error("larger than a profile may be: 4 KiB, 32 fields")]
    TooLarge,
    /// Not a map from text to text.
    #[error("not a map from text to text: {0}")]
    Cbor(#[from] CborError),
    /// Fields out of order, or one twice.
    #[error("the fields are out of order, or one is there twice")]
    Order,
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_profile_has_these_bytes() {
        let profile =
            Profile { name: Some("Ada".into()), url: Some("https://ada.example".into()), ..Profile::default() };
        assert_eq!(profile.to_bytes(), b"\xa2\x63url\x73https://ada.example\x64name\x63Ada");
    }

    #[test]
    fn a_field_twice_or_out_of_order_is_refused() {
        assert_eq!(Profile::from_bytes(b"\xa2\x61b\x61x\x61a\x61x"), Err(ProfileError::Order));
        assert_eq!(Profile::from_bytes(b"\xa2\x61a\x61x\x61a\x61x"), Err(ProfileError::Order));
        assert_eq!(Profile::from_bytes(b"\xbb\xff\xff\xff\xff\xff\xff\xff\xff"), Err(ProfileError::TooLarge));
        assert_eq!(Profile::from_bytes(&[0; 5000]), Err(ProfileError::TooLarge));
    }

    proptest! {
        #[test]
        fn a_profile_reads_back(
            name: Option<String>, about: Option<String>, more in prop::collection::btree_map("[a-z]{5,9}x", ".*", 0..5),
        ) {
            let profile = Profile { name, about, url: None, more };
            let bytes = profile.to_bytes();
            prop_assume!(bytes.len() <= limits::PROFILE);
            prop_assert_eq!(Profile::from_bytes(&bytes), Ok(profile));
        }

        #[test]
        fn garbage_does_not_panic(bytes: Vec<u8>) {
            let _ = Profile::from_bytes(&bytes);
        }
    }
}
