//! Files that are written as a whole or not at all.

use std::fs::{self, File, Permissions};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use serde::Serialize;
use tempfile::NamedTempFile;

use crate::failure::Failure;

/// A file that gets its name when it is complete and on the disk. Dropped before that, it leaves no trace, and what has
/// the name stays as it was.
pub(crate) struct WholeFile {
    path: PathBuf,
    to: BufWriter<NamedTempFile>,
}

impl WholeFile {
    /// Begins a file that will be called `path`. What is there must be a regular file, or nothing: a device or a pipe
    /// would be replaced, not written to.
    pub(crate) fn begin(path: &Path) -> Result<WholeFile, Failure> {
        if fs::metadata(path).is_ok_and(|there| !there.is_file()) {
            return Err(Failure::Usage(format!(
                "{} is no regular file; without --output the data go to standard output",
                path.display()
            )));
        }
        // The umask decides, as for any new file.
        let permissions = Permissions::from_mode(0o666);
        let mut builder = tempfile::Builder::new();
        let file = builder.permissions(permissions).tempfile_in(directory_of(path));
        let file = file.map_err(cannot_write(path))?;
        Ok(WholeFile { path: path.to_owned(), to: BufWriter::new(file) })
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.to.write_all(bytes).map_err(cannot_write(&self.path))
    }

    /// One JSON value on one line.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.to, value)
            .map_err(|error| cannot_write(&self.path)(error.into()))?;
        self.bytes(b"\n")
    }

    /// Contents, name, directory, in that order: then all of it survives a power loss.
    pub(crate) fn finish(self) -> Result<(), Failure> {
        let WholeFile { path, to } = self;
        let failed = || cannot_write(&path);
        let file = to.into_inner().map_err(|error| failed()(error.into_error()))?;
        file.as_file().sync_all().map_err(failed())?;
        file.persist(&path).map_err(|error| failed()(error.error))?;
        File::open(directory_of(&path)).and_then(|directory| directory.sync_all()).map_err(failed())
    }
}

fn directory_of(path: &Path) -> &Path {
    path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."))
}

fn cannot_write(path: &Path) -> impl FnOnce(io::Error) -> Failure {
    Failure::local(format!("cannot write {}", path.display()))
}

#[cfg(test)]
mod tests {
    use std::os::unix::net::UnixListener;

    use super::*;

    #[test]
    fn a_file_has_its_name_once_it_is_complete() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        fs::write(&path, "before").unwrap();
        let mut file = WholeFile::begin(&path).unwrap();
        file.bytes(b"bytes ").unwrap();
        file.json(&[1, 2]).unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"before");
        file.finish().unwrap();
        assert_eq!(fs::read(&path).unwrap(), b"bytes [1,2]\n");
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
    }

    #[test]
    fn a_file_that_is_given_up_leaves_no_trace() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let mut file = WholeFile::begin(&path).unwrap();
        file.bytes(b"half of it").unwrap();
        drop(file);
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 0);
    }

    #[test]
    fn what_is_no_regular_file_is_not_replaced() {
        let dir = tempfile::tempdir().unwrap();
        let socket = dir.path().join("socket");
        let _listener = UnixListener::bind(&socket).unwrap();
        for path in [socket.as_path(), dir.path()] {
            let refused = WholeFile::begin(path).map(drop).unwrap_err().to_string();
            assert!(refused.contains("is no regular file"), "{refused}");
        }
        assert_eq!(fs::read_dir(&dir).unwrap().count(), 1);
    }
}
