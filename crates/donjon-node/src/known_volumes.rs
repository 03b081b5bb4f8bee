//! The volumes that a node has used: what tells a disk that is not mounted from a new one.
//!
//! Whoever takes an empty mount point for a new volume answers "not found" for every block of the old one, and stores
//! blocks where nobody sees them once the disk is back. So each volume that is used is on a list in the state directory,
//! before anything is served, and a root without a marker whose volume is listed is not adopted.

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use keep_rules::MountUuid;
use keep_volume::directory::Looks;

use crate::state_file;

/// The list in a state directory: one UUID a line.
const FILE: &str = "volumes";

/// The volumes that this node has used, whether its configuration still names them or not.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct KnownVolumes {
    uuids: BTreeSet<MountUuid>,
    missed: Missed,
}

/// Whether some list could not be read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Missed {
    #[default]
    Nothing,
    /// It may name any volume.
    AList,
}

/// What the other volumes of this node are like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Others {
    /// One has a marker: this is not the first start on these disks.
    SomeMarked,
    /// None has.
    NoneMarked,
}

/// What a root without a marker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Verdict {
    /// A new volume, or one that a Go keepstore has used.
    New,
    /// Perhaps the mount point of a disk that is not mounted.
    Lost(Lost),
}

/// Why a root may be a mount point.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum Lost {
    /// The volume is on the list.
    #[error(
        "it has no marker file .donjon-volume, but this node has used it before: mount its disk; if the disk is a new one, write the volume's UUID to that file"
    )]
    UsedBefore,
    /// Nothing is listed, but this is not the first start.
    #[error(
        "it is empty, while other volumes of this node are in use: mount its disk; if it is a new volume, write its UUID to a file .donjon-volume in it"
    )]
    EmptyBesideOthers,
    /// The list cannot be read.
    #[error(
        "it has no marker file .donjon-volume, and whether this node has used it before cannot be read, see above: mount its disk; if it is a new volume, write its UUID to that file"
    )]
    Unknown,
}

impl KnownVolumes {
    /// Reads the lists in all places where this node's state may lie. A list that cannot be read makes every root
    /// without a marker doubtful.
    pub(crate) fn read(places: &[PathBuf]) -> KnownVolumes {
        let mut known = KnownVolumes::default();
        for place in places {
            match read(&place.join(FILE)) {
                Ok(uuids) => known.uuids.extend(uuids),
                Err(error) => {
                    tracing::error!(place = %place.display(), %error, "cannot read a list of this node's volumes");
                    known.missed = Missed::AList;
                }
            }
        }
        known
    }

    /// Judges a root without a marker.
    pub(crate) fn judge(&self, uuid: &MountUuid, looks: Looks, others: Others) -> Verdict {
        if self.uuids.contains(uuid) {
            return Verdict::Lost(Lost::UsedBefore);
        }
        if self.missed == Missed::AList {
            return Verdict::Lost(Lost::Unknown);
        }
        // The list may lie on the very disk that is not mounted.
        let listless = self.uuids.is_empty() && others == Others::SomeMarked;
        if listless && looks == Looks::Empty {
            return Verdict::Lost(Lost::EmptyBesideOthers);
        }
        Verdict::New
    }

    /// Takes a volume down as used.
    pub(crate) fn note(&mut self, uuid: &MountUuid) {
        self.uuids.insert(uuid.clone());
    }

    /// Adds what is known to the list in a state directory, durably.
    ///
    /// # Errors
    /// What the system said. The old list is intact then.
    pub(crate) fn keep(&self, state_dir: &Path) -> io::Result<()> {
        let file = state_dir.join(FILE);
        let mut uuids = read(&file)?;
        let before = uuids.len();
        uuids.extend(self.uuids.iter().cloned());
        if uuids.len() == before {
            return Ok(());
        }
        let text: String = uuids.iter().map(|uuid| format!("{uuid}\n")).collect();
        state_file::write(&file, text.as_bytes())
    }
}

/// The UUIDs on a list; none if it, or its directory, is not there.
fn read(file: &Path) -> io::Result<BTreeSet<MountUuid>> {
    match std::fs::read_to_string(file) {
        Ok(text) => Ok(text.lines().filter_map(|line| line.trim().parse().ok()).collect()),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(BTreeSet::new()),
        Err(error) => Err(error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn uuid(text: &str) -> MountUuid {
        text.parse().unwrap()
    }

    fn knowing(uuids: &[&str]) -> KnownVolumes {
        let mut known = KnownVolumes::default();
        uuids.iter().for_each(|text| known.note(&uuid(text)));
        known
    }

    #[test]
    fn what_was_used_before_is_not_new() {
        let known = knowing(&["a", "b"]);
        for looks in [Looks::Empty, Looks::Unmarked] {
            for others in [Others::SomeMarked, Others::NoneMarked] {
                let used = Verdict::Lost(Lost::UsedBefore);
                assert_eq!(known.judge(&uuid("a"), looks, others), used);
                assert_eq!(known.judge(&uuid("c"), looks, others), Verdict::New);
            }
        }
    }

    #[test]
    fn without_a_list_an_empty_root_beside_used_ones_is_doubtful() {
        let judge = |looks, others| KnownVolumes::default().judge(&uuid("a"), looks, others);
        let doubtful = Verdict::Lost(Lost::EmptyBesideOthers);
        assert_eq!(judge(Looks::Empty, Others::SomeMarked), doubtful);
        assert_eq!(judge(Looks::Empty, Others::NoneMarked), Verdict::New, "the first start");
        assert_eq!(judge(Looks::Unmarked, Others::SomeMarked), Verdict::New, "a Go keepstore's");
    }

    #[test]
    fn the_list_is_kept_and_grows() {
        let dir = tempfile::tempdir().unwrap();
        let places = [dir.path().join("not-there"), dir.path().to_owned()];
        assert_eq!(KnownVolumes::read(&places), KnownVolumes::default());
        knowing(&["b", "a"]).keep(dir.path()).unwrap();
        knowing(&["c", "a"]).keep(dir.path()).unwrap();
        assert_eq!(KnownVolumes::read(&places), knowing(&["a", "b", "c"]));
        assert_eq!(std::fs::read_to_string(dir.path().join(FILE)).unwrap(), "a\nb\nc\n");
    }

    #[test]
    fn a_list_that_cannot_be_read_is_not_an_empty_one() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(FILE)).unwrap();
        let known = KnownVolumes::read(&[dir.path().to_owned()]);
        let judged = known.judge(&uuid("a"), Looks::Unmarked, Others::NoneMarked);
        assert_eq!(judged, Verdict::Lost(Lost::Unknown));
        assert!(knowing(&["a"]).keep(dir.path()).is_err());
    }
}
