//! Which bytes of which block are a file, while the blocks have no names yet.

use keep_manifest::{BlockRef, Conflict, Segment, Tree, TreePath};

/// What was read: every directory and every file, with parts of numbered blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Layout {
    pub(crate) directories: Vec<TreePath>,
    pub(crate) files: Vec<(TreePath, Vec<Part>)>,
}

/// Bytes of a block, by its number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) block: usize,
    pub(crate) offset: u32,
    pub(crate) length: u32,
}

impl Layout {
    /// The tree, now that every block has its name: `blocks` has them by number.
    pub(crate) fn into_tree(self, blocks: &[BlockRef]) -> Result<Tree, Conflict> {
        let mut tree = Tree::new();
        for directory in &self.directories {
            tree.add_directory(directory)?;
        }
        for (path, parts) in self.files {
            let file = tree.file_mut(&path)?;
            file.extend(parts.into_iter().map(|part| {
                Segment::new(blocks[part.block], part.offset, part.length)
                    .expect("a part is within its block")
            }));
        }
        Ok(tree)
    }
}
