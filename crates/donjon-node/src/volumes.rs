//! Opening the volumes that the configuration gives this node.

use std::sync::Arc;

use keep_rules::ClassSet;
use keep_volume::Volume;
use keep_volume::directory::{
    Directory, DirectoryConfig, Durability as DirectoryDurability, Identity, Serialize,
};

use crate::config::{Driver, Durability, Transfers, VolumeConfig, device};
use crate::mounts::{Mount, MountParts};
use crate::unavailable::Unavailable;

/// A volume cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error("volume {uuid} at {root} cannot be used")]
pub struct VolumeNotOpened {
    uuid: String,
    root: String,
    source: keep_volume::Error,
}

/// Opens one volume. Blocks on the disk.
///
/// # Errors
/// [`VolumeNotOpened`] if its root is missing, is not the one it should be, or cannot be read.
pub(crate) fn open(
    volume: &VolumeConfig,
    durability: Durability,
) -> Result<Mount, VolumeNotOpened> {
    let Driver::Directory { root, transfers } = &volume.driver;
    let config = DirectoryConfig {
        root: root.clone(),
        uuid: volume.uuid.clone(),
        device_id: device::device_id(root, &device::hostname()),
        durability: match durability {
            Durability::Sync => DirectoryDurability::Sync,
            Durability::NoSync => DirectoryDurability::NoSync,
        },
        serialize: match transfers {
            Transfers::Parallel => Serialize::No,
            Transfers::OneAtATime => Serialize::Yes,
        },
        identity: if volume.access.allows_write() { Identity::Adopt } else { Identity::Observe },
    };
    let directory = Directory::open(config).map_err(|source| VolumeNotOpened {
        uuid: volume.uuid.to_string(),
        root: root.display().to_string(),
        source,
    })?;
    Ok(mount(volume, Arc::new(directory)))
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
