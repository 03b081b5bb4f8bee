//! What nodes say of their mounts: which storage classes there are, and which nodes share a device.

use std::collections::BTreeSet;
use std::time::Duration;

use donjon_files::Devices;
use futures_util::future::join_all;
use keep_protocol::client::ClientError;
use keep_protocol::mounts::MountDescription;
use keep_rules::StorageClass;

use crate::cluster::Cluster;
use crate::failure::Failure;

/// A node that takes longer does not say. What is sent to it will show what is wrong with it.
const PATIENCE: Duration = Duration::from_secs(5);

/// What each node of a cluster says of its mounts.
#[derive(Clone, Debug, Default)]
pub(crate) struct Described {
    by_node: Vec<Answer>,
}

/// What a node says of its mounts.
#[derive(Clone, Debug)]
enum Answer {
    Mounts(Vec<MountDescription>),
    /// It answers that it does not tell us: only the admin token may ask (spec/keep-protocol.md section 2).
    Declined,
    /// It has not answered in time, or something went wrong.
    Silent,
}

impl Answer {
    fn of(asked: Result<Vec<MountDescription>, ClientError>) -> Answer {
        match asked {
            Ok(mounts) => Answer::Mounts(mounts),
            Err(ClientError::Refused { status, .. }) if matches!(status.as_u16(), 401 | 403) => {
                Answer::Declined
            }
            Err(_) => Answer::Silent,
        }
    }
}

impl Described {
    /// Asks all nodes at once.
    pub(crate) async fn ask(cluster: &Cluster) -> Described {
        let asked = cluster.servers.iter().map(|server| async {
            let asked = tokio::time::timeout(PATIENCE, server.client.mounts()).await;
            asked.map_or(Answer::Silent, Answer::of)
        });
        Described { by_node: join_all(asked).await }
    }

    /// The devices that a node writes to, as far as it is known.
    pub(crate) fn devices(&self, node: usize) -> Devices {
        match self.by_node.get(node) {
            Some(Answer::Mounts(mounts)) => Devices::of(mounts),
            Some(Answer::Declined) => Devices::NoIds,
            Some(Answer::Silent) | None => Devices::Silent,
        }
    }

    /// What each node says of its mounts, if it does.
    pub(crate) fn into_mounts(self) -> Vec<Option<Vec<MountDescription>>> {
        let said = |answer| match answer {
            Answer::Mounts(mounts) => Some(mounts),
            Answer::Declined | Answer::Silent => None,
        };
        self.by_node.into_iter().map(said).collect()
    }

    /// Refuses storage classes that no node has, before anything is sent. A node that does not say what it has is not believed
    /// to have less.
    pub(crate) fn check_classes(&self, classes: &[String]) -> Result<(), Failure> {
        let mut known = BTreeSet::new();
        for mounts in &self.by_node {
            let Answer::Mounts(mounts) = mounts else { return Ok(()) };
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

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(status: u16) -> Result<Vec<MountDescription>, ClientError> {
        Err(ClientError::Refused { status: status.try_into().unwrap(), text: String::new() })
    }

    #[test]
    fn a_node_that_fails_to_answer_may_share_with_all_and_one_that_declines_does_not() {
        let described = Described {
            by_node: vec![
                Answer::of(refused(500)),
                Answer::of(Err(ClientError::PlainKeepstore)),
                Answer::of(refused(403)),
                Answer::of(Ok(Vec::new())),
            ],
        };
        let devices: Vec<Devices> = (0..5).map(|node| described.devices(node)).collect();
        let (silent, named) = (Devices::Silent, Devices::Named(Vec::new()));
        assert_eq!(devices, [silent.clone(), silent.clone(), Devices::NoIds, named, silent]);
    }
}
