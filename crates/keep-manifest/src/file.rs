//! What a file consists of: parts of blocks.

use crate::block_ref::BlockRef;

/// Some bytes of a block. Never beyond its end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    block: BlockRef,
    offset: u32,
    length: u32,
}

impl Segment {
    /// `length` bytes of the block from `offset` on; `None` if the block has not as many.
    pub fn new(block: BlockRef, offset: u32, length: u32) -> Option<Self> {
        let end = offset.checked_add(length)?;
        (end <= block.size()).then_some(Segment { block, offset, length })
    }

    /// All of a block.
    pub fn whole(block: BlockRef) -> Self {
        Segment { block, offset: 0, length: block.size() }
    }

    /// The block.
    pub fn block(self) -> BlockRef {
        self.block
    }

    /// The first byte.
    pub fn offset(self) -> u32 {
        self.offset
    }

    /// How many bytes.
    pub fn length(self) -> u32 {
        self.length
    }
}

/// What a file consists of, first byte to last. Empty until something is pushed.
///
/// Two files of the same segments are equal, however these were pushed.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct File {
    /// None is empty, and none goes on in the same block where the one before it ends.
    segments: Vec<Segment>,
    size: u64,
}

impl File {
    /// A file without bytes.
    pub fn new() -> Self {
        File::default()
    }

    /// The file goes on with these bytes.
    pub fn push(&mut self, segment: Segment) {
        if segment.length == 0 {
            return;
        }
        self.size = self.size.saturating_add(segment.length.into());
        match self.segments.last_mut() {
            Some(last)
                if last.block == segment.block && last.offset + last.length == segment.offset =>
            {
                last.length += segment.length;
            }
            Some(_) | None => self.segments.push(segment),
        }
    }

    /// The segments, first byte to last; none of them is empty.
    pub fn segments(&self) -> &[Segment] {
        &self.segments
    }

    /// The size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}

impl Extend<Segment> for File {
    fn extend<I: IntoIterator<Item = Segment>>(&mut self, segments: I) {
        segments.into_iter().for_each(|segment| self.push(segment));
    }
}

impl FromIterator<Segment> for File {
    fn from_iter<I: IntoIterator<Item = Segment>>(segments: I) -> Self {
        let mut file = File::new();
        file.extend(segments);
        file
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use keep_rules::BlockHash;

    fn segment(offset: u32, length: u32) -> Option<Segment> {
        Segment::new(BlockRef::new(BlockHash::from_bytes([7; 16]), 10).unwrap(), offset, length)
    }

    #[test]
    fn a_segment_ends_within_its_block() {
        assert!(segment(10, 0).is_some() && segment(0, 10).is_some());
        assert!(segment(5, 6).is_none() && segment(u32::MAX, 1).is_none());
    }

    #[test]
    fn what_goes_on_in_its_block_is_one_segment() {
        let pushed = [(0, 3), (3, 0), (3, 2), (7, 1), (0, 1), (5, 0)];
        let file: File =
            pushed.into_iter().flat_map(|(from, length)| segment(from, length)).collect();
        let segments =
            [(0, 5), (7, 1), (0, 1)].map(|(from, length)| segment(from, length).unwrap());
        assert_eq!(file.segments(), segments);
        assert_eq!(file.size(), 7);
    }
}
