//! The contract of a volume.

use async_trait::async_trait;
use bytes::Bytes;
use keep_rules::mount::{DeviceId, Medium};
use keep_rules::trash::Fate;
use keep_rules::{BlockHash, HashPrefix, Timestamp};

use crate::{EmptyOrder, Error, Halt, IoStats, Round};

/// A back end that stores replicas of blocks.
///
/// # Contract
/// - **Atomic.** Whoever opens a block sees one whole copy or none: the old one or the new one, never a mixture, also
///   after a crash.
/// - **Durable.** When [`BlockWriter::commit`], [`Volume::touch`] or [`Volume::untrash`] has returned `Ok`, its effect
///   survives a crash and a power loss (unless the volume was built not to sync).
/// - **Exclusive.** Commit, touch, trash and untrash of one block happen one after the other. So trash never takes away
///   a copy other than the one whose mtime it compared, and a touch that returned `Ok` is seen by every later trash.
/// - **Absence** is [`Error::NotFound`], and only that. It is returned only after the volume was found to be the right
///   one. A failing device is never an absent block.
/// - **Trashed blocks** are absent for open, stat, touch, trash and index.
/// - Volumes do not check contents: a caller that needs the hash verified hashes what it reads and writes.
///
/// # Cancel safety
/// Dropping a future of any method leaves the volume as if the call had either happened or not.
#[async_trait]
pub trait Volume: Send + Sync + 'static {
    /// Which physical back end this is. The same for every node that shares it, and for no other (spec section 6).
    fn device_id(&self) -> &DeviceId;

    /// What the volume lies on, as of when it was last looked at. `None` if that cannot be told from what may take its
    /// place. Reads nothing.
    fn medium(&self) -> Option<Medium>;

    /// Calls and bytes so far.
    fn stats(&self) -> &IoStats;

    /// Reads a replica's size and mtime.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the block is absent; any other error says nothing about the block.
    async fn stat(&self, hash: BlockHash) -> Result<Replica, Error>;

    /// Opens a replica to stream it out. The reader sees the copy that was there at this moment, whatever happens later.
    ///
    /// # Errors
    /// [`Error::NotFound`], [`Error::TooLarge`] if the stored file is no block, or a failure of the device.
    async fn open(&self, hash: BlockHash) -> Result<Box<dyn BlockReader>, Error>;

    /// Begins to store a block. Nothing can be seen under its name before [`BlockWriter::commit`]; dropping the writer
    /// leaves nothing behind.
    ///
    /// # Errors
    /// [`Error::Full`] if a block of the largest size would not fit, or a failure of the device.
    async fn create(&self, hash: BlockHash) -> Result<Box<dyn BlockWriter>, Error>;

    /// Sets a replica's mtime to `now`.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the block is absent, also if a trash won the race.
    async fn touch(&self, hash: BlockHash, now: Timestamp) -> Result<(), Error>;

    /// Takes a replica away: into the trash or for good, as `fate` says. Only if its mtime is exactly
    /// `unchanged_since`, read under the same exclusion in which it is taken away.
    ///
    /// # Errors
    /// [`Error::Changed`] if the mtime differs, [`Error::NotFound`] if the block is absent. Nothing was done then.
    async fn trash(
        &self,
        hash: BlockHash,
        unchanged_since: Timestamp,
        fate: Fate,
    ) -> Result<(), Error>;

    /// Brings back the trashed copy with the latest deadline and gives it the mtime `now`. A live copy is never
    /// overwritten: it stays, its mtime becomes `now`, and the trashed copy stays in the trash.
    ///
    /// # Errors
    /// [`Error::NotFound`] if the trash holds no copy of this block.
    async fn untrash(&self, hash: BlockHash, now: Timestamp) -> Result<Untrashed, Error>;

    /// The copies of this block in the trash, the latest deadline first: the first is the one that an untrash would
    /// bring back. Empty if there are none, never [`Error::NotFound`].
    ///
    /// # Errors
    /// A failure to read the volume, or it is not the right one. It says nothing about the trash.
    async fn trashed(&self, hash: BlockHash) -> Result<Vec<TrashedCopy>, Error>;

    /// Deletes for good every trashed copy whose deadline is not after `now`, as `order` says. One copy that cannot be
    /// deleted does not stop the rest. [`Round::Halted`] if the halt kept it from looking at every copy; nothing is
    /// deleted then that was not begun before.
    ///
    /// # Errors
    /// A failure to read the volume. The counts of what was done before are lost, not what was done; each deletion was
    /// reported.
    ///
    /// # Panics
    /// If the report of `order` does.
    ///
    /// # Cancel safety
    /// When it is dropped, deletions may go on for a while, and are reported. To stop at once, stop the halt.
    async fn empty_trash(&self, now: Timestamp, order: EmptyOrder) -> Result<Round, Error>;

    /// Lists the live replicas whose hash begins with `prefix`, sorted by hash.
    ///
    /// # Errors
    /// A failure to begin. Failures on the way come from the cursor.
    async fn index(&self, prefix: HashPrefix) -> Result<Box<dyn IndexCursor>, Error>;

    /// Counts the live replicas and their bytes, in the memory that one step of [`Volume::index`] takes.
    ///
    /// # Errors
    /// What the listing says, or [`Error::Halted`]. Nothing is known of the counts then.
    async fn tally(&self, halt: Halt) -> Result<Tally, Error> {
        let mut tally = Tally::default();
        let mut cursor = self.index(HashPrefix::ALL).await?;
        while !halt.is_stopped() {
            let Some(entries) = cursor.next().await? else { return Ok(tally) };
            tally.blocks += entries.len() as u64;
            tally.bytes += entries.iter().map(|entry| entry.replica.size).sum::<u64>();
        }
        Err(Error::Halted)
    }

    /// Deletes temp files that no writer holds, of this or another process: those of this program whatever their age,
    /// and those of others, who cannot show that they hold them, if they are older than `before`.
    ///
    /// # Errors
    /// A failure to read the volume.
    async fn sweep(&self, before: Timestamp) -> Result<Swept, Error>;

    /// Tries the volume: is it the right one, can it be read, and (if `write` is tried) written and synced?
    ///
    /// # Errors
    /// What is wrong with it. [`Error::Full`] is not reported: a full volume works.
    async fn check(&self, write: TryWrite) -> Result<(), Error>;

    /// Whether a block of the largest size would be refused now as [`Error::Full`].
    async fn is_full(&self) -> bool;
}

