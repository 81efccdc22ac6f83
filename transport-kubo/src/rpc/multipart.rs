//! A request body that holds one file: `multipart/form-data` as the daemon reads it.

use bytes::{BufMut, Bytes, BytesMut};

/// A body and its content type.
pub(crate) struct Upload {
    pub(crate) content_type: String,
    pub(crate) body: Bytes,
}

/// Wraps a file's bytes. The boundary is 128 drawn bits, which nobody who wrote the bytes can have known.
pub(crate) fn upload(file: &[u8]) -> Upload {
    let boundary = format!("tidings-{:032x}", fastrand::u128(..));
    let head = format!(
        "--{boundary}\r\nContent-Disposition: form-data; name=\"file\"; filename=\"file\"\r\n\
         Content-Type: application/octet-stream\r\n\r\n"
    );
    let tail = format!("\r\n--{boundary}--\r\n");
    let mut body = BytesMut::with_capacity(head.len() + file.len() + tail.len());
    body.put_slice(head.as_bytes());
    body.put_slice(file);
    body.put_slice(tail.as_bytes());
    Upload { content_type: format!("multipart/form-data; boundary={boundary}"), body: body.freeze() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_stands_between_its_boundaries_byte_for_byte() {
        let file = b"\r\n--x\0\xff";
        let Upload { content_type, body } = upload(file);
        let boundary = content_type.strip_prefix("multipart/form-data; boundary=").expect("it names its boundary");
        let start = body.windows(4).position(|four| four == b"\r\n\r\n").expect("a head") + 4;
        assert!(body.starts_with(format!("--{boundary}\r\n").as_bytes()));
        assert_eq!(&body[start..start + file.len()], file);
        assert_eq!(&body[start + file.len()..], format!("\r\n--{boundary}--\r\n").as_bytes());
    }
}
