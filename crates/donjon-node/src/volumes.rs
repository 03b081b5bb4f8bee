//! Opening the volumes that the configuration gives this node.

use std::path::Path;
use std::sync::Arc;

use keep_rules::ClassSet;
use keep_volume::Volume;
use keep_volume::directory::{
    Directory, DirectoryConfig, Durability as DirectoryDurability, Identity, Looks, Serialize,
    device_id, look,
};

use crate::config::{Driver, Durability, Transfers, VolumeConfig};
use crate::known_volumes::{KnownVolumes, Lost, Others, Verdict};
use crate::mounts::{Mount, MountParts};
use crate::unavailable::Unavailable;

/// A volume cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("volume {uuid} at {root} cannot be used")]
pub struct VolumeNotOpened {
    uuid: String,
    root: String,
    source: Cause,
}

#[derive(Debug, thiserror::Error)]
enum Cause {
    #[error(transparent)]
    Volume(#[from] keep_volume::Error),
    #[error(transparent)]
    Lost(#[from] Lost),
}

/// A volume whose root is there.
enum Found {
    /// Its marker is there; it is open.
    Marked(Mount),
    /// It has no marker.
    Unmarked(Looks),
}

/// Opens the volumes, and takes down those that are marked. Those come first: whether a root without a marker is a new
/// volume or an empty mount point depends on the others, too. Blocks on the disks.
pub(crate) fn open_all(
    volumes: Vec<VolumeConfig>,
    durability: Durability,
    known: &mut KnownVolumes,
) -> Vec<(Result<Mount, VolumeNotOpened>, VolumeConfig)> {
    let found: Vec<_> = volumes.iter().map(|volume| find(volume, durability)).collect();
    let marked = found.iter().any(|found| matches!(found, Ok(Found::Marked(_))));
    let others = if marked { Others::SomeMarked } else { Others::NoneMarked };
    let open_found = |found, volume: &VolumeConfig| match found {
        Found::Marked(mount) => Ok(mount),
        Found::Unmarked(looks) => match known.judge(&volume.uuid, looks, others) {
            Verdict::New => open(volume, durability, unless_observed(volume, Identity::Adopt)),
            Verdict::Lost(why) => Err(why.into()),
        },
    };
    let opened: Vec<_> = found
        .into_iter()
        .zip(volumes)
        .map(|(found, volume)| {
            let opened = found.and_then(|found| open_found(found, &volume));
            (opened.map_err(|cause| not_opened(&volume, cause)), volume)
        })
        .collect();
    let used = |(opened, volume): &&(Result<_, _>, VolumeConfig)| {
        opened.is_ok() && matches!(look(root(volume)), Ok(Looks::Marked))
    };
    opened.iter().filter(used).for_each(|(_, volume)| known.note(&volume.uuid));
    opened
}

fn unless_observed(volume: &VolumeConfig, identity: Identity) -> Identity {
    if volume.access.allows_write() { identity } else { Identity::Observe }
}

/// Opens a volume if it has its marker.
fn find(volume: &VolumeConfig, durability: Durability) -> Result<Found, Cause> {
    let root = root(volume);
    match look(root)? {
        Looks::Marked => {}
        looks @ (Looks::Unmarked | Looks::Empty) => return Ok(Found::Unmarked(looks)),
    }
    let mount = open(volume, durability, unless_observed(volume, Identity::Require))?;
    // What is only observed needs no marker. It must be the root that had one.
    Ok(match look(root)? {
        Looks::Marked => Found::Marked(mount),
        looks @ (Looks::Unmarked | Looks::Empty) => Found::Unmarked(looks),
    })
}

fn open(volume: &VolumeConfig, durability: Durability, identity: Identity) -> Result<Mount, Cause> {
    let Driver::Directory { root, transfers } = &volume.driver;
    let config = DirectoryConfig {
        root: root.clone(),
        uuid: volume.uuid.clone(),
        device_id: device_id(root),
        durability: match durability {
            Durability::Sync => DirectoryDurability::Sync,
            Durability::NoSync => DirectoryDurability::NoSync,
        },
        serialize: match transfers {
            Transfers::Parallel => Serialize::No,
            Transfers::OneAtATime => Serialize::Yes,
        },
        identity,
    };
    Ok(mount(volume, Arc::new(Directory::open(config)?)))
}

fn root(volume: &VolumeConfig) -> &Path {
    let Driver::Directory { root, .. } = &volume.driver;
    root
}

fn not_opened(volume: &VolumeConfig, source: Cause) -> VolumeNotOpened {
    let root = root(volume).display().to_string();
    VolumeNotOpened { uuid: volume.uuid.to_string(), root, source }
}

/// The mount of a volume that could not be opened.
pub(crate) fn unavailable(volume: &VolumeConfig) -> Mount {
    mount(volume, Arc::new(Unavailable::new(&volume.uuid)))
}

fn mount(config: &VolumeConfig, volume: Arc<dyn Volume>) -> Mount {
    // A class that is switched off is shown, and offers nothing (spec section 11, weak point 24).
    let classes =
        config.classes.iter().filter(|class| !config.uncounted_classes.contains(class)).cloned();
    Mount::new(MountParts {
        uuid: config.uuid.clone(),
        access: config.access,
        replication: config.replication,
        classes: classes.collect::<ClassSet>(),
        classes_off: config.uncounted_classes.clone(),
        priority: config.priority,
        volume,
    })
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::path::PathBuf;

    use keep_rules::{Access, Priority, Replication};

    use super::*;
    use crate::mounts::sentence;

    /// Mount points, one for each volume.
    struct Points(tempfile::TempDir);

    impl Points {
        fn new(names: &[&str]) -> Points {
            let points = Points(tempfile::tempdir().unwrap());
            names.iter().for_each(|name| fs::create_dir(points.root(name)).unwrap());
            points
        }

        fn root(&self, name: &str) -> PathBuf {
            self.0.path().join(name)
        }

        /// The disk is away, and its empty mount point is there.
        fn unmount(&self, name: &str) {
            fs::rename(self.root(name), self.root(&format!("{name}-away"))).unwrap();
            fs::create_dir(self.root(name)).unwrap();
        }

        fn mount(&self, name: &str) {
            fs::remove_dir(self.root(name)).expect("nothing was written to the mount point");
            fs::rename(self.root(&format!("{name}-away")), self.root(name)).unwrap();
        }

        /// Opens volumes as a start does, with the access of each. Gives for each what went wrong, if anything did.
        fn start(&self, volumes: &[(&str, Access)], known: &mut KnownVolumes) -> Vec<String> {
            let config = |(name, access): &(&str, Access)| VolumeConfig {
                uuid: name.parse().unwrap(),
                driver: Driver::Directory { root: self.root(name), transfers: Transfers::Parallel },
                access: *access,
                replication: Replication::from_config(1),
                classes: ClassSet::default(),
                uncounted_classes: ClassSet::default(),
                priority: Priority::default(),
            };
            let volumes = volumes.iter().map(config).collect();
            let opened = open_all(volumes, Durability::NoSync, known);
            let problem = |opened: Result<Mount, _>| match opened {
                Ok(_mount) => String::new(),
                Err(error) => sentence(&error),
            };
            opened.into_iter().map(|(opened, _)| problem(opened)).collect()
        }
    }

    const A: (&str, Access) = ("a", Access::ReadWrite);
    const B: (&str, Access) = ("b", Access::ReadWrite);

    #[test]
    fn a_disk_that_is_not_mounted_is_not_taken_for_a_new_volume() {
        for access in [Access::ReadWrite, Access::ReadOnly] {
            let points = Points::new(&["a", "b"]);
            let mut known = KnownVolumes::default();
            assert_eq!(points.start(&[A, B], &mut known), ["", ""], "both are new");
            points.unmount("b");
            let problems = points.start(&[A, ("b", access)], &mut known);
            assert_eq!(problems[0], "");
            assert!(problems[1].contains("has used it before: mount its disk"), "{problems:?}");
            points.mount("b");
            assert_eq!(points.start(&[A, ("b", access)], &mut known), ["", ""]);
        }
    }

    #[test]
    fn a_disk_that_takes_the_list_with_it_is_not_taken_for_a_new_volume() {
        let points = Points::new(&["a", "b"]);
        points.start(&[A, B], &mut KnownVolumes::default());
        points.unmount("a");
        let problems = points.start(&[A, B], &mut KnownVolumes::default());
        assert!(problems[0].contains("other volumes of this node are in use"), "{problems:?}");
        points.mount("a");
        assert_eq!(points.start(&[A, B], &mut KnownVolumes::default()), ["", ""]);
    }

    #[test]
    fn a_volume_is_added_and_a_new_disk_is_taken_with_its_uuid_on_it() {
        let points = Points::new(&["a", "b"]);
        let mut known = KnownVolumes::default();
        points.start(&[A], &mut known);
        assert_eq!(points.start(&[A, B], &mut known), ["", ""], "b is new");
        points.unmount("b");
        fs::write(points.root("b").join(".donjon-volume"), "b\n").unwrap();
        assert_eq!(points.start(&[A, B], &mut known), ["", ""], "the operator said that b is new");
    }

    #[test]
    fn what_is_only_observed_needs_no_marker_and_gets_none() {
        let points = Points::new(&["a"]);
        let mut known = KnownVolumes::default();
        for _start in 0..2 {
            assert_eq!(points.start(&[("a", Access::ReadOnly)], &mut known), [""]);
        }
        assert_eq!(known, KnownVolumes::default());
        assert_eq!(look(&points.root("a")).unwrap(), Looks::Empty);
    }
}
