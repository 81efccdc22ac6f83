//! The author's key in a file: PKCS#8 in PEM, which OpenSSL and most other software read, encrypted or not.

use std::path::{Path, PathBuf};

use pkcs8::der::asn1::OctetStringRef;
use pkcs8::der::pem::LineEnding;
use pkcs8::der::{Decode, Encode, SecretDocument};
use pkcs8::spki::AlgorithmIdentifierRef;
use pkcs8::{EncryptedPrivateKeyInfoRef, ObjectIdentifier, PrivateKeyInfoRef};
use tidings_ledger::author::AuthorKey;

use super::file::{read_secret, write_secret};
use super::passphrase::{Passphrase, ask};
use crate::exit::{Exit, Failure};

/// Ed25519 (RFC 8410).
const ED25519: ObjectIdentifier = ObjectIdentifier::new_unwrap("1.3.101.112");

const PLAIN: &str = "PRIVATE KEY";
const ENCRYPTED: &str = "ENCRYPTED PRIVATE KEY";

/// Where the key is.
pub(crate) fn key_file(data: &Path) -> PathBuf {
    data.join("author.key")
}

/// Makes a new key and writes it, encrypted if there is a passphrase.
pub(crate) fn create(path: &Path, passphrase: Option<&Passphrase>) -> Result<AuthorKey, Failure> {
    let mut seed = [0; 32];
    getrandom::fill(&mut seed)
        .map_err(|error| Failure::new(Exit::Failed, format!("the system gives no random numbers: {error}")))?;
    let key = AuthorKey::from_seed(&seed);
    write_secret(path, &to_pem(&key, passphrase)?)?;
    Ok(key)
}

/// Reads the key, asking for the passphrase if it is encrypted.
pub(crate) fn load(path: &Path) -> Result<AuthorKey, Failure> {
    let text = read_secret(path)?;
    from_pem(&text, || ask(&format!("Passphrase of {}: ", path.display())))
        .map_err(|failure| Failure { message: format!("{}: {}", path.display(), failure.message), ..failure })
}

/// The key that a pseudonym of a test corpus signs with: anyone can compute it, so it proves nothing.
pub(crate) fn test_key(pseudonym: &str) -> AuthorKey {
    use sha2::{Digest, Sha256};
    let seed = Sha256::new().chain_update(b"tidings/test-key/1\0").chain_update(pseudonym.as_bytes()).finalize();
    AuthorKey::from_seed(&seed.into())
}

fn to_pem(key: &AuthorKey, passphrase: Option<&Passphrase>) -> Result<String, Failure> {
    let failed = |error: String| Failure::new(Exit::Failed, format!("cannot write the key: {error}"));
    // RFC 8410: the private key is an octet string within the octet string.
    let mut inner = [0; 34];
    inner[..2].copy_from_slice(&[0x04, 0x20]);
    inner[2..].copy_from_slice(&key.to_seed());
    let algorithm = AlgorithmIdentifierRef { oid: ED25519, parameters: None };
    let inner = OctetStringRef::new(&inner).map_err(|error| failed(error.to_string()))?;
    let info = PrivateKeyInfoRef::new(algorithm, inner);
    let (label, document) = match passphrase {
        Some(passphrase) => {
            (ENCRYPTED, info.encrypt(passphrase.as_bytes()).map_err(|error| failed(error.to_string()))?)
        }
        None => {
            let der = info.to_der().map_err(|error| failed(error.to_string()))?;
            (PLAIN, SecretDocument::try_from(der).map_err(|error| failed(error.to_string()))?)
        }
    };
    document.to_pem(label, LineEnding::LF).map(|pem| pem.to_string()).map_err(|error| failed(error.to_string()))
}

