//! Files on disk, compared.

use std::collections::BTreeMap;
use std::path::Path;

/// What is below a folder: relative paths and contents.
pub type Files = BTreeMap<String, Vec<u8>>;

/// Reads all files below a folder.
pub fn files_below(folder: &Path) -> Files {
    let mut files = Files::new();
    let mut due = vec![folder.to_owned()];
    while let Some(at) = due.pop() {
        for item in std::fs::read_dir(&at).unwrap_or_else(|error| panic!("{}: {error}", at.display())) {
            let path = item.expect("an item").path();
            if path.is_dir() {
                due.push(path);
            } else {
                let name = path.strip_prefix(folder).expect("below it").to_str().expect("a plain name").to_owned();
                files.insert(name, std::fs::read(&path).expect("it can be read"));
            }
        }
    }
    files
}
