//! A volume on a file system of its own.

use std::path::Path;

use keep_volume::directory::{Directory, DirectoryConfig, Durability, Identity, Serialize};

pub(crate) fn open(root: &Path, durability: Durability) -> Directory {
    let config = DirectoryConfig {
        root: root.to_owned(),
        uuid: "zzzzz-nyw5e-000000000000000".parse().unwrap(),
        device_id: "device".parse().unwrap(),
        durability,
        serialize: Serialize::No,
        identity: Identity::Adopt,
    };
    Directory::open(config).unwrap()
}
