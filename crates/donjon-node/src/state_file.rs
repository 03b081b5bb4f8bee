//! Small files of the node's own state, written whole and durably.

use std::fs::File;
use std::io::{self, Write as _};
use std::path::Path;

/// Replaces a file: contents, then its name, then the directory. A crash leaves the old file or the new one.
///
/// # Errors
/// What the system said. The old file is intact then.
pub(crate) fn write(path: &Path, text: &[u8]) -> io::Result<()> {
    let temp = path.with_extension("new");
    let mut file = File::create(&temp)?;
    file.write_all(text)?;
    file.sync_all()?;
    std::fs::rename(&temp, path)?;
    File::open(path.parent().unwrap_or(Path::new(".")))?.sync_all()
}
