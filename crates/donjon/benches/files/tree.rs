//! Very many small files.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use donjon_crash::random::Random;

/// Files in each directory.
const IN_ONE: u64 = 1000;

/// A tree of files that are all different.
pub(crate) struct Tree {
    pub(crate) files: Vec<PathBuf>,
    pub(crate) bytes: u64,
}

impl Tree {
    /// So many files of 200 to 4000 bytes, none like another.
    pub(crate) fn plant(root: &Path, count: u64) -> io::Result<Self> {
        let mut random = Random::new(7);
        let mut tree = Tree { files: Vec::new(), bytes: 0 };
        for number in 0..count {
            let directory = root.join(format!("{:03}", number / IN_ONE));
            if number.is_multiple_of(IN_ONE) {
                fs::create_dir_all(&directory)?;
            }
            let size = 200 + random.next_u64() % 3800;
            let words = std::iter::repeat_with(|| random.next_u64().to_le_bytes());
            let length = usize::try_from(size).expect("a small number");
            let data: Vec<u8> = words.flatten().take(length).collect();
            let file = directory.join(format!("file-{number:06}"));
            fs::write(&file, data)?;
            tree.files.push(file);
            tree.bytes += size;
        }
        Ok(tree)
    }
}
