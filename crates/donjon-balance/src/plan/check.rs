//! What no plan may say, whoever decided it (spec/keep-balance.md section 8.2).

use std::collections::BTreeSet;

use crate::plan::entry::{Entry, Fate, Pull};
use crate::plan::header::{FORMAT, Header, Mount};

/// The most servers, mounts, or replicas of a block: their places are numbers of 16 bits.
const PLACES_MAX: usize = 1 << 16;

/// What is wrong with the header.
pub(crate) fn header(header: &Header) -> Result<(), String> {
    if header.format != FORMAT {
        return Err(format!("its format is {}, not {FORMAT}", header.format));
    }
    for (what, count) in [("servers", header.servers.len()), ("mounts", header.mounts.len())] {
        if count > PLACES_MAX {
            return Err(format!("it has {count} {what}, and {PLACES_MAX} can be numbered"));
        }
    }
    if header.servers.iter().any(|server| server.uuid.is_empty()) {
        return Err("a server has no UUID".to_owned());
    }
    let servers: BTreeSet<&str> = header.servers.iter().map(|server| &*server.uuid).collect();
    if servers.len() != header.servers.len() {
        return Err("it names a server twice".to_owned());
    }
    mounts(header)?;
    for index in &header.inputs.indexes {
        if usize::from(index.via) >= header.servers.len() {
            return Err(format!(
                "the index of {} is from server {}, which it lacks",
                index.device, index.via
            ));
        }
        if !index.end_mark {
            return Err(format!(
                "the index of {} had no end mark: it may be cut off",
                index.device
            ));
        }
    }
    Ok(())
}

fn mounts(header: &Header) -> Result<(), String> {
    let mut seen = BTreeSet::new();
    for mount in &header.mounts {
        let Mount { uuid, server, replication, .. } = mount;
        if uuid.is_empty() {
            return Err("a mount has no UUID".to_owned());
        }
        if usize::from(*server) >= header.servers.len() {
            return Err(format!("mount {uuid} is on server {server}, which it lacks"));
        }
        if *replication == 0 {
            return Err(format!("mount {uuid} stands for no copy: its replication is 0"));
        }
        if !seen.insert((uuid, server)) {
            return Err(format!("it names mount {uuid} of server {server} twice"));
        }
    }
    Ok(())
}

/// What is wrong with the entry, for a plan with this header, which was checked.
pub(crate) fn entry(entry: &Entry, header: &Header) -> Result<(), String> {
    if entry.replicas.len() > PLACES_MAX {
        return Err(format!(
            "it has {} replicas, and {PLACES_MAX} can be numbered",
            entry.replicas.len()
        ));
    }
    replicas(entry, header)?;
    let mut targets = BTreeSet::new();
    for pull in &entry.pulls {
        check_pull(pull, header)?;
        if !targets.insert(pull.to) {
            return Err(format!("it is pulled to mount {} twice", pull.to));
        }
    }
    Ok(())
}

fn replicas(entry: &Entry, header: &Header) -> Result<(), String> {
    let mut trashed = BTreeSet::new();
    for replica in &entry.replicas {
        let number = replica.mount;
        let mount = mount(header, number)?;
        if matches!(replica.fate, Fate::Keep { .. }) {
            continue;
        }
        if !mount.access.allows_trash() {
            return Err(format!("a replica is trashed on mount {number}, which forbids it"));
        }
        if replica.mtime >= header.min_mtime {
            return Err(format!("a replica is trashed on mount {number}, and it is new"));
        }
        if !trashed.insert(replica.mtime) {
            return Err(format!("two replicas with the mtime {} are trashed", replica.mtime));
        }
    }
    if !trashed.is_empty() && entry.replicas.iter().any(|replica| replica.size.is_some()) {
        return Err("a replica is trashed although the sizes of replicas differ".to_owned());
    }
    Ok(())
}

fn check_pull(pull: &Pull, header: &Header) -> Result<(), String> {
    let to = pull.to;
    if !mount(header, to)?.access.allows_write() {
        return Err(format!("it is pulled to mount {to}, which cannot be written"));
    }
    if pull.from.is_empty() {
        return Err(format!("it is pulled to mount {to} from nowhere"));
    }
    let mut sources = BTreeSet::new();
    for from in &pull.from {
        if usize::from(*from) >= header.servers.len() {
            return Err(format!("it is pulled from server {from}, which the plan lacks"));
        }
        if !sources.insert(from) {
            return Err(format!("it is pulled from server {from} twice to mount {to}"));
        }
    }
    Ok(())
}

fn mount(header: &Header, number: u16) -> Result<&Mount, String> {
    let mount = header.mounts.get(usize::from(number));
    mount.ok_or_else(|| format!("it names mount {number}, which the plan lacks"))
}
