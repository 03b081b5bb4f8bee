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
pub(super) type Hints = HashMap<BlockRef, Locator>;

/// A collection.
pub(super) struct Source {
    pub(super) tree: Tree,
    /// The directory that it is restored into unless another is named.
    pub(super) directory: String,
    /// Only a manifest in a file of its own may have some.
    pub(super) hints: Hints,
}

impl Source {
    /// Looks for a collection of this name, then of this portable data hash (one that was removed too, as long as its
    /// blocks are kept), then for a file.
    pub(super) fn find(named: &str, manifests: Option<&Path>) -> Result<Option<Self>, Failure> {
        if let Some(dir) = manifests
            && let Some(found) = in_store(named, dir)?
        {
            return Ok(Some(found));
        }
        match File::open(named) {
            Ok(file) => in_file(named, file).map(Some),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(Failure::local(format!("cannot open {named}"))(error)),
        }
    }
}

fn in_store(named: &str, dir: &Path) -> Result<Option<Source>, Failure> {
    let other = |error: StoreError| Failure::Other(error.to_string());
    let scan = match Scan::open(dir) {
        Ok(scan) => scan,
        // Nothing was put there yet; a file may still be meant.
        Err(StoreError::NoCatalog { .. }) => return Ok(None),
        Err(error) => return Err(other(error)),
    };
    let Some(entry) = choose(scan.entries(), named) else { return Ok(None) };
    let mut manifest = scan.manifest(entry).map_err(other)?;
    let tree = Tree::read(&mut manifest, MEMORY_MAX).map_err(unreadable(named))?;
    scan.check(entry, manifest).map_err(other)?;
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
