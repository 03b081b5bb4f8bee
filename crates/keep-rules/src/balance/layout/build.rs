//! From what the servers say to a layout: clean-up, checks, numbers.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use crate::mount::{DeviceId, MountUuid};
use crate::storage_class::StorageClass;

use super::super::index::{COUNT_MAX, ClassIndex, DeviceIndex, MountIndex, ServerIndex};
use super::super::weight::{WeightTable, mount_name, server_name};
use super::{
    CLASSES_MAX, Device, DroppedView, Layout, LayoutError, Members, Mount, MountFacts, Server,
    ServerAccess, ServerFacts,
};

pub(super) fn layout(mut servers: Vec<ServerFacts>) -> Result<Layout, LayoutError> {
    servers.sort_by(|one, other| one.uuid.cmp(&other.uuid));
    for server in &mut servers {
        server.mounts.sort_by(|one, other| one.uuid.cmp(&other.uuid));
    }
    check_servers(&servers)?;
    check_views(&servers)?;
    check_devices(&servers)?;
    let dropped = drop_read_only_views(&mut servers);
    for server in &mut servers {
        respect_read_only(server);
    }
    if servers.iter().all(|server| server.mounts.is_empty()) {
        return Err(LayoutError::NoMount);
    }
    check_counts(&servers)?;
    number(servers, dropped)
}

fn check_servers(servers: &[ServerFacts]) -> Result<(), LayoutError> {
    if servers.is_empty() {
        return Err(LayoutError::NoServer);
    }
    if let Some(server) = servers.iter().find(|server| server.uuid.is_empty()) {
        return Err(LayoutError::NamelessServer { url: server.url.clone() });
    }
    for pair in servers.windows(2) {
        if pair[0].uuid == pair[1].uuid {
            return Err(LayoutError::ServerTwice {
                uuid: pair[0].uuid.clone(),
                first: pair[0].url.clone(),
                second: pair[1].url.clone(),
            });
        }
    }
    let mut addresses: BTreeMap<&str, &str> = BTreeMap::new();
    for server in servers {
        let url = server.url.trim_end_matches('/');
        if let Some(first) = addresses.insert(url, &server.uuid) {
            return Err(LayoutError::AddressTwice {
                url: url.to_owned(),
                first: first.to_owned(),
                second: server.uuid.clone(),
            });
        }
    }
    Ok(())
}

/// All views of a device stand for the same copies, and no server has two of them.
fn check_views(servers: &[ServerFacts]) -> Result<(), LayoutError> {
    let mut seen: BTreeMap<&MountUuid, (&ServerFacts, &MountFacts)> = BTreeMap::new();
    for server in servers {
        for pair in server.mounts.windows(2) {
            if pair[0].uuid == pair[1].uuid {
                return Err(LayoutError::MountTwice {
                    server: server.uuid.clone(),
                    mount: pair[0].uuid.clone(),
                });
            }
        }
        for mount in &server.mounts {
            match seen.entry(&mount.uuid) {
                Entry::Vacant(entry) => drop(entry.insert((server, mount))),
                Entry::Occupied(entry) => check_agreement(*entry.get(), (server, mount))?,
            }
        }
    }
    Ok(())
}

fn check_agreement(
    (first_server, first): (&ServerFacts, &MountFacts),
    (second_server, second): (&ServerFacts, &MountFacts),
) -> Result<(), LayoutError> {
    let mount = first.uuid.clone();
    let (first_server, second_server) = (first_server.uuid.clone(), second_server.uuid.clone());
    if first.replication != second.replication {
        return Err(LayoutError::ReplicationDiffers {
            mount,
            first: first.replication.get(),
            first_server,
            second: second.replication.get(),
            second_server,
        });
    }
    if first.classes != second.classes {
        return Err(LayoutError::ClassesDiffer {
            mount,
            first: first.classes.to_string(),
            first_server,
            second: second.classes.to_string(),
            second_server,
        });
    }
    Ok(())
}

fn check_devices(servers: &[ServerFacts]) -> Result<(), LayoutError> {
    let mut seen: BTreeMap<&DeviceId, &MountUuid> = BTreeMap::new();
    for mount in servers.iter().flat_map(|server| &server.mounts) {
        let Some(device) = &mount.device_id else { continue };
        let first = *seen.entry(device).or_insert(&mount.uuid);
        if *first != mount.uuid {
            return Err(LayoutError::DeviceTwice {
                device: device.clone(),
                first: first.clone(),
                second: mount.uuid.clone(),
            });
        }
    }
    Ok(())
}

/// A device that somebody can write is looked at through those who can (spec section 2.1 step 6).
fn drop_read_only_views(servers: &mut [ServerFacts]) -> Vec<DroppedView> {
    let writable: BTreeSet<MountUuid> = servers
        .iter()
        .flat_map(|server| &server.mounts)
        .filter(|mount| mount.allows.write())
        .map(|mount| mount.uuid.clone())
        .collect();
    let mut dropped = Vec::new();
    for ServerFacts { uuid: server, mounts, .. } in servers {
        mounts.retain(|mount| {
            let keeps = mount.allows.write() || !writable.contains(&mount.uuid);
            if !keeps {
                dropped.push(DroppedView { server: server.clone(), mount: mount.uuid.clone() });
            }
            keeps
        });
    }
    dropped
}

