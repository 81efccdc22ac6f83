//! A folder as a plain page, or as JSON.

use std::fmt::Write;

use axum::Json;
use axum::http::header::{ACCEPT, CONTENT_TYPE};
use axum::http::{HeaderMap, HeaderValue};
use axum::response::{IntoResponse, Response};
use cid::Cid;
use futures::StreamExt;
use serde_json::json;
use tidings_ledger::unixfs::{DirEntry, Source, Unixfs};

use super::of_unixfs;
use crate::http::error::ApiError;

/// Names listed at most; a larger folder says so, and a CAR has all of it.
const MOST: usize = 10_000;

/// The names in the folder.
pub(super) async fn answer<S: Source>(
    unixfs: &Unixfs<S>,
    cid: Cid,
    at: &str,
    headers: &HeaderMap,
) -> Result<Response, ApiError> {
    let mut names: Vec<DirEntry> = Vec::new();
    let mut groups = unixfs.list(cid);
    let mut more = false;
    while let Some(group) = groups.next().await {
        names.extend(group.map_err(|error| of_unixfs(&error))?);
        if names.len() > MOST {
            names.truncate(MOST);
            more = true;
            break;
        }
    }
    if headers.get(ACCEPT).is_some_and(|accept| accept.as_bytes().starts_with(b"application/json")) {
        let entry = |entry: &DirEntry| json!({ "name": entry.name, "cid": entry.cid.to_string(), "size": entry.size });
        let names: Vec<_> = names.iter().map(entry).collect();
        return Ok(Json(json!({ "cid": cid.to_string(), "more": more, "entries": names })).into_response());
    }
    let page = page(cid, at, &names, more);
    Ok(([(CONTENT_TYPE, HeaderValue::from_static("text/html; charset=utf-8"))], page).into_response())
}

fn page(cid: Cid, at: &str, names: &[DirEntry], more: bool) -> String {
    let mut html = String::with_capacity(256 + names.len() * 160);
    let title = escaped(at.trim_end_matches('/'));
    let _ = write!(
        html,
        "<!doctype html><html lang=\"en\"><meta charset=\"utf-8\"><meta name=\"viewport\" content=\"width=device-width\">\
         <meta name=\"color-scheme\" content=\"light dark\"><title>{title}</title><h1>Folder</h1><p><code>{cid}</code></p><ul>"
    );
    let base = at.trim_end_matches('/');
    for DirEntry { name, size, .. } in names {
        let link = escaped(&format!("{base}/{}", encoded(name)));
        let size = size.map_or_else(String::new, |size| format!(" · {size} bytes"));
        let _ = write!(html, "<li><a href=\"{link}\">{}</a>{size}", escaped(name));
    }
    html.push_str("</ul>");
    if more {
        let _ = write!(html, "<p>And more; <code>?format=car</code> has everything.");
    }
    html
}

/// Text within HTML.
fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;").replace('"', "&quot;").replace('\'', "&#39;")
}

/// A name within a path.
fn encoded(name: &str) -> String {
    let mut out = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            out.push(char::from(byte));
        } else {
            let _ = write!(out, "%{byte:02X}");
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_in_a_folder_cannot_become_markup() {
        let cid: Cid = "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy".parse().expect("a CID");
        let names = [DirEntry { name: "<script>\"'&.txt".into(), cid, size: None }];
        let html = page(cid, "/ipfs/x/<b>", &names, false);
        assert!(!html.contains("<script") && !html.contains("<b>"), "{html}");
        assert!(html.contains("%3Cscript%3E%22%27%26.txt"), "{html}");
    }
}
