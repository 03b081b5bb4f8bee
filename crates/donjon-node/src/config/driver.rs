//! Back ends of volumes: `Driver` and `DriverParameters`.

use std::path::PathBuf;

use super::problem::{Problem, shown};
use super::report::{Mistake, Report};
use super::section::{OtherKeys, Section};

/// Where and how blocks are stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Driver {
    /// Files in a directory of a local or network file system.
    Directory {
        /// `Root`: an absolute path. Whether it exists is found out when the volume is opened.
        root: PathBuf,
        /// `Serialize`.
        transfers: Transfers,
    },
}

/// `Serialize`: how many blocks are read or written at once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Transfers {
    /// As many as there are requests: `false`.
    Parallel,
    /// One at a time, for disks that are faster so: `true`.
    OneAtATime,
}

impl Driver {
    /// Reads the driver of a volume. Mistakes are given back instead of being reported, because those of a volume that
    /// this node does not mount are none of its business.
    pub(super) fn read(
        volume: &mut Section<'_>,
        report: &mut Report,
    ) -> Result<Self, Vec<Mistake>> {
        let mut own = Report::default();
        let name = volume.text("Driver", &mut own);
        let place = volume.child("Driver");
        let driver = match name {
            "Directory" => directory(volume, &mut own),
            other => {
                volume.known_unused(&["DriverParameters"]);
                match other {
                    _ if !own.mistakes.is_empty() => {}
                    "" => own.mistake(&place, Problem::NoDriver),
                    "S3" | "Azure" => {
                        own.mistake(&place, Problem::DriverNotServed { driver: other.to_owned() })
                    }
                    other => own.mistake(&place, Problem::UnknownDriver { found: shown(other) }),
                }
                None
            }
        };
        report.warnings.append(&mut own.warnings);
        match driver {
            Some(driver) if own.mistakes.is_empty() => Ok(driver),
            _ => Err(own.mistakes),
        }
    }
}

fn directory(volume: &mut Section<'_>, report: &mut Report) -> Option<Driver> {
    let mut parameters = volume.section("DriverParameters", report);
    let serialize = parameters.flag("Serialize", false, report);
    let root = parameters.text("Root", report);
    let place = parameters.child("Root");
    parameters.close(OtherKeys::Unknown, report);
    if root.is_empty() {
        if !report.mistakes.iter().any(|mistake| mistake.key == place) {
            report.mistake(&place, Problem::NoRoot);
        }
        return None;
    }
    if !root.starts_with('/') {
        report.mistake(&place, Problem::RelativeRoot { found: shown(root) });
        return None;
    }
    let transfers = if serialize { Transfers::OneAtATime } else { Transfers::Parallel };
    Some(Driver::Directory { root: PathBuf::from(root), transfers })
}
