//! What kind of file it is, among those that a browser may show without running anything.

/// Extensions and their types. Nothing that can hold a script: such files are for saving only.
const BY_NAME: &[(&str, &str)] = &[
    ("aac", "audio/aac"),
    ("avif", "image/avif"),
    ("car", "application/vnd.ipld.car"),
    ("cbor", "application/cbor"),
    ("csv", "text/plain; charset=utf-8"),
    ("flac", "audio/flac"),
    ("gif", "image/gif"),
    ("jpeg", "image/jpeg"),
    ("jpg", "image/jpeg"),
    ("json", "application/json"),
    ("log", "text/plain; charset=utf-8"),
    ("m4a", "audio/mp4"),
    ("md", "text/plain; charset=utf-8"),
    ("mp3", "audio/mpeg"),
    ("mp4", "video/mp4"),
    ("oga", "audio/ogg"),
    ("ogg", "audio/ogg"),
    ("opus", "audio/ogg"),
    ("pdf", "application/pdf"),
    ("png", "image/png"),
    ("txt", "text/plain; charset=utf-8"),
    ("wav", "audio/wav"),
    ("webm", "video/webm"),
    ("webp", "image/webp"),
];

/// First bytes and their types.
const BY_BYTES: &[(&[u8], &str)] = &[
    (b"\x89PNG\r\n\x1a\n", "image/png"),
    (b"\xff\xd8\xff", "image/jpeg"),
    (b"GIF87a", "image/gif"),
    (b"GIF89a", "image/gif"),
    (b"OggS", "audio/ogg"),
    (b"fLaC", "audio/flac"),
    (b"ID3", "audio/mpeg"),
    (b"%PDF-", "application/pdf"),
];

/// What anything else is.
pub(crate) const OTHER: &str = "application/octet-stream";

/// The type by the name's extension, else by the first bytes, else [`OTHER`].
pub(crate) fn of(name: &str, first: &[u8]) -> &'static str {
    let extension = name.rsplit_once('.').map_or("", |(_, extension)| extension).to_ascii_lowercase();
    if let Some((_, media_type)) = BY_NAME.iter().find(|(known, _)| *known == extension) {
        return media_type;
    }
    if !extension.is_empty() && extension.len() <= 5 && name.len() > extension.len() + 1 {
        // Named as something else (html, svg, js …): the name decides, whatever the bytes look like.
        return OTHER;
    }
    if let Some((_, media_type)) = BY_BYTES.iter().find(|(start, _)| first.starts_with(start)) {
        return media_type;
    }
    if first.starts_with(b"RIFF") && first.get(8..12) == Some(b"WEBP") { "image/webp" } else { OTHER }
}

#[cfg(test)]
mod tests {
    use super::of;

    #[test]
    fn nothing_that_can_run_is_ever_shown() {
        for name in ["a.html", "a.HTM", "a.svg", "a.js", "a.xhtml", "a.xml", "a.mjs", "noname"] {
            assert_eq!(of(name, b"<html><script>"), super::OTHER, "{name}");
        }
        assert_eq!(of("picture", b"\x89PNG\r\n\x1a\n...."), "image/png");
        assert_eq!(of("voice.OGG", b""), "audio/ogg");
        assert_eq!(of("evil.svg", b"\x89PNG\r\n\x1a\n...."), super::OTHER);
    }
}
