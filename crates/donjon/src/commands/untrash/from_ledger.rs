//! What the ledger says was trashed and has not come back.

use std::collections::BTreeMap;

use keep_protocol::client::KeepClient;
use keep_protocol::paths::LedgerQuery;
use keep_protocol::status::LedgerEntry;
use keep_rules::{BlockHash, Timestamp};

use super::{Selection, Wanted};
use crate::failure::Failure;

/// Replicas that were trashed, and the number of the last record that says so.
#[derive(Default)]
struct Trashed {
    records: BTreeMap<(BlockHash, MountNumber), u64>,
    mounts: Vec<String>,
    back_before: u64,
}

/// The place of a mount in [`Trashed::mounts`]: a list of millions names few mounts.
type MountNumber = usize;

/// All that a trash list trashed. `None` if the ledger knows nothing of it.
pub(super) async fn of_list(client: &KeepClient, list: u64) -> Result<Option<Selection>, Failure> {
    let query = LedgerQuery { list: Some(list), ..LedgerQuery::default() };
    let trashed = read(client, query).await?;
    Ok((trashed.back_before > 0 || !trashed.records.is_empty()).then(|| trashed.selection()))
}

/// All that was trashed at this instant or later.
pub(super) async fn since(client: &KeepClient, since: Timestamp) -> Result<Selection, Failure> {
    let query = LedgerQuery { since: Some(since), ..LedgerQuery::default() };
    Ok(read(client, query).await?.selection())
}

/// Reads what was trashed, then what came back. The order of records is that of their numbers: a clock may be set back.
async fn read(client: &KeepClient, query: LedgerQuery<'_>) -> Result<Trashed, Failure> {
    let mut trashed = Trashed::default();
    let query = LedgerQuery { operation: Some("trash"), ..query };
    each_done(client, query, |hash, entry| trashed.went(hash, entry)).await?;
    if trashed.records.is_empty() {
        return Ok(trashed);
    }
    for operation in ["untrash", "pull"] {
        let query = LedgerQuery { operation: Some(operation), ..LedgerQuery::default() };
        each_done(client, query, |hash, entry| trashed.came_back(hash, entry)).await?;
    }
    Ok(trashed)
}

/// Every record of something that was done.
async fn each_done(
    client: &KeepClient,
    query: LedgerQuery<'_>,
    mut see: impl FnMut(BlockHash, &LedgerEntry),
) -> Result<(), Failure> {
    let mut ledger = client.ledger(query).await.map_err(Failure::node("ledger"))?;
    while let Some(entry) = ledger.next().await {
        let entry = entry.map_err(Failure::node("ledger"))?;
        if entry.outcome != "done" {
            continue;
        }
        let hash = entry
            .hash
            .parse()
            .map_err(|error| Failure::Other(format!("ledger, record {}: {error}", entry.number)))?;
        see(hash, &entry);
    }
    Ok(())
}

impl Trashed {
    fn went(&mut self, hash: BlockHash, entry: &LedgerEntry) {
        let mount = self.mount(&entry.mount_uuid).unwrap_or_else(|| {
            self.mounts.push(entry.mount_uuid.clone());
            self.mounts.len() - 1
        });
        self.records.insert((hash, mount), entry.number);
    }

    /// A later trashing by something else does not count as coming back: when in doubt, it is restored.
    fn came_back(&mut self, hash: BlockHash, entry: &LedgerEntry) {
        let Some(mount) = self.mount(&entry.mount_uuid) else { return };
        if self.records.get(&(hash, mount)).is_some_and(|trashed| *trashed < entry.number) {
            self.records.remove(&(hash, mount));
            self.back_before += 1;
        }
    }

    fn mount(&self, uuid: &str) -> Option<MountNumber> {
        self.mounts.iter().position(|mount| mount == uuid)
    }

    fn selection(self) -> Selection {
        let mount =
            |number: MountNumber| Some(self.mounts[number].clone()).filter(|uuid| !uuid.is_empty());
        let wanted = self
            .records
            .keys()
            .map(|(hash, number)| Wanted { hash: *hash, mount: mount(*number) })
            .collect();
        Selection { wanted, back_before: self.back_before }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn entry(number: u64, mount: &str) -> LedgerEntry {
        LedgerEntry {
            number,
            time_ns: 0,
            operation: String::new(),
            hash: String::new(),
            size: None,
            mtime_ns: None,
            mount_uuid: mount.to_owned(),
            list_id: None,
            outcome: "done".to_owned(),
            reason: None,
            chain: String::new(),
        }
    }

    const FOO: BlockHash = BlockHash::from_bytes([1; 16]);

    #[test]
    fn what_came_back_afterwards_is_left_alone() {
        let mut trashed = Trashed::default();
        trashed.went(FOO, &entry(1, "a"));
        trashed.went(FOO, &entry(2, "b"));
        trashed.came_back(FOO, &entry(3, "a"));
        let selection = trashed.selection();
        assert_eq!(selection.wanted, [Wanted { hash: FOO, mount: Some("b".to_owned()) }]);
        assert_eq!(selection.back_before, 1);
    }

    #[test]
    fn what_came_back_before_counts_for_nothing() {
        let mut trashed = Trashed::default();
        trashed.went(FOO, &entry(5, "a"));
        trashed.came_back(FOO, &entry(4, "a"));
        trashed.came_back(FOO, &entry(6, "elsewhere"));
        assert_eq!((trashed.records.len(), trashed.back_before), (1, 0));
    }

    #[test]
    fn a_replica_that_was_trashed_twice_is_wanted_once() {
        let mut trashed = Trashed::default();
        trashed.went(FOO, &entry(1, "a"));
        trashed.went(FOO, &entry(3, "a"));
        trashed.came_back(FOO, &entry(2, "a"));
        assert_eq!(trashed.selection().wanted.len(), 1);
    }
}
