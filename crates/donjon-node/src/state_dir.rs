//! Where a node keeps its own state: lists, settings, ledger.
//!
//! A freeze must not be forgotten because the state was looked for elsewhere. So when the node begins with new state, and
//! there may be older state that it cannot see, it begins frozen, and says why.

use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::{Path, PathBuf};

use sha2::{Digest, Sha256};

use crate::steering::{holds_state, says_frozen};

/// The directory in the root of a volume that holds the state of its nodes.
const IN_VOLUME: &str = ".donjon-node";

/// Where the state goes, and whether older state may be elsewhere.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Chosen {
    /// The directory; it is there. `None`: there is no place, and the state is gone with the process.
    pub(crate) dir: Option<PathBuf>,
    /// Why the node must begin frozen, if it must.
    pub(crate) doubt: Option<String>,
}

/// The volumes of a node that may hold its state.
#[derive(Debug, Default)]
pub(crate) struct Volumes {
    /// The roots of those that were opened and may be written.
    pub(crate) roots: Vec<PathBuf>,
    /// The roots of those that were opened and may only be read: state may be left there from before.
    pub(crate) read_only: Vec<PathBuf>,
    /// How many could not be opened.
    pub(crate) missing: usize,
}

/// Every directory that may hold this node's state, whether it is there or not.
pub(crate) fn places(configured: Option<&Path>, own_url: &str, roots: &[PathBuf]) -> Vec<PathBuf> {
    let name = name_of(own_url);
    let in_volumes = roots.iter().map(|root| root.join(IN_VOLUME).join(&name));
    configured.map(Path::to_owned).into_iter().chain(in_volumes).collect()
}

/// The configured directory, else the one in which the node finds its settings, else a new one in the first volume. It is
/// named after the node's own URL, so that nodes that share a volume do not share it.
///
/// A directory without settings is no state: it is what a start that did not get to the end leaves, and its doubt holds.
///
/// # Errors
/// The directory, and what the system said, if it cannot be made.
pub(crate) fn choose(
    configured: Option<&Path>,
    own_url: &str,
    volumes: &Volumes,
) -> Result<Chosen, (PathBuf, io::Error)> {
    let name = name_of(own_url);
    let place = |root: &PathBuf| root.join(IN_VOLUME).join(&name);
    let in_volumes: Vec<PathBuf> =
        volumes.roots.iter().map(place).filter(|dir| holds_state(dir)).collect();
    let (dir, doubt) = match (configured, in_volumes.as_slice()) {
        (Some(dir), _) if holds_state(dir) => (Some(dir.to_owned()), None),
        (Some(dir), _) => (Some(dir.to_owned()), volumes.doubt_of_new_state()),
        (None, []) => (volumes.roots.first().map(place), volumes.doubt_of_new_state()),
        (None, [found]) => (Some(found.clone()), None),
        // Which of them is the newer nobody can say.
        (None, [first, second, ..]) => {
            let (first, second) = (first.display(), second.display());
            let both =
                format!("{first} and {second} both hold this node's state; remove the wrong one");
            (in_volumes.first().cloned(), Some(both))
        }
    };
    if let Some(dir) = &dir {
        make(dir).map_err(|error| (dir.clone(), error))?;
    }
    Ok(Chosen { dir, doubt })
}

impl Volumes {
    /// Why a node that begins with new state here must begin frozen, if it must.
    fn doubt_of_new_state(&self) -> Option<String> {
        if self.missing > 0 {
            return Some("a volume is missing that may hold this node's settings".to_owned());
        }
        let mut roots = self.roots.iter().chain(&self.read_only);
        let root = roots.find(|root| some_state_is_frozen(root))?;
        let dir = root.join(IN_VOLUME);
        Some(format!(
            "settings elsewhere on this node's volumes say frozen: look into {}",
            dir.display()
        ))
    }
}

