//! The form of topics and data in today's RPC: multibase base64url, a `u` and then the text without padding.

use data_encoding::BASE64URL_NOPAD;

/// Bytes as the daemon wants them.
pub(crate) fn encode(bytes: &[u8]) -> String {
    let mut text = String::with_capacity(1 + bytes.len().div_ceil(3) * 4);
    text.push('u');
    BASE64URL_NOPAD.encode_append(bytes, &mut text);
    text
}

/// What the daemon's text stands for.
pub(crate) fn decode(text: &str) -> Option<Vec<u8>> {
    BASE64URL_NOPAD.decode(text.strip_prefix('u')?.as_bytes()).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_bytes_come_back_as_they_were() {
        for bytes in [&b""[..], b"a", b"\xff\xfe\xfb", b"/tidings/1/x"] {
            assert_eq!(decode(&encode(bytes)).as_deref(), Some(bytes));
        }
        assert_eq!(encode(b"\xff\xfe"), "u__4");
    }

    #[test]
    fn the_plain_form_of_old_daemons_is_not_taken_for_data() {
        for text in ["", "aGVsbG8", "u*", "uA", "zQm"] {
            assert_eq!(decode(text), None, "{text}");
        }
    }
}
