//! Emptying the trash.

use std::ffi::CString;
use std::fs;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keep_rules::Timestamp;
use keep_rules::trash::may_empty;
use rustix::fs::{FileType, Stat};

use super::list::HexKind;
use super::name::Name;
use super::trashed::mtime;
use super::tree::Tree;
use super::{Directory, THREADS_MAX};
use crate::{Emptied, EmptiedCopy, EmptyOrder, Error, Operation, Round};

/// Sub-directories that several workers empty, each taking the next one.
#[derive(Debug)]
struct Work {
    subdirectories: Vec<String>,
    next: AtomicUsize,
    now: Timestamp,
    order: EmptyOrder,
}

impl Work {
    fn take(&self) -> Option<&str> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        self.subdirectories.get(index).map(String::as_str)
    }

    /// Leaves nothing to take.
    fn give_up(&self) {
        self.next.store(self.subdirectories.len(), Ordering::Relaxed);
    }
}

/// Stops the workers when nobody waits for them any more.
struct GiveUpOnDrop(Arc<Work>);

impl Drop for GiveUpOnDrop {
    fn drop(&mut self) {
        self.0.give_up();
    }
}

/// Whether a worker may go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    GoOn,
    Halt,
}

impl Directory {
    /// Empties all sub-directories, several of them at a time.
    pub(super) async fn empty(&self, now: Timestamp, order: EmptyOrder) -> Result<Round, Error> {
        // The others are for whoever reads and writes.
        let workers = order.workers.clamp(1, THREADS_MAX / 2);
        let subdirectories = self.hop(Tree::subdirectories_to_empty).await?;
        let work = Work { subdirectories, next: AtomicUsize::new(0), now, order };
        let work = GiveUpOnDrop(Arc::new(work));
        let mut tasks = Vec::with_capacity(workers);
        for _worker in 0..workers {
            let work = Arc::clone(&work.0);
            tasks.push(self.spawn(move |tree| tree.empty_as_worker(&work)).await);
        }
        let mut sum = Emptied::default();
        let mut next = Next::GoOn;
        let mut failure = Ok(());
        for task in tasks {
            match Directory::join(task).await {
                Ok(Round::Complete(emptied)) => sum.add(emptied),
                Ok(Round::Halted(emptied)) => {
                    sum.add(emptied);
                    next = Next::Halt;
                }
                // The other workers go on.
                Err(error) => failure = Err(error),
            }
        }
        failure.map(|()| round(next, sum))
    }
}

fn round(next: Next, emptied: Emptied) -> Round {
    match next {
        Next::GoOn => Round::Complete(emptied),
        Next::Halt => Round::Halted(emptied),
    }
}

impl Tree {
    fn subdirectories_to_empty(&self) -> Result<Vec<String>, Error> {
        self.root.verify()?;
        let entries = self.hex_entries()?.into_iter();
        let directories = entries.filter(|entry| entry.kind != HexKind::NoDirectory);
        Ok(directories.map(|entry| entry.name).collect())
    }

    fn empty_as_worker(&self, work: &Work) -> Result<Round, Error> {
        let mut emptied = Emptied::default();
        let mut next = Next::GoOn;
        let mut failure = Ok(());
        while next == Next::GoOn
            && let Some(name) = work.take()
        {
            match self.empty_subdirectory(name, work, &mut emptied) {
                Ok(after) => next = after,
                Err(error) => failure = Err(error),
            }
        }
        failure.map(|()| round(next, emptied))
    }

    fn empty_subdirectory(
        &self,
        subdirectory: &str,
        work: &Work,
        emptied: &mut Emptied,
    ) -> Result<Next, Error> {
        if work.order.halt.is_stopped() {
            return Ok(Next::Halt);
        }
        let path = self.root.path().join(subdirectory);
        let listing =
            self.list(&path, |entry| match Name::parse(entry.file_name().to_bytes()) {
                Name::Trash { hash, deadline } => {
                    Some((CString::from(entry.file_name()), hash, deadline))
                }
                Name::Block(_) | Name::Temp(_) | Name::Other => None,
            })?;
        let Some(listing) = listing else { return Ok(Next::GoOn) };
        for (name, hash, seconds) in listing.entries {
            let Some(stat) = self.look_in(&listing.directory, &name)? else { continue };
            if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                continue;
            }
            if work.order.halt.is_stopped() {
                return Ok(Next::Halt);
            }
            let size = size(&stat);
            let deadline = Timestamp::from_seconds(seconds);
            if !may_empty(deadline, work.now) {
                emptied.count_kept(size);
                continue;
            }
            match self.delete(&path.join(name.to_string_lossy().as_ref())) {
                Ok(Deleted::ByUs) => {
                    emptied.count_deleted(size);
                    let mtime = mtime(&stat);
                    (work.order.report)(EmptiedCopy { hash, size, mtime, deadline });
                }
                Ok(Deleted::NotThere) => {}
                Err(error) => {
                    emptied.failed += 1;
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(name = ?name, error, "cannot delete a trashed block");
                }
            }
        }
        Ok(Next::GoOn)
    }

    pub(super) fn delete(&self, path: &Path) -> io::Result<Deleted> {
        match self.call(Operation::Unlink, || fs::remove_file(path)) {
            Ok(()) => Ok(Deleted::ByUs),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Deleted::NotThere),
            Err(error) => Err(error),
        }
    }
}

/// Who deleted a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Deleted {
    ByUs,
    /// It is no more what it was: it got another name meanwhile, another process has or has deleted it.
    NotThere,
}

/// Bytes in a file.
pub(super) fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}
