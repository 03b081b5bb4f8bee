//! Blocks whose hashes are known.

use bytes::Bytes;
use keep_rules::{BlockHash, Timestamp};
use keep_volume::{Error, Volume};
use md5::{Digest, Md5};

/// A block and its name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Block {
    /// The MD5 of `data`.
    pub hash: BlockHash,
    /// The content.
    pub data: Bytes,
}

impl Block {
    /// The block with this content.
    ///
    /// # Examples
    /// ```
    /// let foo = testkit::blocks::Block::of("foo");
    /// assert_eq!(foo.hash.to_string(), "acbd18db4cc2f85cedef654fccc4a4d8");
    /// ```
    pub fn of(data: impl Into<Bytes>) -> Self {
        let data = data.into();
        Block { hash: BlockHash::from_bytes(Md5::digest(&data).into()), data }
    }

    /// A block of `size` bytes that repeats nothing: as hard on compression as real data. Blocks of different `seed`
    /// differ.
    pub fn sized(size: usize, seed: u64) -> Self {
        let mut state = seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1;
        let mut data = Vec::with_capacity(size + 8);
        while data.len() < size {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            data.extend_from_slice(&state.to_le_bytes());
        }
        data.truncate(size);
        Block::of(data)
    }

    /// How long it is.
    pub fn size(&self) -> u64 {
        self.data.len() as u64
    }

    /// Stores the block with this mtime.
    ///
    /// # Errors
    /// What the volume says.
    pub async fn store(&self, volume: &dyn Volume, mtime: Timestamp) -> Result<(), Error> {
        let mut writer = volume.create(self.hash).await?;
        writer.write(self.data.clone()).await?;
        writer.commit(mtime).await
    }
}

/// Reads a whole replica.
///
/// # Errors
/// What the volume says.
pub async fn fetch(volume: &dyn Volume, hash: BlockHash) -> Result<Vec<u8>, Error> {
    let mut reader = volume.open(hash).await?;
    drain(reader.as_mut()).await
}

/// Reads what is left of an open replica.
///
/// # Errors
/// What the reader says.
pub async fn drain(reader: &mut dyn keep_volume::BlockReader) -> Result<Vec<u8>, Error> {
    let mut all = Vec::new();
    let mut buffer = Vec::with_capacity(100_000);
    loop {
        buffer = reader.read(buffer).await?;
        if buffer.is_empty() {
            return Ok(all);
        }
        all.extend_from_slice(&buffer);
    }
}
