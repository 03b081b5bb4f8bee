//! Where it is recorded what became of the items of the current list.

use keep_rules::BlockHash;

use super::Ending;

/// Records the ends of items, so that a restart goes on where the list stood.
///
/// Called with the list's lock held: implementations append to a buffer or a file, and never wait for a device. A record
/// that is lost means that its item is run again, which does no harm: every step of an item may be repeated.
pub(crate) trait Recorder: std::fmt::Debug + Send {
    /// The item at this place ended.
    fn ended(&mut self, index: u32, ending: &Ending);

    /// Every item of this block that had not ended was taken off.
    fn removed(&mut self, hash: BlockHash);

    /// Every item that had not ended was taken off.
    fn cancelled(&mut self);

    /// An operator let the list through the guard.
    fn released(&mut self);

    /// Hands what was recorded to the system.
    fn sync(&mut self);
}

/// Records nothing: the list is gone with the process.
#[derive(Debug)]
pub(crate) struct Memory;

impl Recorder for Memory {
    fn ended(&mut self, _index: u32, _ending: &Ending) {}

    fn removed(&mut self, _hash: BlockHash) {}

    fn cancelled(&mut self) {}

    fn released(&mut self) {}

    fn sync(&mut self) {}
}
