//! A volume one of whose calls fails.

use std::io;
use std::sync::atomic::{AtomicU64, Ordering};

use keep_volume::{Error, Volume};

use super::around::{Around, Call, Hook};

/// How a call fails.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// `ENOSPC`: [`Error::Full`].
    NoSpace,
    /// `EIO`: [`Error::Device`].
    Io,
}

impl Fault {
    fn error(self) -> Error {
        match self {
            Fault::NoSpace => Error::device("write", io::Error::from(io::ErrorKind::StorageFull)),
            Fault::Io => Error::device("do what was asked", io::Error::from_raw_os_error(5)),
        }
    }
}

/// A volume whose n-th call of a kind fails, and does nothing. All other calls go to the volume within.
///
/// # Examples
/// ```
/// # use keep_volume::{Error, Memory, Volume};
/// # use testkit::{blocks::Block, faults::{Call, FailNth, Fault}};
/// # use keep_rules::Timestamp;
/// # tokio::runtime::Builder::new_current_thread().build()?.block_on(async {
/// let memory = Memory::new("memory".parse()?);
/// let volume = FailNth::once(memory, Call::Commit, 2, Fault::Io);
/// let (first, second) = (Block::of("foo"), Block::of("bar"));
/// first.store(&volume, Timestamp::EPOCH).await?;
/// assert!(matches!(second.store(&volume, Timestamp::EPOCH).await, Err(Error::Device { .. })));
/// second.store(&volume, Timestamp::EPOCH).await?;
/// # Ok::<(), Box<dyn std::error::Error>>(()) })?;
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub type FailNth<V> = Around<V, Plan>;

/// Which calls fail, and how.
#[derive(Debug)]
pub struct Plan {
    call: Call,
    first: u64,
    last: u64,
    fault: Fault,
    seen: AtomicU64,
}

impl Plan {
    fn between(call: Call, first: u64, last: u64, fault: Fault) -> Self {
        Plan { call, first, last, fault, seen: AtomicU64::new(0) }
    }
}

impl Hook for Plan {
    fn before(&self, call: Call) -> Result<(), Error> {
        if call != self.call {
            return Ok(());
        }
        let number = self.seen.fetch_add(1, Ordering::Relaxed) + 1;
        if (self.first..=self.last).contains(&number) { Err(self.fault.error()) } else { Ok(()) }
    }
}

impl<V: Volume> FailNth<V> {
    /// The `nth` call of this kind fails; the first is number 1.
    pub fn once(inner: V, call: Call, nth: u64, fault: Fault) -> Self {
        Around::with(inner, Plan::between(call, nth, nth, fault))
    }

    /// The `nth` call of this kind fails, and all later ones.
    pub fn from_then_on(inner: V, call: Call, nth: u64, fault: Fault) -> Self {
        Around::with(inner, Plan::between(call, nth, u64::MAX, fault))
    }
}
