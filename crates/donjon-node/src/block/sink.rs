//! Where the data of an upload goes: into a comparison with a replica that is there, or into a new replica.

use std::sync::Arc;

use bytes::Bytes;
use keep_rules::put::Failure;
use keep_rules::{BlockHash, Timestamp};
use keep_volume::{BlockReader, BlockWriter, Error};

use crate::buffer::BufferPool;
use crate::mounts::Mount;

/// One mount's part in an upload.
pub(super) struct Sink {
    /// Its place in the plan.
    pub(super) place: usize,
    pub(super) mount: Arc<Mount>,
    pub(super) work: Work,
}

pub(super) enum Work {
    /// The replica that is there is compared with the data as it comes.
    Comparing(Comparison),
    /// A new replica is written.
    Writing(Box<dyn BlockWriter>),
}

/// Why a sink cannot go on.
#[derive(Debug)]
pub(super) enum SinkFailure {
    /// The replica that is there is not what is being uploaded.
    Differs,
    /// What was copied to catch up is not what was uploaded, or is not to be had any more.
    NoPrefix,
    /// The volume failed.
    Volume(Error),
}

impl From<Error> for SinkFailure {
    fn from(error: Error) -> SinkFailure {
        SinkFailure::Volume(error)
    }
}

impl SinkFailure {
    /// What the plan needs to know of it.
    pub(super) fn kind(&self) -> Failure {
        match self {
            SinkFailure::Differs => Failure::Damaged,
            SinkFailure::Volume(Error::Full) => Failure::Full,
            SinkFailure::Volume(_) | SinkFailure::NoPrefix => Failure::Other,
        }
    }

    /// For the log.
    pub(super) fn describe(&self) -> String {
        match self {
            SinkFailure::Differs => "the replica that is there differs from the data".into(),
            SinkFailure::NoPrefix => "what was received before cannot be read back".into(),
            SinkFailure::Volume(error) => crate::mounts::sentence(error),
        }
    }
}

impl Sink {
    /// Takes the next bytes of the upload.
    pub(super) async fn take(
        &mut self,
        piece: Bytes,
        buffers: &BufferPool,
    ) -> Result<(), SinkFailure> {
        match &mut self.work {
            Work::Comparing(comparison) => comparison.take(&piece, buffers).await,
            Work::Writing(writer) => Ok(writer.write(piece).await?),
        }
    }

    /// All bytes have been taken. Nothing is changed yet: this only finds out whether the comparison came out equal.
    pub(super) fn check_end(&self) -> Result<(), SinkFailure> {
        match &self.work {
            Work::Comparing(comparison) => comparison.check_end(),
            Work::Writing(_) => Ok(()),
        }
    }

    /// Makes the replica count: durable, with the mtime `now`.
    pub(super) async fn settle(
        &mut self,
        hash: BlockHash,
        now: Timestamp,
    ) -> Result<(), SinkFailure> {
        match &mut self.work {
            Work::Comparing(_) => Ok(self.mount.volume.touch(hash, now).await?),
            Work::Writing(writer) => Ok(writer.commit(now).await?),
        }
    }
}

/// A replica that is read along with an upload.
pub(super) struct Comparison {
    reader: Box<dyn BlockReader>,
    /// Bytes read and not yet compared.
    ahead: Bytes,
    compared: u64,
}

impl Comparison {
    /// Begins with the first byte.
    pub(super) fn new(reader: Box<dyn BlockReader>) -> Comparison {
        Comparison { reader, ahead: Bytes::new(), compared: 0 }
    }

    /// Compares the next bytes.
    pub(super) async fn take(
        &mut self,
        mut piece: &[u8],
        buffers: &BufferPool,
    ) -> Result<(), SinkFailure> {
        while !piece.is_empty() {
            let stored = self.next(piece.len(), buffers).await?;
            let (now, later) = piece.split_at(stored.len().min(piece.len()));
            if stored.is_empty() || stored != now {
                return Err(SinkFailure::Differs);
            }
            self.compared += now.len() as u64;
            piece = later;
        }
        Ok(())
    }

    /// The next stored bytes, at most `most`; empty at the end of the replica.
    pub(super) async fn next(
        &mut self,
        most: usize,
        buffers: &BufferPool,
    ) -> Result<Bytes, SinkFailure> {
        if self.ahead.is_empty() {
            self.ahead = buffers.take().read(self.reader.as_mut()).await?;
        }
        Ok(self.ahead.split_to(self.ahead.len().min(most)))
    }

    /// The caller has compared these many bytes itself.
    pub(super) fn skipped(&mut self, bytes: u64) {
        self.compared += bytes;
    }

    /// Compares all that is left with all that `other` holds.
    pub(super) async fn equals(
        mut self,
        other: Box<dyn BlockReader>,
        buffers: &BufferPool,
    ) -> bool {
        let mut other = Comparison::new(other);
        while let Ok(piece) = other.next(usize::MAX, buffers).await {
            if piece.is_empty() {
                return self.check_end().is_ok();
            }
            if self.take(&piece, buffers).await.is_err() {
                return false;
            }
        }
        false
    }

    /// Whether the replica ends here too.
    pub(super) fn check_end(&self) -> Result<(), SinkFailure> {
        if self.compared == self.reader.replica().size { Ok(()) } else { Err(SinkFailure::Differs) }
    }
}
