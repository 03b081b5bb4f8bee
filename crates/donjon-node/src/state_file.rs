//! Small files of the node's own state, written whole and durably.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

/// Replaces a file: contents, then its name, then the directory. A crash leaves the old file or the new one.
///
/// # Errors
/// What the system said, and the path. The old file is intact then.
pub(crate) fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    write_in_order(path, text)
        .map_err(|error| io::Error::new(error.kind(), format!("{}: {error}", path.display())))
}

fn write_in_order(path: &Path, text: &[u8]) -> io::Result<()> {
    let temp = path.with_extension("new");
    let mut file = File::create(&temp)?;
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::rename(&temp, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_cannot_be_written_is_named() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("gone/settings.json");
        let error = write(&path, b"{}").unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::NotFound);
        assert!(error.to_string().starts_with(path.to_str().unwrap()), "{error}");
    }
}
