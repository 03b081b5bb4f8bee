//! Entries on their way to a plan.

use std::sync::Arc;

use keep_rules::BlockHash;

use crate::plan::check;
use crate::plan::entry::Entry;
use crate::plan::error::PlanError;
use crate::plan::header::Header;
use crate::plan::line::LINE_BYTES_MAX;
use crate::plan::tally::Tally;

/// Entries, checked and written as lines, that a thread has ready for [`crate::plan::PlanWriter::append`].
///
/// Its memory is that of the lines.
#[derive(Debug)]
pub struct Batch {
    pub(crate) header: Arc<Header>,
    pub(crate) lines: Vec<u8>,
    pub(crate) tally: Tally,
    /// The first and the last block.
    pub(crate) blocks: Option<(BlockHash, BlockHash)>,
}

impl Batch {
    /// An empty batch for the plan that has this header: [`crate::plan::PlanWriter::header`].
    pub fn new(header: &Arc<Header>) -> Self {
        let tally = Tally::new(header);
        Batch { header: header.clone(), lines: Vec::new(), tally, blocks: None }
    }

    /// Adds an entry. Hashes ascend.
    ///
    /// # Errors
    /// [`PlanError::BadEntry`] and [`PlanError::OutOfOrder`]; the batch is as it was before.
    pub fn push(&mut self, entry: &Entry) -> Result<(), PlanError> {
        let hash = entry.block.hash;
        let (first, last) = self.blocks.map_or((hash, None), |(first, last)| (first, Some(last)));
        ascending(last, hash)?;
        let refused = |what| PlanError::BadEntry { block: entry.block, what };
        check::entry(entry, &self.header).map_err(refused)?;
        let length = self.lines.len();
        let written = serde_json::to_writer(&mut self.lines, entry);
        self.lines.push(b'\n');
        let what = match written {
            Err(error) => error.to_string(),
            Ok(()) if self.lines.len() - length > LINE_BYTES_MAX => {
                format!("its line is longer than {LINE_BYTES_MAX} bytes")
            }
            Ok(()) => {
                self.tally.count(entry, &self.header);
                self.blocks = Some((first, hash));
                return Ok(());
            }
        };
        self.lines.truncate(length);
        Err(refused(what))
    }

    /// Bytes of its lines.
    pub fn bytes(&self) -> usize {
        self.lines.len()
    }
}

/// Blocks must ascend, none twice.
pub(crate) fn ascending(last: Option<BlockHash>, next: BlockHash) -> Result<(), PlanError> {
    match last {
        Some(after) if next <= after => Err(PlanError::OutOfOrder { block: next, after }),
        Some(_) | None => Ok(()),
    }
}
