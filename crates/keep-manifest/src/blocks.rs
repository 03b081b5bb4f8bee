//! The blocks that a manifest refers to.

use std::io::Read;

use crate::block_ref::BlockRef;
use crate::error::ReadError;
use crate::line::Found;
use crate::reader::Reader;
use crate::summary::Summary;

/// Every block that a manifest refers to, in its order and as often as it stands there; without the placeholder of streams
/// that have no data (spec section 4.3).
///
/// Each manifest is checked to its last token while its blocks are given out. What was given out before an error is not all:
/// only [`Blocks::finish`], or the `None` of the iterator, says that it is. The iterator ends after an error too, so look at
/// each item.
///
/// # Examples
/// ```
/// use keep_manifest::Blocks;
/// let text = ". d41d8cd98f00b204e9800998ecf8427e+0 acbd18db4cc2f85cedef654fccc4a4d8+3+Z 0:0:z 0:3:foo\n";
/// let mut blocks = Blocks::new(text.as_bytes());
/// let found: Vec<String> =
///     blocks.by_ref().map(|block| Ok(block?.to_string())).collect::<Result<_, keep_manifest::ReadError>>()?;
/// assert_eq!(found, ["acbd18db4cc2f85cedef654fccc4a4d8+3"]);
/// assert_eq!(blocks.finish()?.locators, 2);
/// # Ok::<(), keep_manifest::ReadError>(())
/// ```
#[derive(Debug)]
pub struct Blocks<R> {
    reader: Reader<R>,
    after: After,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum After {
    MayGoOn,
    /// The error was given out; the iterator gives nothing more.
    Failed,
}

impl<R: Read> Blocks<R> {
    /// The blocks of the manifest that `source` has.
    pub fn new(source: R) -> Self {
        Blocks { reader: Reader::new(source), after: After::MayGoOn }
    }

    /// Reads what is left, and gives the summary: only now is it known that nothing is wrong.
    ///
    /// # Errors
    /// [`ReadError`], also if the iterator gave it before.
    pub fn finish(self) -> Result<Summary, ReadError> {
        self.reader.finish()
    }

    /// [`Blocks::finish`], and the source.
    ///
    /// # Errors
    /// [`ReadError`], also if the iterator gave it before.
    pub fn finish_into_source(self) -> Result<(Summary, R), ReadError> {
        self.reader.finish_into_source()
    }
}

impl<R: Read> Iterator for Blocks<R> {
    type Item = Result<BlockRef, ReadError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.after == After::Failed {
            return None;
        }
        loop {
            match self.reader.step() {
                Ok(Some(Found::Block(block))) if !block.is_placeholder() => return Some(Ok(block)),
                Ok(Some(
                    Found::Block(_) | Found::Stream | Found::File { .. } | Found::EndOfStream,
                )) => {}
                Ok(None) => return None,
                Err(error) => {
                    self.after = After::Failed;
                    return Some(Err(error));
                }
            }
        }
    }
}
