//! What nodes say of their mounts: which storage classes there are, and which nodes share a device.

use std::collections::BTreeSet;
use std::time::Duration;

use donjon_files::Devices;
use futures_util::future::join_all;
use keep_protocol::mounts::MountDescription;
use keep_rules::StorageClass;

use crate::cluster::Cluster;
use crate::failure::Failure;

/// A node that takes longer does not say. What is sent to it will show what is wrong with it.
const PATIENCE: Duration = Duration::from_secs(5);

/// The mounts of each node of a cluster, of those that have said.
#[derive(Clone, Debug, Default)]
pub(crate) struct Described {
    by_node: Vec<Option<Vec<MountDescription>>>,
}

impl Described {
    /// Asks all nodes at once.
    pub(crate) async fn ask(cluster: &Cluster) -> Described {
        let asked = cluster.servers.iter().map(|server| async {
            let mounts = tokio::time::timeout(PATIENCE, server.client.mounts()).await;
            mounts.ok().and_then(Result::ok)
        });
        Described { by_node: join_all(asked).await }
    }

    /// The devices that a node writes to, as far as it is known.
    pub(crate) fn devices(&self, node: usize) -> Devices {
        let mounts = self.by_node.get(node).and_then(Option::as_deref);
        mounts.map_or_else(Devices::default, Devices::of)
    }

    /// Refuses storage classes that no node has, before anything is sent. A node that does not say what it has is not believed
    /// to have less.
    pub(crate) fn check_classes(&self, classes: &[String]) -> Result<(), Failure> {
        let mut known = BTreeSet::new();
        for mounts in &self.by_node {
            let Some(mounts) = mounts else { return Ok(()) };
            let writable = mounts.iter().filter(|mount| mount.allow_write);
            let classes = writable.flat_map(|mount| &mount.storage_classes);
            known.extend(classes.filter(|(_, is_member)| **is_member).map(|(class, _)| class));
        }
        let Some(unknown) = classes.iter().find(|class| !known.contains(class)) else {
            return Ok(());
        };
        let known: Vec<&str> = known.into_iter().map(String::as_str).collect();
        Err(Failure::Usage(format!(
            "--classes: no node has a writable volume of the storage class {unknown:?}; there are: {}",
            known.join(", ")
        )))
    }
}

/// Refuses what can be the name of no storage class.
pub(crate) fn check_names(classes: &[String]) -> Result<(), Failure> {
    if classes.iter().any(|class| class.parse::<StorageClass>().is_err()) {
        return Err(Failure::Usage(
            "--classes has an empty name; give names separated by commas, without blanks"
                .to_owned(),
        ));
    }
    Ok(())
}