fn name_of(own_url: &str) -> String {
    Sha256::digest(own_url)[..8].iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Whether some state on this volume is frozen. What cannot be read may be.
fn some_state_is_frozen(root: &Path) -> bool {
    match std::fs::read_dir(root.join(IN_VOLUME)) {
        Err(error) => error.kind() != io::ErrorKind::NotFound,
        Ok(dirs) => dirs.into_iter().any(|dir| dir.map_or(true, |dir| says_frozen(&dir.path()))),
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
    use keep_rules::Timestamp;

    use super::*;
    use crate::steering::Steering;

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

        fn roots(&self, names: &[&str]) -> Vec<PathBuf> {
            names.iter().map(|name| self.root(name)).collect()
        }

        fn choose(&self, url: &str, roots: &[&str], missing: usize) -> Chosen {
            let volumes = Volumes { roots: self.roots(roots), missing, ..Volumes::default() };
            choose(None, url, &volumes).unwrap()
        }
    }

    impl Chosen {
        fn place(&self) -> &Path {
            self.dir.as_deref().unwrap()
        }
    }

    fn freeze(dir: &Path) {
        std::fs::write(dir.join("settings.json"), r#"{"freeze":{"since_ns":1,"reason":"r"}}"#)
            .unwrap();
    }

    /// What a start leaves that got as far as its settings.
    fn begin(chosen: &Chosen) {
        let doubt = chosen.doubt.as_deref();
        drop(Steering::open(chosen.dir.as_deref(), doubt, Timestamp::from_seconds(1_800_000_000)));
    }

    #[test]
    fn the_state_is_found_where_it_is_whatever_volume_comes_first() {
        let disks = Disks::new();
        let first = disks.choose(URL, &["b"], 0);
        begin(&first);
        assert_eq!(disks.choose(URL, &["a", "b"], 0), first);
        assert_eq!(first.doubt, None);
    }

    #[test]
    fn new_state_beside_a_missing_volume_begins_frozen() {
        let disks = Disks::new();
        for _start in 0..2 {
            let doubt = disks.choose(URL, &["a"], 1).doubt.unwrap();
            assert!(doubt.contains("missing"), "also after a start that broke off: {doubt}");
        }
        let chosen = disks.choose(URL, &["a"], 1);
        begin(&chosen);
        assert!(says_frozen(chosen.place()));
        let doubt = disks.choose(URL, &["a"], 1).doubt;
        assert_eq!(doubt, None, "once the operator has seen it, it is no new state");
    }

    #[test]
    fn state_in_two_places_begins_frozen() {
        let disks = Disks::new();
        begin(&disks.choose(URL, &["a"], 0));
        let second = disks.choose(URL, &["b"], 0);
        begin(&second);
        let both = disks.choose(URL, &["b", "a"], 0);
        assert_eq!(both.dir, second.dir);
        assert!(both.doubt.unwrap().contains("both hold"));
    }

    #[test]
    fn a_freeze_is_taken_over_from_another_url() {
        let disks = Disks::new();
        let other = disks.choose("http://other/", &["a"], 0);
        assert_eq!(disks.choose(URL, &["b"], 0).doubt, None);
        freeze(other.place());
        assert!(disks.choose("http://third/", &["a"], 0).doubt.unwrap().contains("say frozen"));
    }

    #[test]
    fn a_freeze_is_taken_over_from_a_volume_that_is_read_only_now() {
        let disks = Disks::new();
        let before = disks.choose(URL, &["a"], 0);
        begin(&before);
        let drained = |roots: &[&str]| {
            let (roots, read_only) = (disks.roots(roots), disks.roots(&["a"]));
            choose(None, URL, &Volumes { roots, read_only, missing: 0 }).unwrap()
        };
        assert_eq!(drained(&["b"]).doubt, None);
        assert_eq!(drained(&[]), Chosen { dir: None, doubt: None });
        freeze(before.place());
        assert!(drained(&["b"]).doubt.unwrap().contains("say frozen"));
        let nowhere = drained(&[]);
        assert!(nowhere.doubt.is_some() && nowhere.dir.is_none(), "{nowhere:?}");
        begin(&drained(&["b"]));
        assert_eq!(drained(&["b"]).doubt, None, "the new settings say it themselves");
    }

    #[test]
    fn a_freeze_is_taken_over_into_a_configured_directory_that_is_empty() {
        let disks = Disks::new();
        let dir = disks.root("state");
        let before = disks.choose(URL, &["a"], 0);
        begin(&before);
        let configured = |missing| {
            let volumes = Volumes { roots: disks.roots(&["a"]), missing, ..Volumes::default() };
            choose(Some(&dir), URL, &volumes).unwrap()
        };
        assert_eq!(configured(0), Chosen { dir: Some(dir.clone()), doubt: None });
        assert!(dir.is_dir());
        assert!(configured(1).doubt.unwrap().contains("missing"));
        freeze(before.place());
        assert!(configured(0).doubt.unwrap().contains("say frozen"));
        begin(&configured(0));
        assert_eq!(configured(1).doubt, None, "what is configured and holds settings counts");
    }

    #[test]
    fn without_a_writable_volume_there_is_no_place() {
        assert_eq!(
            choose(None, URL, &Volumes::default()).unwrap(),
            Chosen { dir: None, doubt: None }
        );
    }
}
