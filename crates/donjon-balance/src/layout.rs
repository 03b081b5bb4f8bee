//! From what nodes say of their mounts to what is balanced.

use std::collections::BTreeMap;
use std::collections::btree_map::Entry;

use keep_protocol::mounts::MountDescription;
use keep_rules::balance::{self, Allows, Layout, LayoutError, MountFacts, ServerAccess};
use keep_rules::mount::{Medium, MountUuid};
use keep_rules::{ClassSet, Replication};

use crate::servers::ServerFacts;

/// Why the mounts of the nodes cannot be balanced.
#[derive(Debug, thiserror::Error)]
pub enum MountsError {
    /// A node describes a mount without a name, or with a class without one.
    #[error("{url} describes a mount that has {problem}; repair its configuration")]
    Nameless {
        /// The node.
        url: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// Together they cannot be.
    #[error("{0}")]
    Layout(#[source] Box<LayoutError>),
}

/// What there is to balance.
///
/// # Errors
/// [`MountsError`]; nothing may be sent then.
pub fn layout(servers: &[ServerFacts]) -> Result<Layout, MountsError> {
    let servers = servers.iter().map(|server| {
        let mounts = server.mounts.iter().map(|mount| facts(&server.url, mount));
        Ok(balance::ServerFacts {
            uuid: server.uuid.clone(),
            url: server.url.clone(),
            access: ServerAccess::ReadWrite,
            mounts: mounts.collect::<Result<_, MountsError>>()?,
        })
    });
    let servers = servers.collect::<Result<_, MountsError>>()?;
    Layout::new(servers).map_err(|error| MountsError::Layout(Box::new(error)))
}

fn facts(url: &str, mount: &MountDescription) -> Result<MountFacts, MountsError> {
    let nameless = |problem| MountsError::Nameless { url: url.to_owned(), problem };
    let uuid: MountUuid = mount.uuid.parse().map_err(|_empty| nameless("no UUID"))?;
    // A class that is mapped to `false` is none (spec/keep-balance.md section 2.2).
    let classes = mount.storage_classes.iter().filter(|(_, member)| **member).map(|(class, _)| {
        class.parse().map_err(|_empty| nameless("a storage class without a name"))
    });
    let classes: ClassSet = classes.collect::<Result<Vec<_>, _>>()?.into_iter().collect();
    Ok(MountFacts {
        uuid,
        device_id: mount.device_id.parse().ok(),
        allows: allows((mount.allow_write, mount.allow_trash)),
        replication: Replication::from_config(mount.replication.into()),
        classes,
    })
}

/// Volumes of which two nodes tell that different disks are behind them, in words. The index of one of them is read, so what
/// only the other has looks lost; but nothing is trashed by it that is not on that index, so that this holds no run.
pub(crate) fn of_two_disks(servers: &[ServerFacts]) -> Vec<String> {
    let mut first: BTreeMap<&str, (&str, Medium)> = BTreeMap::new();
    let mut found = Vec::new();
    for server in servers {
        for mount in &server.mounts {
            let Some(Ok(medium)) = mount.medium.as_deref().map(str::parse::<Medium>) else {
                continue;
            };
            match first.entry(&mount.uuid) {
                Entry::Vacant(place) => drop(place.insert((&server.url, medium))),
                Entry::Occupied(other) if other.get().1.may_be_one_with(&medium) => {}
                Entry::Occupied(other) => {
                    let (uuid, url, other) = (&mount.uuid, &server.url, other.get().0);
                    found.push(format!(
                        "{uuid} seems to be one disk on {other} and another one on {url}; if it is so, give one of them a UUID of its own"
                    ));
                }
            }
        }
    }
    found
}

/// `allow_write` and `allow_trash`, as nodes tell them.
pub(crate) fn allows(write_and_trash: (bool, bool)) -> Allows {
    match write_and_trash {
        (true, true) => Allows::WriteAndTrash,
        (true, false) => Allows::Write,
        (false, true) => Allows::Trash,
        (false, false) => Allows::Nothing,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_uuid_on_two_disks_is_noticed() {
        let node = |name: &str, medium: Option<&str>| {
            let text = r#"{"uuid":"volume","device_id":"","allow_write":true,"allow_trash":true,"replication":1,"storage_classes":{}}"#;
            let mount: MountDescription = serde_json::from_str(text).unwrap();
            let mounts = vec![MountDescription { medium: medium.map(str::to_owned), ..mount }];
            ServerFacts { uuid: name.to_owned(), url: format!("http://{name}"), mounts }
        };
        let (a, plain) = (node("a", Some("1-2-3")), node("plain", None));
        let through_nfs = node("b", Some("1-2"));
        assert_eq!(of_two_disks(&[a.clone(), plain.clone(), through_nfs]), [""; 0]);
        let found = of_two_disks(&[a, plain, node("c", Some("9-2-3"))]);
        assert_eq!(
            found,
            [
                "volume seems to be one disk on http://a and another one on http://c; if it is so, give one of them a UUID of its own"
            ]
        );
    }
}
