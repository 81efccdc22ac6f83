//! Where the software of others is, and where what it says goes.

use std::fs::File;
use std::path::PathBuf;
use std::process::Stdio;
use std::sync::atomic::{AtomicU64, Ordering};

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

/// Where a peer's own log goes: to a file in the folder `TIDINGS_INTEROP_LOGS` if that is set (and `GOLOG_LOG_LEVEL`, `DEBUG`
/// say how much is in it), else nowhere.
pub(crate) fn log(software: &str) -> Stdio {
    static NUMBER: AtomicU64 = AtomicU64::new(0);
    let Some(folder) = std::env::var_os("TIDINGS_INTEROP_LOGS").filter(|value| !value.is_empty()) else {
        return Stdio::null();
    };
    let number = NUMBER.fetch_add(1, Ordering::Relaxed);
    let path = PathBuf::from(folder).join(format!("{software}-{}-{number}.log", std::process::id()));
    File::create(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display())).into()
}
