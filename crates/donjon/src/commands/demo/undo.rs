//! Undo: what was trashed comes back, and everything is restored and compared.

use keep_rules::BlockHash;
use serde::Serialize;

use super::cluster::{CONFIG, Cluster};
use super::comparison::{Compared, compare};
use super::garbage::{Removed, Trashed};
use super::shell::Shell;
use super::staged::Staged;
use super::story::Story;
use crate::failure::Failure;

const RESTORED: &str = "restored";

/// Has every node restore all that its list trashed. How many replicas came back.
pub(super) async fn untrash(
    cluster: &Cluster,
    trashed: &Trashed,
    shell: &Shell,
    story: &mut Story,
) -> Result<usize, Failure> {
    if trashed.blocks.is_empty() {
        return Ok(0);
    }
    story.step("It was needed after all. Every node takes back what its list trashed");
    let before = replicas(cluster, trashed).await?;
    for list in trashed.lists.iter().filter(|list| list.done > 0) {
        let (id, url) = (list.list_id.to_string(), cluster.url_of(list.node));
        shell.run(&["untrash", "--list", &id, "--url", url, "--config", CONFIG], story).await?;
    }
    let back = replicas(cluster, trashed).await? - before;
    let done: u64 = trashed.lists.iter().map(|list| list.done).sum();
    story.check(back as u64 == done, "every replica that was trashed is there again");
    Ok(back)
}

async fn replicas(cluster: &Cluster, trashed: &Trashed) -> Result<usize, Failure> {
    let indexes = cluster.indexes().await?;
    let of = |hash: &&BlockHash| trashed.blocks.contains(*hash);
    Ok(indexes.iter().map(|index| index.iter().filter(of).count()).sum())
}

/// What came back.
#[derive(Serialize)]
pub(super) struct ReadBack {
    pub(super) collections: usize,
    #[serde(flatten)]
    pub(super) compared: Compared,
}

/// Restores every collection, the removed one by its portable data hash, and compares each with what was put.
pub(super) async fn get_all(
    cluster: &Cluster,
    staged: &Staged,
    removed: &Removed,
    shell: &Shell,
    story: &mut Story,
) -> Result<ReadBack, Failure> {
    story.step("Everything is restored and compared with the files, byte by byte");
    let restored = cluster.directory().join(RESTORED);
    std::fs::create_dir(&restored).map_err(Failure::local("cannot make a directory"))?;
    let mut compared = Compared::default();
    for part in &staged.parts {
        let to = format!("{RESTORED}/{part}");
        if *part == removed.gone {
            story.tell("The removed collection has no name any more; its portable data hash still finds it:");
            shell.run(&["get", &removed.gone_hash, &to, "--config", CONFIG], story).await?;
            shell.run(&["put", &to, "--config", CONFIG], story).await?;
        } else {
            shell.quietly(&["get", part, &to, "--config", CONFIG]).await?;
        }
        compared.add(compare(&cluster.directory().join(part), &restored.join(part))?);
    }
    story.check(compared.wrong == 0, format_args!("{} files are as they were put", compared.right));
    Ok(ReadBack { collections: staged.parts.len(), compared })
}
