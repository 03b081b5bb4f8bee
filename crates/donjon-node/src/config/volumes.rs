//! Volumes, and which of them a node serves: the section `Volumes`.

use std::collections::BTreeMap;
use std::path::PathBuf;

use keep_rules::{
    Access, ClassSet, HostAccess, MountUuid, Priority, Replication, StorageClass, VolumeAccess,
};

use super::classes::{ClassTable, VolumeClasses, volume_classes};
use super::driver::Driver;
use super::identity::{ServiceUrl, service_url};
use super::node::Node;
use super::path::KeyPath;
use super::problem::{Notice, Problem};
use super::report::{Mistake, Report};
use super::section::{Named, OtherKeys, Section};

/// A volume as this node is to mount it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct VolumeConfig {
    /// The key under `Volumes`.
    pub uuid: MountUuid,
    /// Where and how the blocks are stored.
    pub driver: Driver,
    /// What this node may do to it.
    pub access: Access,
    /// `Replication`: how many copies the back end keeps by itself.
    pub replication: Replication,
    /// The classes that it offers.
    pub classes: ClassSet,
    /// Those of `classes` that the file marks `false`: offered all the same, but not counted for the priority.
    pub uncounted_classes: ClassSet,
    /// How eagerly it is used.
    pub priority: Priority,
}

/// All volumes of the cluster, served by this node or not.
#[derive(Clone, Debug)]
pub struct VolumeTable {
    path: KeyPath,
    entries: Vec<VolumeEntry>,
}

/// One volume as the file says it.
#[derive(Clone, Debug)]
pub(super) struct VolumeEntry {
    pub(super) uuid: MountUuid,
    /// What is wrong with the driver matters to the nodes that mount the volume, and to no other.
    pub(super) driver: Result<Driver, Vec<Mistake>>,
    pub(super) access: VolumeAccess,
    /// Who mounts it; empty: everybody.
    pub(super) hosts: BTreeMap<ServiceUrl, HostAccess>,
    pub(super) replication: Replication,
    pub(super) classes: VolumeClasses,
    pub(super) priority: Priority,
}

impl VolumeTable {
    /// Reads the volumes and checks their classes against those of the cluster. If nobody names a class, `classes`
    /// becomes the implied one.
    pub(super) fn read(
        cluster: &mut Section<'_>,
        classes: &mut ClassTable,
        known_urls: &[ServiceUrl],
        report: &mut Report,
    ) -> Self {
        let section = cluster.section("Volumes", report);
        let read: Vec<_> =
            section.named().map(|named| VolumeEntry::read(&named, known_urls, report)).collect();
        let mut entries: Vec<VolumeEntry> = read.into_iter().flatten().collect();
        if entries.is_empty() {
            report.mistake(section.path(), Problem::NoVolumes);
        }
        if classes.is_empty() && entries.iter().all(|entry| entry.classes.is_empty()) {
            *classes = ClassTable::implied();
            for entry in &mut entries {
                entry.classes.insert(StorageClass::default(), true);
            }
        }
        for entry in &mut entries {
            entry.check_classes(
                &section.child(entry.uuid.as_str()).child("StorageClasses"),
                classes,
                report,
            );
            entry.priority = classes.priority(&entry.classes);
        }
        classes.warn_unused(cluster, entries.iter().map(|entry| &entry.classes), report);
        entries.sort_by(|left, right| left.uuid.cmp(&right.uuid));
        VolumeTable { path: section.path().clone(), entries }
    }

    pub(super) fn entries(&self) -> &[VolumeEntry] {
        &self.entries
    }

    /// The volumes that the node known as `url` is to mount, in the order of their names: those without
    /// `AccessViaHosts`, and those whose `AccessViaHosts` names `url` to the letter (spec section 8).
    ///
    /// # Errors
    /// Every mistake in the driver or root of these volumes; or that there is none.
    pub fn served_by(&self, url: &ServiceUrl) -> Result<Vec<VolumeConfig>, Vec<Mistake>> {
        let mut report = Report::default();
        let mut served = Vec::new();
        let mut roots: BTreeMap<PathBuf, &MountUuid> = BTreeMap::new();
        let ours = self.entries.iter().filter_map(|entry| Some((entry, entry.host_access(url)?)));
        let mut mounted = 0;
        for (entry, host) in ours {
            mounted += 1;
            match &entry.driver {
                Err(mistakes) => {
                    mistakes.iter().for_each(|it| report.mistake(&it.key, it.problem.clone()))
                }
                Ok(driver) => {
                    let Driver::Directory { root, .. } = driver;
                    if let Some(other) = roots.insert(root.components().collect(), &entry.uuid) {
                        let place = self
                            .path
                            .child(entry.uuid.as_str())
                            .child("DriverParameters")
                            .child("Root");
                        report.mistake(&place, Problem::RootTwice { other: other.to_string() });
                    }
                    served.push(entry.mounted(driver, host));
                }
            }
        }
        if mounted == 0 && !self.entries.is_empty() {
            report.mistake(&self.path, Problem::NoVolumeHere { url: url.to_string() });
        }
        if report.mistakes.is_empty() { Ok(served) } else { Err(report.mistakes) }
    }
}

