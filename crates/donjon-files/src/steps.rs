//! Which blocks are needed, for which pieces of which files. Decides; does nothing.

use keep_manifest::{BlockRef, File, Segment};

/// A block, and where its bytes belong.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Step {
    pub(crate) block: BlockRef,
    pub(crate) pieces: Vec<StepPiece>,
}

/// Bytes of a file that come from the block of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct StepPiece {
    /// Which file.
    pub(crate) target: usize,
    /// Where in the file.
    pub(crate) at: u64,
    /// Where in the block.
    pub(crate) offset: u32,
    pub(crate) length: u32,
}

impl StepPiece {
    /// Its bytes, of those of the block.
    pub(crate) fn of<'a>(&self, block: &'a [u8]) -> &'a [u8] {
        &block[self.offset as usize..][..self.length as usize]
    }
}

impl Step {
    /// Whether the pieces, together, are the whole block.
    pub(crate) fn covers_block(&self) -> bool {
        let mut spans: Vec<(u32, u32)> =
            self.pieces.iter().map(|piece| (piece.offset, piece.offset + piece.length)).collect();
        spans.sort_unstable();
        let end = spans
            .into_iter()
            .try_fold(0, |end: u32, (from, to)| (from <= end).then_some(end.max(to)));
        end == Some(self.block.size())
    }
}

/// The steps that restore these files. Pieces that follow one another and are of one block are one step: the block is read
/// once for them.
pub(crate) fn steps<'a>(
    files: impl Iterator<Item = (usize, &'a File)>,
) -> impl Iterator<Item = Step> {
    let mut pieces = files.flat_map(|(target, file)| {
        file.segments().iter().scan(0, move |at, segment: &Segment| {
            let piece =
                StepPiece { target, at: *at, offset: segment.offset(), length: segment.length() };
            *at += u64::from(segment.length());
            Some((segment.block(), piece))
        })
    });
    let mut next = pieces.next();
    std::iter::from_fn(move || {
        let (block, piece) = next.take()?;
        let mut step = Step { block, pieces: vec![piece] };
        for (of, piece) in pieces.by_ref() {
            if of != block {
                next = Some((of, piece));
                break;
            }
            step.pieces.push(piece);
        }
        Some(step)
    })
}

#[cfg(test)]
mod tests {
    use keep_rules::BlockHash;

    use super::*;

    fn block(number: u8) -> BlockRef {
        BlockRef::new(BlockHash::from_bytes([number; 16]), 10).unwrap()
    }

    fn file(segments: &[(u8, u32, u32)]) -> File {
        segments
            .iter()
            .map(|(number, offset, length)| Segment::new(block(*number), *offset, *length).unwrap())
            .collect()
    }

    #[test]
    fn pieces_of_one_block_are_one_step_also_across_files() {
        let files =
            [file(&[(1, 0, 10), (2, 0, 4)]), file(&[]), file(&[(2, 4, 6)]), file(&[(1, 2, 3)])];
        let steps: Vec<Step> = steps(files.iter().enumerate()).collect();
        let shown: Vec<_> = steps
            .iter()
            .map(|step| {
                let pieces: Vec<_> = step
                    .pieces
                    .iter()
                    .map(|piece| (piece.target, piece.at, piece.offset))
                    .collect();
                (step.block, pieces, step.covers_block())
            })
            .collect();
        assert_eq!(
            shown,
            [
                (block(1), vec![(0, 0, 0)], true),
                (block(2), vec![(0, 10, 0), (2, 0, 4)], true),
                (block(1), vec![(3, 0, 2)], false),
            ]
        );
    }

    #[test]
    fn a_block_with_a_hole_is_not_covered() {
        let files = [file(&[(1, 0, 4)]), file(&[(1, 5, 5)]), file(&[(1, 2, 3)])];
        let covered =
            |count: usize| steps(files[..count].iter().enumerate()).next().unwrap().covers_block();
        assert!(!covered(2) && covered(3));
    }
}
