//! Golden files: what the code makes today, compared with what is written under `docs/spec/vectors/`.

use std::path::PathBuf;

/// Where the vectors are.
pub(crate) fn path(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../docs/spec/vectors").join(name)
}

/// Compares `made` with the golden file of this name, or writes it when `TIDINGS_REGENERATE=1` is set.
pub(crate) fn compare(name: &str, made: &[u8]) {
    let path = path(name);
    if std::env::var_os("TIDINGS_REGENERATE").is_some_and(|value| value == "1") {
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(&path, made).unwrap();
        return;
    }
    let golden = std::fs::read(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    assert!(
        golden == made,
        "{name} is not what the code makes. A difference is a change of the format: every peer must make the same one. \
         If it is meant, run the test with TIDINGS_REGENERATE=1 and commit the file.\nmade:\n{}",
        String::from_utf8_lossy(made)
    );
}

/// The same for a JSON value, written with two spaces of indentation.
pub(crate) fn compare_json(name: &str, made: &serde_json::Value) {
    let mut text = serde_json::to_string_pretty(made).unwrap();
    text.push('\n');
    compare(name, text.as_bytes());
}
