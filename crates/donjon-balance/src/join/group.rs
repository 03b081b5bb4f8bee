//! The merge of the three files.

use keep_rules::BlockHash;

use crate::join::error::JoinError;
use crate::runs::{
    DoomedRecord, Merged, Record, ReferenceRecord, ReplicaRecord, SortError, Sorted, Span,
};

/// The most records of one kind that one block may have, repeats left out where they are dropped: a million. A block has
/// a replica for each device, and a reference for each wish, of which there are few. Bounds memory, to 32 MiB for each kind.
pub const GROUP_RECORDS_MAX: usize = 1 << 20;

/// All that was learnt, sorted.
#[derive(Debug)]
pub struct Facts {
    /// What the indexes list.
    pub replicas: Sorted<ReplicaRecord>,
    /// What the collections name.
    pub references: Sorted<ReferenceRecord>,
    /// What is on the trash lists that servers accepted last.
    pub doomed: Sorted<DoomedRecord>,
}

/// All that is known of one block. At least one of the three is not empty.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct BlockGroup<'a> {
    /// The block.
    pub hash: BlockHash,
    /// Its replicas, sorted by size, device and mtime; one for each index line.
    pub replicas: &'a [ReplicaRecord],
    /// Its references, sorted by size and wish; none twice.
    pub references: &'a [ReferenceRecord],
    /// Its doomed replicas, sorted by mtime and mount; none twice.
    pub doomed: &'a [DoomedRecord],
}

/// Lends the blocks of a span, ascending by hash.
///
/// A thread that works on span after span [enters](Join::enter) each with the same join: what was read ahead is not read
/// again, and what lies between is not read at all.
///
/// After an error every further call is an error: there is no end but the true one.
#[derive(Debug)]
pub struct Join {
    replicas: Side<ReplicaRecord>,
    references: Side<ReferenceRecord>,
    doomed: Side<DoomedRecord>,
    /// No block below is lent any more.
    at: u128,
    /// No block beyond is lent in the present span.
    last: u128,
    /// No record beyond is read.
    end: u128,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Reading,
    Failed,
}

/// Records of one kind.
#[derive(Debug)]
pub(super) struct Side<R> {
    stream: Merged<R>,
    /// The first record that is of no group yet; none if the stream has ended.
    ahead: Option<R>,
    /// The records of the current block.
    pub(super) group: Vec<R>,
    /// What they are, for messages.
    what: &'static str,
}

impl Facts {
    /// The blocks of a span. Several can be joined at once; each uses a reader's share of each file's memory.
    ///
    /// # Errors
    /// [`JoinError::Sort`].
    pub fn join(&self, span: Span) -> Result<Join, JoinError> {
        Ok(Join {
            replicas: Side::new(self.replicas.stream(span)?, "replicas")?,
            references: Side::new(self.references.stream(span)?, "references")?,
            doomed: Side::new(self.doomed.stream(span)?, "doomed replicas")?,
            at: span.first,
            last: span.last,
            end: span.last,
            state: State::Reading,
        })
    }
}

impl Join {
    /// Goes on to the blocks of a span: one within that of the whole join, and behind all blocks that were lent.
    ///
    /// # Errors
    /// [`JoinError::Sort`].
    ///
    /// # Panics
    /// If the span begins before a block that was lent, or before a span that was entered, or ends behind the whole join:
    /// blocks would be left out.
    pub fn enter(&mut self, span: Span) -> Result<(), JoinError> {
        assert!(self.at <= span.first && span.last <= self.end, "a join goes forward only");
        if self.state == State::Failed {
            return Err(SortError::Failed.into());
        }
        let entered = self.skip_to(span.first);
        if entered.is_err() {
            self.state = State::Failed;
        }
        (self.at, self.last) = (span.first, span.last);
        Ok(entered?)
    }

    fn skip_to(&mut self, head: u128) -> Result<(), SortError> {
        self.replicas.skip_to(head)?;
        self.references.skip_to(head)?;
        self.doomed.skip_to(head)
    }

    /// The next block; none after the last.
    ///
    /// # Errors
    /// [`JoinError::Sort`], [`JoinError::TooMany`].
    pub fn next_block(&mut self) -> Result<Option<BlockGroup<'_>>, JoinError> {
        if self.state == State::Failed {
            return Err(SortError::Failed.into());
        }
        match self.gather() {
            Err(error) => {
                self.state = State::Failed;
                Err(error)
            }
            Ok(None) => Ok(None),
            Ok(Some(head)) => Ok(Some(BlockGroup {
                hash: BlockHash::from_bytes(head.to_be_bytes()),
                replicas: &self.replicas.group,
                references: &self.references.group,
                doomed: &self.doomed.group,
            })),
        }
    }

    /// Takes the records of the lowest block that is left.
    fn gather(&mut self) -> Result<Option<u128>, JoinError> {
        let heads = [self.replicas.head(), self.references.head(), self.doomed.head()];
        let lowest = heads.into_iter().flatten().min();
        let Some(lowest) = lowest.filter(|lowest| *lowest <= self.last) else {
            return Ok(None);
        };
        self.replicas.gather(lowest)?;
        self.references.gather(lowest)?;
        self.doomed.gather(lowest)?;
        self.at = lowest.saturating_add(1);
        Ok(Some(lowest))
    }
}

impl<R: Record> Side<R> {
    pub(super) fn new(mut stream: Merged<R>, what: &'static str) -> Result<Self, SortError> {
        let ahead = stream.next().transpose()?;
        Ok(Side { stream, ahead, group: Vec::new(), what })
    }

    fn head(&self) -> Option<u128> {
        self.ahead.map(|record| record.key().head)
    }

    /// Leaves out records with a lower head.
    pub(super) fn skip_to(&mut self, head: u128) -> Result<(), SortError> {
        if self.head().is_some_and(|ahead| ahead < head) {
            self.stream.skip_to(head)?;
            self.ahead = self.stream.next().transpose()?;
        }
        Ok(())
    }

    /// Takes the records of the block with this head, if it is the one ahead.
    pub(super) fn gather(&mut self, head: u128) -> Result<(), JoinError> {
        self.group.clear();
        while let Some(record) = self.ahead
            && record.key().head == head
        {
            if self.group.len() == GROUP_RECORDS_MAX {
                let hash = BlockHash::from_bytes(head.to_be_bytes());
                return Err(JoinError::TooMany { hash, what: self.what, max: GROUP_RECORDS_MAX });
            }
            self.group.push(record);
            self.ahead = self.stream.next().transpose()?;
        }
        Ok(())
    }
}