/// Whether a check of a volume writes to it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum TryWrite {
    /// Write, sync and remove a small file.
    Yes,
    /// Read only.
    No,
}

/// What is known of a replica at one moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Replica {
    /// Bytes stored.
    pub size: u64,
    /// When it was last written or touched.
    pub mtime: Timestamp,
}

/// A copy in the trash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct TrashedCopy {
    /// Bytes stored.
    pub size: u64,
    /// When it was last written or touched, before it was trashed.
    pub mtime: Timestamp,
    /// From when on it may be deleted. Whole seconds.
    pub deadline: Timestamp,
}

/// The live replicas of a volume, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// How many there are.
    pub blocks: u64,
    /// Bytes stored in them.
    pub bytes: u64,
}

/// One open replica.
#[async_trait]
pub trait BlockReader: Send {
    /// Size and mtime when it was opened. [`BlockReader::read`] yields exactly `size` bytes or fails.
    fn replica(&self) -> Replica;

    /// Reads on, into `buffer`, up to its capacity. Gives the buffer back with what was read as its whole content;
    /// empty at the end. A buffer without capacity is given back empty.
    ///
    /// # Errors
    /// A failure of the device, or a copy that turned out shorter or longer than [`BlockReader::replica`] says.
    ///
    /// # Cancel safety
    /// None: a reader whose `read` was dropped must be dropped too.
    async fn read(&mut self, buffer: Vec<u8>) -> Result<Vec<u8>, Error>;
}

/// A block that is being stored.
#[async_trait]
pub trait BlockWriter: Send {
    /// Appends. Data may be written behind, so a failure may show in a later call.
    ///
    /// # Errors
    /// [`Error::Full`], [`Error::TooLarge`] beyond the largest block, or a failure of the device. This data was not taken
    /// then; what earlier calls took can still be read back.
    ///
    /// # Cancel safety
    /// None: a writer whose `write` was dropped must be dropped too.
    async fn write(&mut self, data: Bytes) -> Result<(), Error>;

    /// Opens what was written so far, to store it elsewhere after this writer failed. The caller checks what it reads.
    /// Its [`Replica::mtime`] means nothing.
    ///
    /// # Errors
    /// A failure of the device.
    async fn read_back(&mut self) -> Result<Box<dyn BlockReader>, Error>;

    /// Makes the block visible under its name with this mtime, replacing a copy that was there. Contents, name and
    /// directory are durable when this returns `Ok`.
    ///
    /// # Errors
    /// A failure of the device, or the root is no longer the right one. The old copy, if any, is intact then, or the
    /// new one is already in its place but perhaps not durable; both are whole.
    ///
    /// # Panics
    /// If called again after `Ok`.
    async fn commit(&mut self, mtime: Timestamp) -> Result<(), Error>;
}

/// A listing on its way.
#[async_trait]
pub trait IndexCursor: Send {
    /// The next entries, sorted by hash, after all that came before; `None` when the listing is complete. A listing
    /// that ended with an error is not complete.
    ///
    /// # Errors
    /// A failure of the device. The listing is worthless then.
    ///
    /// # Cancel safety
    /// None: a cursor whose `next` was dropped must be dropped too.
    async fn next(&mut self) -> Result<Option<Vec<IndexEntry>>, Error>;

    /// Things found so far that are no replicas and in the way: reported, never listed.
    fn strange(&self) -> &[Strange];
}

/// One replica in a listing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexEntry {
    /// The block.
    pub hash: BlockHash,
    /// Its size and mtime.
    pub replica: Replica,
}

/// Something on a volume that looks like a block or a directory of blocks and is none.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Strange {
    /// Where, relative to the root.
    pub place: String,
    /// What is wrong with it.
    pub why: &'static str,
}

/// What an untrash did.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Untrashed {
    /// The trashed copy is live again.
    Restored,
    /// A live copy was there. It stays, with a new mtime.
    AlreadyLive,
}

/// What a sweep of temp files did.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Swept {
    /// Temp files deleted.
    pub deleted: u64,
    /// Temp files that could not be deleted.
    pub failed: u64,
}
