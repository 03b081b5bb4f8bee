//! Where a collection's manifest is, and what it says.

use std::collections::HashMap;
use std::fs::File;
use std::io;
use std::path::Path;

use keep_manifest::{BlockRef, ReadError, Streams, Tree};
use keep_rules::Locator;
use manifest_store::{Entry, Scan, StoreError};

use crate::failure::Failure;

/// Memory for the files of one collection: some tens of millions.
const MEMORY_MAX: usize = 8 << 30;

/// Locators with hints, such as signatures, by their blocks.
pub(in crate::commands) type Hints = HashMap<BlockRef, Locator>;

/// A collection.
pub(super) struct Source {
    pub(super) tree: Tree,
    /// The directory that it is restored into unless another is named.
    pub(super) directory: String,
    /// Only a manifest in a file of its own may have some.
    pub(super) hints: Hints,
}

impl Source {
    /// Looks for a collection of this name, then of this portable data hash (one that was removed too, until it is
    /// forgotten), then for a file.
    pub(super) fn find(named: &str, manifests: Option<&Path>) -> Result<Option<Self>, Failure> {
        let no_catalog = match manifests.map(|dir| in_store(named, dir)) {
            Some(Ok(Some(found))) => return Ok(Some(found)),
            Some(Ok(None)) | None => None,
            // A file may still be meant. If none is, it is not known whether there is such a collection.
            Some(Err(error @ StoreError::NoCatalog { .. })) => Some(error),
            Some(Err(error)) => return Err(other(error)),
        };
        // A directory of that name is where the files came from, more often than not.
        if Path::new(named).is_file() {
            let file = File::open(named).map_err(Failure::local(format!("cannot open {named}")))?;
            return in_file(named, file).map(Some);
        }
        no_catalog.map_or(Ok(None), |error| Err(other(error)))
    }
}

fn other(error: StoreError) -> Failure {
    Failure::Other(error.to_string())
}

fn in_store(named: &str, dir: &Path) -> Result<Option<Source>, StoreError> {
    let scan = Scan::open(dir)?;
    let Some(entry) = choose(scan.entries(), named) else { return Ok(None) };
    scan.verify(entry)?;
    let mut manifest = scan.manifest(entry)?;
    let unreadable = |error| StoreError::Manifest { name: entry.name.to_string(), error };
    let tree = Tree::read(&mut manifest, MEMORY_MAX).map_err(unreadable)?;
    scan.check(entry, manifest)?;
    let directory = directory_of(entry.name.as_str());
    Ok(Some(Source { tree, directory, hints: Hints::new() }))
}

/// One component, which leads nowhere else.
fn directory_of(name: &str) -> String {
    match name {
        "." | ".." => format!("{name}files"),
        name => name.replace('/', "-"),
    }
}

fn choose<'a>(entries: &'a [Entry], named: &str) -> Option<&'a Entry> {
    // The hash alone says which it is; `+` and the size are often left away.
    let of_hash = |entry: &&Entry| {
        let pdh = entry.pdh.to_string();
        pdh == named || pdh.split_once('+').is_some_and(|(hash, _size)| hash == named)
    };
    entries
        .iter()
        .find(|entry| entry.is_live() && entry.name.as_str() == named)
        .or_else(|| entries.iter().filter(|entry| entry.is_live()).find(of_hash))
        .or_else(|| entries.iter().find(of_hash))
}

fn in_file(named: &str, file: File) -> Result<Source, Failure> {
    let again = file.try_clone().map_err(Failure::local(format!("cannot read {named}")))?;
    let tree = Tree::read(file, MEMORY_MAX).map_err(|error| {
        Failure::Other(format!(
            "there is no collection {named:?}, and the file of this name is no manifest: {error}"
        ))
    })?;
    let mut again = again;
    io::Seek::rewind(&mut again).map_err(Failure::local(format!("cannot read {named} again")))?;
    let mut hints = Hints::new();
    for stream in Streams::new(again) {
        let stream = stream.map_err(unreadable(named))?;
        for block in stream.blocks().iter().filter(|block| !block.hints().is_empty()) {
            if let Ok(locator) = block.to_locator().parse() {
                hints.insert(block.block(), locator);
            }
        }
    }
    let stem = Path::new(named).file_stem().unwrap_or_default().to_string_lossy();
    Ok(Source { tree, directory: format!("{stem}.files"), hints })
}

fn unreadable(named: &str) -> impl FnOnce(ReadError) -> Failure {
    let named = named.to_owned();
    move |error| Failure::Other(format!("{named}: {error}"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_leads_out_of_the_current_directory() {
        for (name, expected) in [
            ("photos", "photos"),
            ("a/b", "a-b"),
            ("/etc", "-etc"),
            ("..", "..files"),
            ("../x", "..-x"),
        ] {
            assert_eq!(directory_of(name), expected);
        }
    }
}
