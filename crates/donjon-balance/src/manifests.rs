//! A directory of manifests as a source of references (`spec/keep-balance.md` section 8.1).

use std::path::PathBuf;
use std::time::Duration;

use keep_manifest::Blocks;
use keep_rules::Timestamp;
use manifest_store::{Entry, Scan, Standing, StoreError};

use crate::missing::Wanting;
use crate::observe::{References, SourceError};
use crate::references::{Intake, Wanted};

/// A directory of manifests, as `donjon put` makes it.
///
/// Collections that were removed or replaced are references until the signature TTL is over (W9): by the TTL of today or that
/// of their removal, whichever is longer ([`Entry::standing`]).
#[derive(Clone, Debug)]
pub struct ManifestDirectory {
    dir: PathBuf,
    ttl: Duration,
    now: fn() -> Timestamp,
}

impl ManifestDirectory {
    /// The directory `dir`; `ttl` is how long signatures are valid, and `now` the clock.
    pub fn new(dir: PathBuf, ttl: Duration, now: fn() -> Timestamp) -> Self {
        ManifestDirectory { dir, ttl, now }
    }
}

impl References for ManifestDirectory {
    fn kind(&self) -> &'static str {
        "manifest_store"
    }

    fn name(&self) -> String {
        self.dir.display().to_string()
    }

    fn read(&self, intake: &mut Intake<'_>) -> Result<(), SourceError> {
        let scan = Scan::open(&self.dir).map_err(said)?;
        let now = (self.now)();
        for entry in scan.entries() {
            // It is no reference any more, and may be erased at any time.
            if entry.standing(now, self.ttl) == Standing::Over {
                continue;
            }
            let manifest = scan.manifest(entry).map_err(said)?;
            let wanted = Wanted {
                replication: entry.wanted.replication.map(i64::from),
                classes: Some(&entry.wanted.classes),
            };
            let manifest = match intake.take(entry.name.as_str(), wanted, manifest) {
                Ok(manifest) => manifest,
                // What cannot be read is damaged more often than it was published so; then it is known what to do.
                Err(error) => return Err(scan.verify(entry).map_or_else(said, |()| error.into())),
            };
            scan.check(entry, manifest).map_err(said)?;
        }
        let scanned = scan.finish().map_err(said)?;
        intake.read.generation = Some(scanned.generation);
        intake.read.digest = Some(scanned.digest);
        Ok(())
    }

    fn wanting(&self, wanting: &mut Wanting) -> Result<(), SourceError> {
        let scan = Scan::open(&self.dir).map_err(said)?;
        let now = (self.now)();
        let is_over = |entry: &&Entry| entry.standing(now, self.ttl) == Standing::Over;
        for entry in scan.entries().iter().filter(|entry| !is_over(entry)) {
            let mut blocks = Blocks::new(scan.manifest(entry).map_err(said)?);
            for block in blocks.by_ref() {
                let block = block.map_err(|error| {
                    scan.verify(entry)
                        .map_or_else(said, |()| SourceError::Source(error.to_string()))
                })?;
                if let Some(collections) = wanting.get_mut(&block.hash()) {
                    let pdh = entry.pdh.to_string();
                    if collections.last() != Some(&pdh) {
                        collections.push(pdh);
                    }
                }
            }
        }
        Ok(())
    }
}

fn said(error: StoreError) -> SourceError {
    let text = error.to_string();
    if matches!(error, StoreError::Changed { .. }) {
        SourceError::Changed(text)
    } else {
        SourceError::Source(text)
    }
}
