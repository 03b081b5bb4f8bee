//! Emptying the trash.

use std::ffi::CString;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use keep_rules::Timestamp;
use keep_rules::trash::may_empty;
use rustix::fs::{FileType, Stat};

use super::Directory;
use super::list::HexKind;
use super::name::Name;
use super::tree::Tree;
use crate::{Emptied, Error};

/// Sub-directories that several workers empty, each taking the next one.
#[derive(Debug)]
pub(super) struct Round {
    subdirectories: Vec<String>,
    next: AtomicUsize,
}

impl Round {
    fn take(&self) -> Option<&str> {
        let index = self.next.fetch_add(1, Ordering::Relaxed);
        self.subdirectories.get(index).map(String::as_str)
    }

    /// Leaves nothing to take.
    fn stop(&self) {
        self.next.store(self.subdirectories.len(), Ordering::Relaxed);
    }
}

/// Stops the workers when nobody waits for them any more.
struct StopOnDrop(Arc<Round>);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.stop();
    }
}

impl Directory {
    /// Empties all sub-directories, `workers` of them at a time.
    pub(super) async fn empty(&self, now: Timestamp, workers: usize) -> Result<Emptied, Error> {
        let round = StopOnDrop(Arc::new(self.hop(Tree::begin_to_empty).await?));
        let tasks: Vec<_> = (0..workers.max(1))
            .map(|_worker| {
                let round = Arc::clone(&round.0);
                self.spawn(move |tree| tree.empty_as_worker(&round, now))
            })
            .collect();
        let mut sum = Emptied::default();
        let mut failure = Ok(());
        for task in tasks {
            match Directory::join(task).await {
                Ok(emptied) => add(&mut sum, emptied),
                // The other workers go on.
                Err(error) => failure = Err(error),
            }
        }
        failure.map(|()| sum)
    }
}

fn add(sum: &mut Emptied, more: Emptied) {
    sum.deleted += more.deleted;
    sum.deleted_bytes += more.deleted_bytes;
    sum.kept += more.kept;
    sum.kept_bytes += more.kept_bytes;
    sum.failed += more.failed;
}

impl Tree {
    fn begin_to_empty(&self) -> Result<Round, Error> {
        self.root.verify()?;
        let entries = self.hex_entries()?.into_iter();
        let directories = entries.filter(|entry| entry.kind != HexKind::NoDirectory);
        let subdirectories = directories.map(|entry| entry.name).collect();
        Ok(Round { subdirectories, next: AtomicUsize::new(0) })
    }

    fn empty_as_worker(&self, round: &Round, now: Timestamp) -> Result<Emptied, Error> {
        let mut emptied = Emptied::default();
        let mut failure = Ok(());
        while let Some(name) = round.take() {
            if let Err(error) = self.empty_subdirectory(name, now, &mut emptied) {
                failure = Err(error);
            }
        }
        failure.map(|()| emptied)
    }

    fn empty_subdirectory(
        &self,
        name: &str,
        now: Timestamp,
        emptied: &mut Emptied,
    ) -> Result<(), Error> {
        let path = self.root.path().join(name);
        let listing =
            self.list(&path, |entry| match Name::parse(entry.file_name().to_bytes()) {
                Name::Trash { deadline, .. } => Some((CString::from(entry.file_name()), deadline)),
                Name::Block(_) | Name::Temp | Name::Other => None,
            })?;
        let Some(listing) = listing else { return Ok(()) };
        for (name, deadline) in listing.entries {
            let Some(stat) = self.look_in(&listing.directory, &name)? else { continue };
            if FileType::from_raw_mode(stat.st_mode) != FileType::RegularFile {
                continue;
            }
            let bytes = size(&stat);
            if !may_empty(Timestamp::from_seconds(deadline), now) {
                emptied.kept += 1;
                emptied.kept_bytes += bytes;
                continue;
            }
            match self.remove(&path.join(name.to_string_lossy().as_ref())) {
                Ok(()) => {
                    emptied.deleted += 1;
                    emptied.deleted_bytes += bytes;
                }
                Err(error) => {
                    emptied.failed += 1;
                    let error: &dyn std::error::Error = &error;
                    tracing::warn!(name = ?name, error, "cannot delete a trashed block");
                }
            }
        }
        Ok(())
    }
}

/// Bytes in a file.
pub(super) fn size(stat: &Stat) -> u64 {
    u64::try_from(stat.st_size).unwrap_or(0)
}
