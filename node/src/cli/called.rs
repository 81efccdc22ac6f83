//! How this program is called, for the commands that it suggests.

use std::path::{Path, PathBuf};

use super::place::Place;

/// How to call this program for the node that runs, from the folder it was started in: as it was called itself, and with
/// its data folder where that is not the usual one.
pub(super) fn program(data: &Path) -> String {
    let called = std::env::args_os().next().map_or_else(|| "tidings".into(), PathBuf::from);
    let mut words = vec![quoted(&called)];
    let by_environment = std::env::var_os("TIDINGS_DATA").is_some();
    if by_environment || !Place::usual().data().is_ok_and(|usual| usual == data) {
        words.push(format!("--data {}", quoted(data)));
    }
    words.join(" ")
}

/// The path as a shell reads it.
fn quoted(path: &Path) -> String {
    let text = path.display().to_string();
    let is_plain = |c: char| c.is_alphanumeric() || "/._-+,:=@%".contains(c);
    if text.chars().all(is_plain) { text } else { format!("'{}'", text.replace('\'', r"'\''")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_path_with_spaces_and_quotes_is_one_word() {
        assert_eq!(quoted(Path::new("target/debug/tidings")), "target/debug/tidings");
        assert_eq!(quoted(Path::new("/my data/it's")), r"'/my data/it'\''s'");
    }
}
