//! Which blocks a collection is made of, read from its manifest.

use std::collections::BTreeSet;
use std::path::Path;

use keep_manifest::{BlockRef, Tree};
use keep_rules::{BlockHash, Timestamp};
use manifest_store::{Entry, Scan, Standing};

use crate::failure::Failure;

/// A demonstration's manifests are small; those of a whole repository take a megabyte.
const TREE_MEMORY: usize = 256 << 20;

/// The blocks of a collection that is there.
pub(super) fn blocks_of(manifests: &Path, name: &str) -> Result<BTreeSet<BlockHash>, Failure> {
    let wrong = |error: &dyn std::fmt::Display| Failure::Other(format!("{name}: {error}"));
    let scan = Scan::open(manifests).map_err(|error| wrong(&error))?;
    let live = |entry: &&Entry| entry.is_live() && entry.name.as_str() == name;
    let entry = scan.entries().iter().find(live).ok_or_else(|| wrong(&"is not there"))?;
    let manifest = scan.manifest(entry).map_err(|error| wrong(&error))?;
    let tree = Tree::read(manifest, TREE_MEMORY).map_err(|error| wrong(&error))?;
    let segments = tree.files().flat_map(|(_path, file)| file.segments());
    let blocks = segments.map(|segment| segment.block());
    Ok(blocks.filter(|block| !block.is_placeholder()).map(BlockRef::hash).collect())
}

/// Until when blocks of removed collections are wanted; `None` if nothing was removed.
pub(super) fn protected_until(
    manifests: &Path,
    now: Timestamp,
    ttl: std::time::Duration,
) -> Result<Option<Timestamp>, Failure> {
    let scan = Scan::open(manifests).map_err(|error| Failure::Other(error.to_string()))?;
    let ends = scan.entries().iter().filter_map(|entry| match entry.standing(now, ttl) {
        Standing::RemovedUntil(until) => Some(until),
        Standing::Live | Standing::Over => None,
    });
    Ok(ends.max())
}
