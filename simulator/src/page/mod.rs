//! The page: one file that needs no other, with the run as a film that one can scrub through.

mod layout;
mod picture;

pub(crate) use picture::Picture;

use serde_json::json;

use crate::report::Report;

const SHELL: &str = include_str!("page.html");
const STYLE: &str = include_str!("style.css");
const SCRIPT: &str = include_str!("script.js");

/// The whole page.
pub(crate) fn html(report: &Report, picture: &Picture) -> String {
    let data = json!({ "report": report, "picture": picture }).to_string();
    // No text of a scenario can end the script that it stands in, or begin a comment in it.
    let data = data.replace('<', "\\u003c");
    let parts = [
        ("<!--title-->", escaped(&report.name)),
        ("/*style*/", STYLE.to_owned()),
        ("/*script*/", SCRIPT.to_owned()),
        ("/*data*/", data),
    ];
    // One after the other, so that a part that looks like another's place is left alone.
    let mut page = String::with_capacity(parts.iter().map(|(_, part)| part.len()).sum::<usize>() + SHELL.len());
    let mut rest = SHELL;
    for (place, part) in &parts {
        let Some((before, after)) = rest.split_once(place) else { continue };
        page.push_str(before);
        page.push_str(part);
        rest = after;
    }
    page.push_str(rest);
    page
}

fn escaped(text: &str) -> String {
    text.replace('&', "&amp;").replace('<', "&lt;").replace('>', "&gt;")
}