impl VolumeEntry {
    fn read(named: &Named<'_>, known_urls: &[ServiceUrl], report: &mut Report) -> Option<Self> {
        let mut volume = Section::at(named.path.clone(), Some(named.value), report);
        let driver = Driver::read(&mut volume, report);
        let read_only = volume.flag("ReadOnly", false, report);
        let allow_trash = volume.flag("AllowTrashWhenReadOnly", false, report);
        let copies = volume.number("Replication", 1, i64::MIN..=i64::MAX, report);
        if copies < 1 {
            report.warn(&volume.child("Replication"), Notice::ReplicationBelowOne);
        }
        let hosts = hosts(&mut volume, known_urls, report);
        let classes = volume_classes(&mut volume, report);
        volume.close(OtherKeys::Unknown, report);
        let uuid = uuid(named, report)?;
        let access = match (read_only, allow_trash) {
            (false, _) => VolumeAccess::ReadWrite,
            (true, true) => VolumeAccess::ReadAndTrash,
            (true, false) => VolumeAccess::ReadOnly,
        };
        let replication = Replication::from_config(copies);
        Some(VolumeEntry {
            uuid,
            driver,
            access,
            hosts,
            replication,
            classes,
            priority: Priority::default(),
        })
    }

    fn check_classes(&self, place: &KeyPath, configured: &ClassTable, report: &mut Report) {
        if self.classes.is_empty() {
            report.mistake(place, Problem::VolumeWithoutClass);
        }
        for class in self.classes.keys().filter(|class| !configured.priorities.contains_key(*class))
        {
            report.mistake(&place.child(class.as_str()), Problem::UnknownClass);
        }
    }

    /// What the node known as `url` may do; `None` if it does not mount the volume.
    fn host_access(&self, url: &ServiceUrl) -> Option<HostAccess> {
        if self.hosts.is_empty() {
            Some(HostAccess::ReadWrite)
        } else {
            self.hosts.get(url).copied()
        }
    }

    fn mounted(&self, driver: &Driver, host: HostAccess) -> VolumeConfig {
        let uncounted = self.classes.iter().filter(|(_, counts)| !**counts);
        VolumeConfig {
            uuid: self.uuid.clone(),
            driver: driver.clone(),
            access: Access::from_config(host, self.access),
            replication: self.replication,
            classes: self.classes.keys().cloned().collect(),
            uncounted_classes: uncounted.map(|(class, _)| class.clone()).collect(),
            priority: self.priority,
        }
    }
}

/// Reads `AccessViaHosts`. A URL without settings still names a host: left out, it would open the volume to every node.
fn hosts(
    volume: &mut Section<'_>,
    known: &[ServiceUrl],
    report: &mut Report,
) -> BTreeMap<ServiceUrl, HostAccess> {
    let section = volume.section("AccessViaHosts", report);
    let mut hosts = BTreeMap::new();
    for entry in section.named() {
        let mut settings = Section::at(entry.path.clone(), Some(entry.value), report);
        let read_only = settings.flag("ReadOnly", false, report);
        settings.close(OtherKeys::Unknown, report);
        if *entry.value == Node::Null {
            report.warn(&entry.path, Notice::NoValue);
        }
        let Some(url) = service_url(&entry.path, entry.name, report) else { continue };
        if !known.contains(&url) {
            report.warn(&entry.path, Notice::UnknownHost);
        }
        let access = if read_only { HostAccess::ReadOnly } else { HostAccess::ReadWrite };
        if hosts.insert(url, access).is_some() {
            report.mistake(&entry.path, Problem::UrlTwice);
        }
    }
    hosts
}

/// The name of a volume. Any text serves the protocol, but it stands in URLs, log lines and metrics.
fn uuid(named: &Named<'_>, report: &mut Report) -> Option<MountUuid> {
    let part = |c: char| c.is_ascii_alphanumeric() || c == '-';
    let fits = named.name.len() <= 100 && named.name.chars().all(part);
    let Some(uuid) = Some(named.name).filter(|_| fits).and_then(|name| name.parse().ok()) else {
        report.mistake(&named.path, Problem::BadVolumeUuid);
        return None;
    };
    if !is_usual_uuid(named.name) {
        report.warn(&named.path, Notice::UnusualVolumeUuid);
    }
    Some(uuid)
}

fn is_usual_uuid(name: &str) -> bool {
    let lower =
        |text: &str| text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase());
    let parts: Vec<&str> = name.split('-').collect();
    matches!(parts[..], [cluster, "nyw5e", own] if cluster.len() == 5 && own.len() == 15 && lower(cluster) && lower(own))
}
