//! Files that only their owner may read.

use std::fs::File;
use std::io::{Read, Write};
use std::path::Path;

use crate::exit::{Exit, Failure};

/// Secrets are short; what is longer is something else.
const MAX: u64 = 16 << 10;

/// Reads a secret, and refuses one that others on this machine can read.
pub(crate) fn read_secret(path: &Path) -> Result<String, Failure> {
    let file = File::open(path).map_err(|error| Failure::io("read", path, &error))?;
    check_mode(&file, path)?;
    let mut text = String::new();
    file.take(MAX).read_to_string(&mut text).map_err(|error| Failure::io("read", path, &error))?;
    Ok(text)
}

/// Writes a secret into a new file of mode 0600, whole or not at all. A file that is there already is never replaced.
pub(crate) fn write_secret(path: &Path, content: &str) -> Result<(), Failure> {
    let failed = |error: std::io::Error| Failure::io("write", path, &error);
    let folder =
        path.parent().ok_or_else(|| Failure::new(Exit::Failed, format!("{} has no folder", path.display())))?;
    let mut builder = tempfile::Builder::new();
    builder.prefix(".new-");
    #[cfg(unix)]
    builder.permissions(std::os::unix::fs::PermissionsExt::from_mode(0o600));
    let mut file = builder.tempfile_in(folder).map_err(failed)?;
    file.write_all(content.as_bytes()).map_err(failed)?;
    file.as_file().sync_all().map_err(failed)?;
    file.persist_noclobber(path).map_err(|error| failed(error.error))?;
    // The name, too, must survive a power cut.
    File::open(folder).and_then(|folder| folder.sync_all()).map_err(failed)
}

#[cfg(unix)]
fn check_mode(file: &File, path: &Path) -> Result<(), Failure> {
    use std::os::unix::fs::MetadataExt;
    let mode = file.metadata().map_err(|error| Failure::io("read", path, &error))?.mode();
    if mode & 0o077 == 0 {
        return Ok(());
    }
    let text = format!("{} can be read by others (mode {:04o})", path.display(), mode & 0o7777);
    Err(Failure::new(Exit::Refused, text)
        .hint(format!("if nobody else has read it: chmod 600 {}; if in doubt, make a new key", path.display())))
}

#[cfg(not(unix))]
fn check_mode(_file: &File, _path: &Path) -> Result<(), Failure> {
    Ok(())
}

#[cfg(all(test, unix))]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_secret_that_others_can_read_is_refused() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("secret");
        write_secret(&path, "x").expect("a new file");
        assert_eq!(std::fs::metadata(&path).expect("it is there").permissions().mode() & 0o777, 0o600);
        assert_eq!(read_secret(&path).expect("its owner may"), "x");
        for mode in [0o640, 0o604, 0o644] {
            std::fs::set_permissions(&path, PermissionsExt::from_mode(mode)).expect("it is ours");
            let failure = read_secret(&path).expect_err("others may read it");
            assert_eq!(failure.exit, Exit::Refused);
            assert!(failure.hint.is_some_and(|hint| hint.contains("chmod 600")));
        }
    }

    #[test]
    fn a_key_is_never_overwritten() {
        let folder = tempfile::tempdir().expect("a temporary folder");
        let path = folder.path().join("secret");
        write_secret(&path, "first").expect("a new file");
        assert!(write_secret(&path, "second").is_err());
        assert_eq!(read_secret(&path).expect("still there"), "first");
        assert_eq!(std::fs::read_dir(folder.path()).expect("a folder").count(), 1, "nothing is left beside it");
    }
}