/// Comes after the read-only views were dropped, as in the reference (spec section 7, W21).
fn respect_read_only(server: &mut ServerFacts) {
    match server.access {
        ServerAccess::ReadWrite => {}
        ServerAccess::ReadOnly => {
            for mount in &mut server.mounts {
                mount.allows = mount.allows.without_write();
            }
        }
    }
}

fn check_counts(servers: &[ServerFacts]) -> Result<(), LayoutError> {
    check_count("servers", servers.len(), COUNT_MAX)?;
    let mounts = servers.iter().map(|server| server.mounts.len()).sum();
    check_count("mounts", mounts, COUNT_MAX)
}

fn check_count(what: &'static str, count: usize, limit: usize) -> Result<(), LayoutError> {
    if count > limit { Err(LayoutError::TooMany { what, count, limit }) } else { Ok(()) }
}

fn number(servers: Vec<ServerFacts>, dropped: Vec<DroppedView>) -> Result<Layout, LayoutError> {
    let classes = class_names(&servers)?;
    let mut devices = devices(&servers, &classes);
    let place_of: BTreeMap<MountUuid, DeviceIndex> = devices
        .iter()
        .enumerate()
        .map(|(place, device)| (device.uuid.clone(), DeviceIndex::new(place)))
        .collect();

    let mut mounts = Vec::new();
    let mut numbered = Vec::new();
    for (place, server) in servers.into_iter().enumerate() {
        let start = mounts.len();
        for MountFacts { uuid, allows, .. } in server.mounts {
            let device = place_of[&uuid];
            devices[device.place()].views.push(MountIndex::new(mounts.len()));
            mounts.push(Mount { uuid, server: ServerIndex::new(place), device, allows });
        }
        let mounts = start..mounts.len();
        numbered.push(Server { uuid: server.uuid, url: server.url, mounts });
    }

    let members = members(&classes, &numbered, &mounts, &devices);
    let all =
        devices.iter().fold(0_u32, |sum, device| sum.saturating_add(device.replication.get()));
    let server_weights =
        WeightTable::new(numbered.iter().map(|server| server_name(&server.uuid)).enumerate());
    let mount_weights = numbered.iter().map(|server| mount_names(&mounts[server.mounts.clone()]));
    let mount_weights = mount_weights.collect();
    Ok(Layout {
        servers: numbered,
        mounts,
        devices,
        classes,
        members,
        dropped,
        copies_max: all.saturating_add(1),
        server_weights,
        mount_weights,
    })
}

/// The only mount of a server needs no order.
fn mount_names(mounts: &[Mount]) -> WeightTable {
    let contested = if mounts.len() > 1 { mounts } else { &[] };
    WeightTable::new(contested.iter().map(|mount| mount_name(&mount.uuid)).enumerate())
}

fn class_names(servers: &[ServerFacts]) -> Result<Vec<StorageClass>, LayoutError> {
    let mut names = BTreeSet::from([StorageClass::default()]);
    for mount in servers.iter().flat_map(|server| &server.mounts) {
        names.extend(mount.classes.iter().cloned());
    }
    check_count("storage classes", names.len(), CLASSES_MAX)?;
    Ok(names.into_iter().collect())
}

/// The devices in the order of their UUIDs, without views.
fn devices(servers: &[ServerFacts], classes: &[StorageClass]) -> Vec<Device> {
    let by_uuid: BTreeMap<&MountUuid, &MountFacts> = servers
        .iter()
        .flat_map(|server| &server.mounts)
        .map(|mount| (&mount.uuid, mount))
        .collect();
    let number = |class: &StorageClass| {
        ClassIndex::new(classes.binary_search(class).expect("every class on a mount is listed"))
    };
    by_uuid
        .into_values()
        .map(|mount| Device {
            uuid: mount.uuid.clone(),
            replication: mount.replication,
            classes: mount.classes.iter().map(number).collect(),
            views: Vec::new(),
        })
        .collect()
}

fn members(
    classes: &[StorageClass],
    servers: &[Server],
    mounts: &[Mount],
    devices: &[Device],
) -> Vec<Members> {
    let nobody =
        || Members { devices: vec![false; devices.len()], pullable: vec![false; servers.len()] };
    let mut members: Vec<Members> = classes.iter().map(|_| nobody()).collect();
    for (place, device) in devices.iter().enumerate() {
        for class in &device.classes {
            let class = &mut members[class.place()];
            class.devices[place] = true;
            for mount in device.views.iter().map(|view| &mounts[view.place()]) {
                class.pullable[mount.server.place()] |= mount.allows.write();
            }
        }
    }
    members
}
