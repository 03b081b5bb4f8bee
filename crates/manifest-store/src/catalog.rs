//! Every collection of a directory: a line each between a first line that says how many there are and a last line that has
//! the SHA-256 of all before it.

use std::collections::HashMap;
use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::time::Duration;

use keep_rules::Timestamp;
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use crate::disk::{Disk, Taken};
use crate::entry::Entry;
use crate::error::StoreError;
use crate::name::CollectionName;

/// The format that is written. Format 1 is read too: its entries do not say until when they are protected.
const FORMAT: u32 = 2;
/// The longest catalog that is read: some millions of collections.
const LENGTH_MAX: u64 = 4 << 30;

/// Every collection of a directory, at one moment.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Catalog {
    /// Counts up by one with each change.
    pub generation: u64,
    /// When it was written.
    pub written_at: Timestamp,
    /// The collections, and those that were removed and are not swept yet; in the order in which they were published.
    pub entries: Vec<Entry>,
    /// The SHA-256 of the catalog's lines.
    pub digest: [u8; 32],
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Head {
    format: u32,
    generation: u64,
    written_at: i64,
    collections: u64,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Tail {
    sha256: String,
}

impl Catalog {
    /// The catalog of a directory, found whole.
    ///
    /// # Errors
    /// [`StoreError::NoCatalog`], [`StoreError::Damaged`], [`StoreError::Format`], [`StoreError::Io`].
    pub fn load(dir: &Path) -> Result<Catalog, StoreError> {
        let path = path(dir);
        let length = match fs::metadata(&path) {
            Ok(file) => file.len(),
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                return Err(StoreError::NoCatalog { dir: dir.to_owned() });
            }
            Err(error) => return Err(StoreError::io("cannot be looked at", &path)(error)),
        };
        if length > LENGTH_MAX {
            let what = format!("it is longer than {} GiB", LENGTH_MAX >> 30);
            return Err(StoreError::Damaged { path, line: 1, what });
        }
        let text = fs::read(&path).map_err(StoreError::io("cannot be read", &path))?;
        parse(&path, &text)
    }

    /// The live collection of this name.
    pub fn live(&self, name: &str) -> Option<&Entry> {
        self.entries.iter().find(|entry| entry.is_live() && entry.name.as_str() == name)
    }

    /// What [`Store::restore`](crate::Store::restore) would bring back at `now`, by name, if signatures are valid for `ttl`: of
    /// each name that is free the collection that was removed last, if its time is not up (see [`Entry::undo_until`]). One
    /// whose name was taken, or removed again, later is not among them.
    pub fn restorable(&self, now: Timestamp, ttl: Duration) -> HashMap<&CollectionName, &Entry> {
        let now = self.not_before(now);
        let mut restorable: HashMap<&CollectionName, &Entry> = HashMap::new();
        let in_time = |entry: &&Entry| entry.undo_until(ttl).is_some_and(|until| now < until);
        for entry in self.entries.iter().filter(in_time) {
            let newest = restorable.entry(&entry.name).or_insert(entry);
            if newest.removed_at <= entry.removed_at {
                *newest = entry;
            }
        }
        for live in self.entries.iter().filter(|entry| entry.is_live()) {
            restorable.remove(&live.name);
        }
        restorable
    }

    /// A clock that went back must neither shorten a protection nor bring back what a balancer may have given up.
    pub(crate) fn not_before(&self, now: Timestamp) -> Timestamp {
        now.max(self.written_at)
    }

    /// An empty catalog, which no directory has yet.
    pub(crate) fn empty(now: Timestamp) -> Catalog {
        Catalog { generation: 0, written_at: now, entries: Vec::new(), digest: [0; 32] }
    }

    /// Makes this the catalog of the directory, durably, as the next generation, if `is_allowed` at the last moment.
    pub(crate) fn store(
        &mut self,
        dir: &Path,
        disk: &Disk,
        now: Timestamp,
        is_allowed: impl FnOnce() -> Result<(), StoreError>,
    ) -> Result<(), StoreError> {
        let path = path(dir);
        self.generation += 1;
        self.written_at = now;
        let mut digest = [0; 32];
        let written = disk.draft(dir, |file| {
            digest = self.write(file)?;
            Ok(())
        });
        let draft = written.map_err(StoreError::io("cannot be written", &path))?;
        disk.name(draft, &path, Taken::Replace, is_allowed)?;
        self.digest = digest;
        Ok(())
    }

    fn write(&self, file: &mut File) -> io::Result<[u8; 32]> {
        let mut out = io::BufWriter::with_capacity(1 << 20, file);
        let mut sum = Sha256::new();
        let head = Head {
            format: FORMAT,
            generation: self.generation,
            written_at: self.written_at.as_nanos(),
            collections: self.entries.len() as u64,
        };
        let mut line = serde_json::to_vec(&head)?;
        let mut put = |line: &mut Vec<u8>| {
            line.push(b'\n');
            sum.update(&line);
            out.write_all(line)
        };
        put(&mut line)?;
        for entry in &self.entries {
            put(&mut serde_json::to_vec(entry)?)?;
        }
        let digest: [u8; 32] = sum.finalize().into();
        serde_json::to_writer(&mut out, &Tail { sha256: hex(&digest) })?;
        out.write_all(b"\n")?;
        out.flush()?;
        Ok(digest)
    }
}

fn path(dir: &Path) -> PathBuf {
    dir.join("catalog")
}

fn parse(path: &Path, text: &[u8]) -> Result<Catalog, StoreError> {
    let damaged =
        |line: u64, what: String| StoreError::Damaged { path: path.to_owned(), line, what };
    if text.is_empty() {
        return Err(damaged(1, "it is empty".to_owned()));
    }
    let mut lines = text.split_inclusive(|byte| *byte == b'\n');
    let first = lines.next().unwrap_or_default();
    let head: Head = serde_json::from_slice(first).map_err(|error| damaged(1, said(&error)))?;
    if !(1..=FORMAT).contains(&head.format) {
        return Err(StoreError::Format { path: path.to_owned(), format: head.format });
    }
    let mut sum = Sha256::new();
    sum.update(first);
    let mut entries = Vec::new();
    let mut number = 1;
    for _ in 0..head.collections {
        number += 1;
        let Some(line) = lines.next() else {
            let what = format!("it ends before the last of {} collections", head.collections);
            return Err(damaged(number, what));
        };
        sum.update(line);
        let entry: Entry =
            serde_json::from_slice(line).map_err(|error| damaged(number, said(&error)))?;
        entries.push(entry);
    }
    let last = lines.next().unwrap_or_default();
    let tail: Tail = serde_json::from_slice(last)
        .map_err(|error| damaged(number + 1, format!("its last line is none: {}", said(&error))))?;
    let digest: [u8; 32] = sum.finalize().into();
    if hex(&digest) != tail.sha256 {
        return Err(damaged(number + 1, "its SHA-256 is another".to_owned()));
    }
    if lines.next().is_some() || !last.ends_with(b"\n") {
        return Err(damaged(number + 2, "it does not end where it should".to_owned()));
    }
    Ok(Catalog {
        generation: head.generation,
        written_at: Timestamp::from_nanos(head.written_at),
        entries,
        digest,
    })
}

/// What is wrong with a line, and at which byte of it. The parser believes that each is the first.
fn said(error: &serde_json::Error) -> String {
    let text = error.to_string();
    let what = text.rsplit_once(" at line ").map_or(text.as_str(), |(what, _)| what);
    format!("byte {}: {what}", error.column())
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
