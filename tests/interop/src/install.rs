//! Where the software of others is.

use std::path::PathBuf;

/// The folder that `scripts/interop-peers` fills.
pub fn folder() -> PathBuf {
    let set = |name: &str| std::env::var_os(name).filter(|value| !value.is_empty()).map(PathBuf::from);
    set("TIDINGS_INTEROP_DIR").unwrap_or_else(|| {
        let cache = set("XDG_CACHE_HOME").or_else(|| set("HOME").map(|home| home.join(".cache")));
        cache.expect("HOME or TIDINGS_INTEROP_DIR is set").join("tidings/interop")
    })
}

/// Something within it; says what to do when it is missing.
pub fn tool(path: &str) -> PathBuf {
    let path = folder().join(path);
    assert!(path.exists(), "{} is missing; run scripts/interop-peers, which installs it", path.display());
    path
}
