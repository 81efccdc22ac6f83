//! How a network grows: more nodes, more topics, or the real comments on a few hundred nodes.
//!
//! ```text
//! scale nodes COUNT…           one busy topic on so many nodes, 20 posts
//! scale busy COUNT POSTS       the same with many posts a second
//! scale topics COUNT…          so many topics on two mirrors, and on two that follow each of them
//! scale comments FILE [NODES]  the comments of a file (jsonl.gz: url, author, time, text) on readers and mirrors
//! scale plot PAGE FOLDER       draws the tables of the page docs/scaling.md as SVG files into the folder
//! ```
//!
//! Each prints rows of a table. All figures but memory and events a second are of the simulated network, and the same in
//! every run. Signatures are checked once for all nodes (`World::share_admission`).

#![allow(clippy::disallowed_methods, reason = "it measures memory and processor time")]

mod comments;
mod measure;
mod nodes;
mod plot;
mod topics;

fn main() {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match &arguments[..] {
        ["nodes", counts @ ..] => numbers(counts).map(|counts| nodes::grow(&counts)),
        ["busy", count, posts] => numbers(&[count, posts]).map(|wish| nodes::busy(wish[0], wish[1])),
        ["topics", counts @ ..] => numbers(counts).map(|counts| topics::grow(&counts)),
        ["comments", file] => comments::run(file, 200),
        ["comments", file, nodes] => numbers(&[nodes]).and_then(|nodes| comments::run(file, nodes[0])),
        ["plot", page, folder] => plot::draw(page, folder),
        _ => Err(
            "usage: scale nodes COUNT… | busy COUNT POSTS | topics COUNT… | comments FILE [NODES] | plot PAGE FOLDER"
                .to_owned(),
        ),
    };
    if let Err(why) = done {
        eprintln!("scale: {why}");
        std::process::exit(2);
    }
}

fn numbers(words: &[&str]) -> Result<Vec<usize>, String> {
    words.iter().map(|word| word.parse().map_err(|_| format!("{word} is not a number"))).collect()
}
