//! A list for one node, written to a file before it is sent: constant memory, and sent again without being made again.

use std::fs::File;
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::sync::Arc;

use futures_util::stream;
use keep_protocol::client::Body;
use serde::Serialize;
use sha2::{Digest as _, Sha256};

use crate::plan::Sha256Digest;

/// How much of a list is read at once while it is sent.
const PIECE: usize = 128 << 10;

/// A JSON array on its way to the disk. The file has no name: it goes with the process.
#[derive(Debug)]
pub struct Draft {
    to: BufWriter<File>,
    sum: Sha256,
    items: u64,
}

/// A list that is whole. Cheap to clone.
#[derive(Clone, Debug)]
pub struct ListFile {
    file: Arc<File>,
    length: u64,
    /// How many items it has.
    pub items: u64,
    /// Of its bytes.
    pub digest: Sha256Digest,
}

impl Draft {
    /// An empty array in a new file on the disk of `dir`.
    ///
    /// # Errors
    /// What the file system says.
    pub fn create(dir: &Path) -> io::Result<Draft> {
        let to = BufWriter::with_capacity(PIECE, tempfile::tempfile_in(dir)?);
        let mut draft = Draft { to, sum: Sha256::new(), items: 0 };
        draft.put(b"[")?;
        Ok(draft)
    }

    /// Adds an item.
    ///
    /// # Errors
    /// What the file system says; the list must not be sent then.
    pub fn push(&mut self, item: &impl Serialize) -> io::Result<()> {
        if self.items > 0 {
            self.put(b",")?;
        }
        self.items += 1;
        self.put(&serde_json::to_vec(item)?)
    }

    fn put(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.sum.update(bytes);
        self.to.write_all(bytes)
    }

    /// Ends the array.
    ///
    /// # Errors
    /// What the file system says.
    pub fn finish(mut self) -> io::Result<ListFile> {
        self.put(b"]")?;
        let digest = Sha256Digest(self.sum.finalize().into());
        let file = self.to.into_inner().map_err(io::IntoInnerError::into_error)?;
        let length = file.metadata()?.len();
        Ok(ListFile { file: Arc::new(file), length, items: self.items, digest })
    }
}

impl ListFile {
    /// The list as the body of a request, from its beginning.
    pub fn body(&self) -> Body {
        let (file, length) = (Arc::clone(&self.file), self.length);
        Body::wrap_stream(stream::try_unfold(0, move |offset| {
            let file = Arc::clone(&file);
            async move {
                if offset >= length {
                    return Ok(None);
                }
                let read = tokio::task::spawn_blocking(move || piece(&file, offset, length));
                let piece = read.await.map_err(io::Error::other)??;
                let next = offset + piece.len() as u64;
                io::Result::Ok(Some((piece, next)))
            }
        }))
    }
}

fn piece(file: &File, offset: u64, length: u64) -> io::Result<Vec<u8>> {
    let wanted = usize::try_from(length - offset).unwrap_or(PIECE).min(PIECE);
    let mut piece = vec![0; wanted];
    file.read_exact_at(&mut piece, offset)?;
    Ok(piece)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(list: &ListFile) -> String {
        let bytes = piece(&list.file, 0, list.length).unwrap();
        String::from_utf8(bytes).unwrap()
    }

    #[test]
    fn a_list_is_a_json_array() {
        let dir = tempfile::tempdir().unwrap();
        let empty = Draft::create(dir.path()).unwrap().finish().unwrap();
        assert_eq!(text(&empty), "[]");
        let mut draft = Draft::create(dir.path()).unwrap();
        draft.push(&"a").unwrap();
        draft.push(&2).unwrap();
        let list = draft.finish().unwrap();
        assert_eq!((text(&list).as_str(), list.items), (r#"["a",2]"#, 2));
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0, "it has no name");
    }
}
