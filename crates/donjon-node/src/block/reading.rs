//! Reading a replica piece by piece, verified against its hash.

use bytes::Bytes;
use keep_rules::BlockHash;
use keep_volume::{BlockReader, Error, Replica};

use crate::buffer::BufferPool;
use crate::hashing::BlockHasher;

/// One replica on its way out. Every piece is hashed as it is read.
pub(crate) struct Reading {
    hash: BlockHash,
    reader: Box<dyn BlockReader>,
    hasher: BlockHasher,
    buffers: BufferPool,
}

/// Why a replica cannot be used.
#[derive(Debug)]
pub(crate) enum ReadFailure {
    /// What is stored is not the block.
    Damaged,
    /// The volume failed.
    Volume(Error),
}

/// What a client is told of a damaged replica.
pub(crate) const DAMAGED: &str = "checksum mismatch in stored data";

impl ReadFailure {
    /// For the log.
    pub(crate) fn describe(&self) -> String {
        match self {
            ReadFailure::Damaged => format!("{DAMAGED}; a PUT or a pull of the block heals it"),
            ReadFailure::Volume(error) => crate::mounts::sentence(error),
        }
    }
}

impl From<Error> for ReadFailure {
    fn from(error: Error) -> ReadFailure {
        ReadFailure::Volume(error)
    }
}

/// What [`Reading::next`] found.
pub(crate) enum Piece {
    /// Data, and more is to come.
    More(Bytes),
    /// The last data. The whole block has been verified.
    Last(Bytes),
}

impl Reading {
    pub(crate) fn new(
        hash: BlockHash,
        reader: Box<dyn BlockReader>,
        buffers: BufferPool,
    ) -> Reading {
        Reading { hash, reader, hasher: BlockHasher::begin(), buffers }
    }

    /// The block.
    pub(crate) fn hash(&self) -> BlockHash {
        self.hash
    }

    /// Size and mtime of the replica.
    pub(crate) fn replica(&self) -> Replica {
        self.reader.replica()
    }

    /// Reads on. The last piece is given out only after the hash of the whole was found right.
    ///
    /// # Errors
    /// [`ReadFailure`] if the device fails or the hash is wrong. What was given out before is worthless then.
    pub(crate) async fn next(&mut self) -> Result<Piece, ReadFailure> {
        let piece = self.read().await?;
        self.hasher.update(piece.clone()).await;
        if self.hasher.length() < self.replica().size {
            return Ok(Piece::More(piece));
        }
        match self.hasher.clone().finish().await == self.hash {
            true => Ok(Piece::Last(piece)),
            false => Err(ReadFailure::Damaged),
        }
    }

    async fn read(&mut self) -> Result<Bytes, ReadFailure> {
        let piece = self.buffers.take().read(self.reader.as_mut()).await?;
        let more_expected = self.hasher.length() < self.replica().size;
        if piece.is_empty() && more_expected {
            return Err(ReadFailure::Damaged);
        }
        Ok(piece)
    }
}

/// Reads and verifies a whole replica, and throws the data away.
///
/// # Errors
/// [`ReadFailure`] if the device fails or the hash is wrong.
pub(crate) async fn read_whole(
    hash: BlockHash,
    reader: Box<dyn BlockReader>,
    buffers: &BufferPool,
) -> Result<Replica, ReadFailure> {
    let mut reading = Reading::new(hash, reader, buffers.clone());
    while let Piece::More(_) = reading.next().await? {}
    Ok(reading.replica())
}