fn from_pem(text: &str, ask: impl FnOnce() -> Result<Passphrase, Failure>) -> Result<AuthorKey, Failure> {
    let refused = |what: &str| Failure::new(Exit::Refused, what);
    let (label, document) = SecretDocument::from_pem(text)
        .map_err(|_| refused("this is not a key in PEM (it must begin with -----BEGIN PRIVATE KEY-----)"))?;
    let document = match label {
        PLAIN => document,
        ENCRYPTED => {
            let info = EncryptedPrivateKeyInfoRef::from_der(document.as_bytes())
                .map_err(|_| refused("the encrypted key is damaged"))?;
            let passphrase = ask()?;
            info.decrypt(passphrase.as_bytes())
                .map_err(|_| refused("the passphrase is wrong, or the file is damaged"))?
        }
        other => return Err(refused(&format!("expected a PRIVATE KEY, found {other}"))),
    };
    let info = PrivateKeyInfoRef::from_der(document.as_bytes()).map_err(|_| refused("the key is damaged"))?;
    if info.algorithm.oid != ED25519 {
        return Err(refused("the key is not for Ed25519; make one with: tidings init"));
    }
    let seed =
        info.private_key.as_bytes().strip_prefix(&[0x04, 0x20]).and_then(|seed| <&[u8; 32]>::try_from(seed).ok());
    seed.map(AuthorKey::from_seed).ok_or_else(|| refused("the key is damaged"))
}

#[cfg(test)]
mod tests {
    use super::*;
    use data_encoding::HEXLOWER;

    fn shown(key: &AuthorKey) -> String {
        HEXLOWER.encode(key.author().as_bytes())
    }

    fn never() -> Result<Passphrase, Failure> {
        panic!("nobody should be asked")
    }

    #[test]
    fn a_key_reads_back_with_and_without_a_passphrase() {
        let key = AuthorKey::from_seed(&[7; 32]);
        let plain = to_pem(&key, None).expect("written");
        assert_eq!(shown(&from_pem(&plain, never).expect("read")), shown(&key));
        let secret = Passphrase::new("korrekt Pferd".into());
        let encrypted = to_pem(&key, Some(&secret)).expect("written");
        assert!(encrypted.starts_with("-----BEGIN ENCRYPTED PRIVATE KEY-----"));
        assert_eq!(shown(&from_pem(&encrypted, || Ok(secret)).expect("read")), shown(&key));
    }

    #[test]
    fn a_wrong_passphrase_and_damaged_files_are_refused() {
        let key = AuthorKey::from_seed(&[7; 32]);
        let encrypted = to_pem(&key, Some(&Passphrase::new("right".into()))).expect("written");
        let wrong = from_pem(&encrypted, || Ok(Passphrase::new("wrong".into()))).expect_err("wrong");
        assert_eq!(wrong.exit, Exit::Refused);
        let plain = to_pem(&key, None).expect("written");
        for bad in ["", "hello", &plain[..60], &plain.replace("PRIVATE", "PUBLIC"), &plain.replacen('M', "A", 3)] {
            assert!(from_pem(bad, never).is_err(), "{bad}");
        }
    }

    #[test]
    fn the_file_is_the_one_that_openssl_writes() {
        // The first private key of RFC 8410 §10.3.
        let pem = "-----BEGIN PRIVATE KEY-----\n\
                   MC4CAQAwBQYDK2VwBCIEINTuctv5E1hK1bbY8fdp+K06/nwoy/HU++CXqI9EdVhC\n\
                   -----END PRIVATE KEY-----\n";
        let key = from_pem(pem, never).expect("the key of the RFC");
        assert_eq!(shown(&key), "19bf44096984cdfe8541bac167dc3b96c85086aa30b6b6cb0c5c38ad703166e1");
        assert_eq!(to_pem(&key, None).expect("written"), pem);
    }

    #[test]
    fn pseudonyms_have_one_key_each() {
        assert_eq!(test_key("a").author(), test_key("a").author());
        assert_ne!(test_key("a").author(), test_key("b").author());
    }
}
