//! A file, whole or in part.

use axum::body::Body;
use axum::http::header::{ACCEPT_RANGES, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_RANGE, CONTENT_TYPE, RANGE};
use axum::http::{HeaderMap, HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use cid::Cid;
use futures::StreamExt;
use tidings_ledger::unixfs::{FileReader, Source, Unixfs};

use super::{media_type, of_unixfs};
use crate::http::error::ApiError;

/// The file, or the range that was asked for. `root` is its first block, which finding it has brought: it is not asked for a
/// second time, which costs a round trip, and which Helia does not answer within some seconds.
pub(super) async fn answer<S: Source>(
    unixfs: &Unixfs<S>,
    (cid, root): (Cid, Bytes),
    size: u64,
    name: &str,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let range = match headers.get(RANGE).and_then(|value| value.to_str().ok()).map(|text| parse(text, size)) {
        None | Some(Asked::Everything) => None,
        Some(Asked::Part(from, to)) => Some((from, to)),
        Some(Asked::Nothing) => return Ok(nothing(size)),
    };
    let (from, to) = range.unwrap_or((0, size));
    let mut reader = FileReader::new(cid, from, Some(to - from));
    reader.supply(cid, root);
    let mut content = unixfs.run(reader);
    // The first part is read before the answer begins, so that what is not to be had is an error and not a broken file.
    let first = match content.next().await {
        Some(first) => first.map_err(|error| of_unixfs(&error))?,
        None => Bytes::new(),
    };
    let start = if from == 0 { &first[..] } else { &[] };
    let media_type = media_type::of(name, start);
    let rest = content.map(|part| part.map_err(std::io::Error::other));
    let body = Body::from_stream(futures::stream::once(async { Ok(first) }).chain(rest));
    let mut response = body.into_response();
    let out = response.headers_mut();
    out.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    out.insert(CONTENT_LENGTH, HeaderValue::from(to - from));
    out.insert(ACCEPT_RANGES, HeaderValue::from_static("bytes"));
    if media_type == media_type::OTHER {
        out.insert(CONTENT_DISPOSITION, disposition(name));
    }
    if let Some((from, to)) = range {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        response.headers_mut().insert(CONTENT_RANGE, text(format!("bytes {from}-{}/{size}", to - 1)));
    }
    Ok(response)
}

fn nothing(size: u64) -> Response {
    let error = ApiError::new(StatusCode::RANGE_NOT_SATISFIABLE, "range", format!("the file has {size} bytes"));
    let mut response = error.into_response();
    response.headers_mut().insert(CONTENT_RANGE, text(format!("bytes */{size}")));
    response
}

/// For saving only, under a name without anything that a header or a file system could misread.
fn disposition(name: &str) -> HeaderValue {
    let plain: String =
        name.chars().map(|c| if c.is_ascii_alphanumeric() || ".-_".contains(c) { c } else { '_' }).collect();
    if plain.is_empty() {
        HeaderValue::from_static("attachment")
    } else {
        text(format!("attachment; filename=\"{plain}\""))
    }
}

fn text(value: String) -> HeaderValue {
    HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static(""))
}

/// What a range asks for.
#[derive(Debug, PartialEq, Eq)]
enum Asked {
    /// No range that is understood; several at once are answered with everything, as RFC 9110 allows.
    Everything,
    /// From, and up to but without, these bytes.
    Part(u64, u64),
    /// A range behind the end.
    Nothing,
}

fn parse(text: &str, size: u64) -> Asked {
    let Some((first, last)) = text.strip_prefix("bytes=").and_then(|range| range.split_once('-')) else {
        return Asked::Everything;
    };
    match (first.trim().parse::<u64>(), last.trim()) {
        (Ok(from), _) if from >= size => Asked::Nothing,
        (Ok(from), "") => Asked::Part(from, size),
        (Ok(from), last) => match last.parse::<u64>() {
            Ok(last) if last >= from => Asked::Part(from, last.saturating_add(1).min(size)),
            _ => Asked::Everything,
        },
        (Err(_), last) if first.trim().is_empty() => match last.parse::<u64>() {
            Ok(0) => Asked::Nothing,
            Ok(_) if size == 0 => Asked::Nothing,
            Ok(count) => Asked::Part(size.saturating_sub(count), size),
            Err(_) => Asked::Everything,
        },
        _ => Asked::Everything,
    }
}

#[cfg(test)]
mod tests {
    use super::{Asked, parse};

    #[test]
    fn ranges_are_read_as_the_standard_says() {
        for (text, expected) in [
            ("bytes=0-0", Asked::Part(0, 1)),
            ("bytes=2-", Asked::Part(2, 10)),
            ("bytes=-3", Asked::Part(7, 10)),
            ("bytes=-99", Asked::Part(0, 10)),
            ("bytes=5-999999999999999999", Asked::Part(5, 10)),
            ("bytes=10-", Asked::Nothing),
            ("bytes=-0", Asked::Nothing),
            ("bytes=5-4", Asked::Everything),
            ("bytes=0-1,4-5", Asked::Everything),
            ("lines=0-1", Asked::Everything),
            ("bytes=x", Asked::Everything),
            ("bytes=18446744073709551615-18446744073709551615", Asked::Nothing),
        ] {
            assert_eq!(parse(text, 10), expected, "{text}");
        }
        assert_eq!(parse("bytes=-1", 0), Asked::Nothing);
    }
}
