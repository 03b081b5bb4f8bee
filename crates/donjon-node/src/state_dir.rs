//! Where a node keeps its own state: lists, settings, ledger.
//!
//! A freeze must not be forgotten because the state was looked for elsewhere. So when the node begins with new state, and
//! there may be older state that it cannot see, it begins frozen, and says why.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::steering::says_frozen;

/// The directory in the root of a volume that holds the state of its nodes.
const IN_VOLUME: &str = ".donjon-node";

/// A state directory, and whether it may be the wrong one.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// The directory; it is there.
    pub(crate) dir: PathBuf,
    /// Why the node must begin frozen, if it must.
    pub(crate) doubt: Option<String>,
}

/// The volumes of a node that may hold its state.
#[derive(Debug)]
pub(crate) struct Volumes {
    /// The roots of those that were opened and may be written.
    pub(crate) roots: Vec<PathBuf>,
    /// How many could not be opened.
    pub(crate) missing: usize,
}

/// Every directory that may hold this node's state, whether it is there or not.
pub(crate) fn places(configured: Option<&Path>, own_url: &str, roots: &[PathBuf]) -> Vec<PathBuf> {
    let name = name_of(own_url);
    let in_volumes = roots.iter().map(|root| root.join(IN_VOLUME).join(&name));
    configured.map(Path::to_owned).into_iter().chain(in_volumes).collect()
}

/// The configured directory, else the one in which the node finds its state, else a new one in the first volume. It is
/// named after the node's own URL, so that nodes that share a volume do not share it. `None` if there is no place.
///
/// # Errors
/// The directory, and what the system said, if it cannot be made.
pub(crate) fn choose(
    configured: Option<&Path>,
    own_url: &str,
    volumes: &Volumes,
) -> Result<Option<Chosen>, (PathBuf, io::Error)> {
    if let Some(dir) = configured {
        return made(dir.to_owned(), None).map(Some);
    }
    let name = name_of(own_url);
    let place = |root: &PathBuf| root.join(IN_VOLUME).join(&name);
    let mut found = volumes.roots.iter().map(place).filter(|dir| dir.is_dir());
    if let Some(dir) = found.next() {
        // Which of them is the newer nobody can say.
        let doubt = found.next().map(|other| {
            format!(
                "{} and {} both hold this node's state; remove the wrong one",
                dir.display(),
                other.display()
            )
        });
        return made(dir, doubt).map(Some);
    }
    let Some(dir) = volumes.roots.first().map(place) else { return Ok(None) };
    let doubt = if volumes.missing > 0 {
        Some("a volume is missing that may hold this node's settings".to_owned())
    } else if volumes.roots.iter().any(|root| another_is_frozen(root)) {
        Some("the settings of another URL on the same volumes say frozen".to_owned())
    } else {
        None
    };
    made(dir, doubt).map(Some)
}

fn name_of(own_url: &str) -> String {
    Sha256::digest(own_url)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether some node with state on this volume is frozen. What cannot be read may be.
fn another_is_frozen(root: &Path) -> bool {
    match std::fs::read_dir(root.join(IN_VOLUME)) {
        Err(error) => error.kind() != io::ErrorKind::NotFound,
        Ok(dirs) => dirs.into_iter().any(|dir| dir.map_or(true, |dir| says_frozen(&dir.path()))),
    }
}

fn made(dir: PathBuf, doubt: Option<String>) -> Result<Chosen, (PathBuf, io::Error)> {
    match make(&dir) {
        Ok(()) => Ok(Chosen { dir, doubt }),
        Err(error) => Err((dir, error)),
    }
}

fn make(dir: &Path) -> io::Result<()> {
    std::fs::DirBuilder::new().recursive(true).mode(0o700).create(dir)?;
    // The names survive a power loss before anything in the directory has to.
    for made in [Some(dir), dir.parent(), dir.parent().and_then(Path::parent)].into_iter().flatten()
    {
        std::fs::File::open(made)?.sync_all()?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const URL: &str = "http://keep0.example:25107/";

    struct Disks(tempfile::TempDir);

    impl Disks {
        fn new() -> Disks {
            let disks = Disks(tempfile::tempdir().unwrap());
            for name in ["a", "b"] {
                std::fs::create_dir(disks.root(name)).unwrap();
            }
            disks
        }

        fn root(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        fn choose(&self, url: &str, roots: &[&str], missing: usize) -> Chosen {
            let roots = roots.iter().map(|name| self.root(name)).collect();
            choose(None, url, &Volumes { roots, missing }).unwrap().unwrap()
        }
    }

    fn freeze(dir: &Path) {
        std::fs::write(dir.join("settings.json"), r#"{"freeze":{"since_ns":1,"reason":"r"}}"#)
            .unwrap();
    }

    #[test]
    fn the_state_is_found_where_it_is_whatever_volume_comes_first() {
        let disks = Disks::new();
        let first = disks.choose(URL, &["b"], 0);
        assert_eq!(disks.choose(URL, &["a", "b"], 0), first);
        assert_eq!(first.doubt, None);
    }

    #[test]
    fn new_state_beside_a_missing_volume_begins_frozen() {
        let disks = Disks::new();
        assert!(disks.choose(URL, &["a"], 1).doubt.unwrap().contains("missing"));
        assert_eq!(
            disks.choose(URL, &["a"], 1).doubt,
            None,
            "once the operator has seen it, it is no new state"
        );
    }

    #[test]
    fn state_in_two_places_begins_frozen() {
        let disks = Disks::new();
        disks.choose(URL, &["a"], 0);
        let second = disks.choose(URL, &["b"], 0);
        let both = disks.choose(URL, &["b", "a"], 0);
        assert_eq!(both.dir, second.dir);
        assert!(both.doubt.unwrap().contains("both hold"));
    }

    #[test]
    fn a_freeze_is_taken_over_from_another_url() {
        let disks = Disks::new();
        let other = disks.choose("http://other/", &["a"], 0);
        assert_eq!(disks.choose(URL, &["b"], 0).doubt, None);
        freeze(&other.dir);
        assert!(disks.choose("http://third/", &["a"], 0).doubt.unwrap().contains("another URL"));
    }

    #[test]
    fn the_configured_directory_is_taken_as_it_is() {
        let disks = Disks::new();
        let dir = disks.root("state");
        let volumes = Volumes { roots: Vec::new(), missing: 1 };
        let chosen = choose(Some(&dir), URL, &volumes).unwrap().unwrap();
        assert_eq!(chosen, Chosen { dir: dir.clone(), doubt: None });
        assert!(dir.is_dir());
    }

    #[test]
    fn without_a_writable_volume_there_is_no_place() {
        let volumes = Volumes { roots: Vec::new(), missing: 0 };
        assert_eq!(choose(None, URL, &volumes).unwrap(), None);
    }
}
