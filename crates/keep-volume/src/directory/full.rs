//! Whether the volume is full, and the marker that tells other nodes.

use std::io;
use std::os::unix::fs::symlink;
use std::path::PathBuf;
use std::time::Duration;

use keep_rules::{BLOCK_SIZE_MAX, BlockHash, Timestamp};
use rustix::fs::statvfs;

use super::config::Identity;
use super::temp::random_name;
use super::tree::Tree;
use crate::{Error, Operation};

/// How long a marker is believed without a look at the disk (spec section 6).
const MARKER_BELIEVED: Duration = Duration::from_secs(3600);

/// What `Root/full` says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Marker {
    /// The volume was full less than an hour ago.
    Fresh,
    /// It is older, from the future, or unreadable.
    Stale,
    /// There is none.
    Absent,
    /// What has its name is no link: not ours.
    Foreign,
}

impl Tree {
    /// Whether a block of the largest size would not fit. Renews the marker, or removes it, when it is out of date: the
    /// Go program does neither, so there a volume that was full once is never found full again.
    ///
    /// When the disk does not say how much room it has, the write decides.
    pub(super) fn is_full(&self, now: Timestamp) -> bool {
        let marker = self.read_full_marker(now);
        if marker == Marker::Fresh {
            return true;
        }
        let full = match self.call(Operation::Stat, || Ok(statvfs(self.root.path())?)) {
            Ok(space) => space.f_bavail.saturating_mul(space.f_frsize) < BLOCK_SIZE_MAX,
            Err(_unknown) => return false,
        };
        if self.identity != Identity::Observe && marker != Marker::Foreign {
            let updated = match (full, marker) {
                (true, _) => self.write_full_marker(now),
                (false, Marker::Stale) => self.remove_full_marker(),
                (false, _) => Ok(()),
            };
            if let Err(error) = updated {
                let error: &dyn std::error::Error = &error;
                tracing::warn!(error, "cannot update the full marker of a volume");
            }
        }
        full
    }

    fn full_marker(&self) -> PathBuf {
        self.root.path().join("full")
    }

    fn read_full_marker(&self, now: Timestamp) -> Marker {
        match self.full_marker().read_link() {
            Ok(target) => {
                let seconds = target.to_str().and_then(|text| text.parse().ok());
                let set = seconds.map(Timestamp::from_seconds);
                let fresh = |set: Timestamp| {
                    now.since(set) < MARKER_BELIEVED && set.since(now) < MARKER_BELIEVED
                };
                if set.is_some_and(fresh) { Marker::Fresh } else { Marker::Stale }
            }
            Err(error) if error.kind() == io::ErrorKind::InvalidInput => Marker::Foreign,
            Err(_absent) => Marker::Absent,
        }
    }

    /// Replaces the marker in one step, so that other nodes always see one.
    fn write_full_marker(&self, now: Timestamp) -> Result<(), Error> {
        self.root.verify()?;
        let failed = |error| Error::device("write the full marker", error);
        let temp = random_name(self.root.path(), BlockHash::EMPTY).map_err(failed)?;
        self.call(Operation::Create, || symlink(now.as_seconds().to_string(), &temp))
            .map_err(failed)?;
        self.call(Operation::Rename, || std::fs::rename(&temp, self.full_marker())).map_err(
            |error| {
                // If this fails too, the sweep removes it.
                let _left_to_the_sweep = self.remove(&temp);
                failed(error)
            },
        )
    }

    fn remove_full_marker(&self) -> Result<(), Error> {
        self.root.verify()?;
        self.remove(&self.full_marker())
            .map_err(|error| Error::device("remove the full marker", error))
    }
}
