//! The storage classes of the cluster: the section `StorageClasses`.

use std::collections::BTreeMap;

use keep_rules::{ClassSet, Priority, StorageClass};

use super::node::Node;
use super::problem::{Notice, Problem, shown, shown_node};
use super::report::Report;
use super::section::{Named, OtherKeys, Section};

/// The configured classes. `default` alone, with priority 0, if neither the cluster nor any volume names one
/// (spec section 8).
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ClassTable {
    /// `Priority` of each class: mounts with a higher one are read and written first.
    pub priorities: BTreeMap<StorageClass, i64>,
    /// The classes with `Default: true`, which clients ask for unless they want others.
    pub defaults: ClassSet,
}

/// The classes of one volume, as the file gives them: each with its flag. A flag of `false` still offers the class to
/// writers; it only does not count for the priority (spec sections 4.1, 4.2).
pub(super) type VolumeClasses = BTreeMap<StorageClass, bool>;

impl ClassTable {
    /// What the cluster's section says; empty if it says nothing.
    pub(super) fn read(cluster: &mut Section<'_>, report: &mut Report) -> Self {
        let section = cluster.section("StorageClasses", report);
        let mut priorities = BTreeMap::new();
        let mut defaults = Vec::new();
        for entry in section.named() {
            let mut settings = Section::at(entry.path.clone(), Some(entry.value), report);
            let priority = settings.number("Priority", 0, i64::MIN..=i64::MAX, report);
            let is_default = settings.flag("Default", false, report);
            settings.close(OtherKeys::Unknown, report);
            let Some(class) = class_name(&entry, report) else { continue };
            if is_default {
                defaults.push(class.clone());
            }
            priorities.insert(class, priority);
        }
        if !priorities.is_empty() && defaults.is_empty() {
            report.mistake(section.path(), Problem::NoDefaultClass);
        }
        ClassTable { priorities, defaults: defaults.into_iter().collect() }
    }

    /// The class `default` and no other.
    pub(super) fn implied() -> Self {
        let class = StorageClass::default();
        ClassTable {
            defaults: [class.clone()].into_iter().collect(),
            priorities: BTreeMap::from([(class, 0)]),
        }
    }

    /// Whether the file names no class.
    pub(super) fn is_empty(&self) -> bool {
        self.priorities.is_empty()
    }

    /// The priority of a mount with these classes.
    pub(super) fn priority(&self, classes: &VolumeClasses) -> Priority {
        let counted = classes.iter().filter(|(_, counts)| **counts);
        Priority::highest(counted.filter_map(|(class, _)| self.priorities.get(class).copied()))
    }

    /// Warns about classes that none of the volumes has.
    pub(super) fn warn_unused<'v>(
        &self,
        cluster: &Section<'_>,
        volumes: impl Iterator<Item = &'v VolumeClasses> + Clone,
        report: &mut Report,
    ) {
        for class in self
            .priorities
            .keys()
            .filter(|class| !volumes.clone().any(|used| used.contains_key(*class)))
        {
            report.warn(
                &cluster.child("StorageClasses").child(class.as_str()),
                Notice::ClassWithoutVolume,
            );
        }
    }
}

/// Reads `StorageClasses` of a volume.
pub(super) fn volume_classes(volume: &mut Section<'_>, report: &mut Report) -> VolumeClasses {
    let section = volume.section("StorageClasses", report);
    let mut classes = VolumeClasses::new();
    for entry in section.named() {
        let counts = match entry.value {
            Node::Bool(counts) => *counts,
            Node::Null => {
                report.warn(&entry.path, Notice::NoValue);
                false
            }
            other @ (Node::Int(_)
            | Node::Float(_)
            | Node::Text(_)
            | Node::List(_)
            | Node::Map(_)) => {
                let found = shown_node(other);
                report.mistake(&entry.path, Problem::NotA { found, wanted: "true or false" });
                false
            }
        };
        if let Some(class) = class_name(&entry, report) {
            classes.insert(class, counts);
        }
    }
    classes
}

/// A class is named in headers such as `a=1, b=2`, so its name must not hold what separates names there.
fn class_name(entry: &Named<'_>, report: &mut Report) -> Option<StorageClass> {
    let separates = |c: char| c.is_whitespace() || c.is_control() || matches!(c, ',' | '=');
    let name = Some(entry.name)
        .filter(|name| !name.contains(separates))
        .and_then(|name| name.parse().ok());
    if name.is_none() {
        report.mistake(&entry.path, Problem::BadClassName { found: shown(entry.name) });
    }
    name
}
