//! Two collections are removed; one of them is stored again in time.

use std::collections::BTreeSet;
use std::time::SystemTime;

use keep_protocol::status::ListName;
use keep_rules::{BlockHash, Timestamp};
use serde_json::Value;

use super::TTL;
use super::cluster::{CONFIG, Cluster};
use super::lists::{self, Worked};
use super::references::{blocks_of, protected_until};
use super::shell::Shell;
use super::staged::Staged;
use super::story::Story;
use crate::failure::Failure;

const PLAN: &str = "today.plan";

/// What was removed.
pub(super) struct Removed {
    /// Removed, and missed only when its blocks are in the trash.
    pub(super) gone: String,
    pub(super) gone_hash: String,
    /// Removed, and stored again before the trash lists arrive.
    rescued: String,
    /// Blocks that nothing else wants.
    gone_blocks: BTreeSet<BlockHash>,
    rescued_blocks: BTreeSet<BlockHash>,
}

/// What the trash lists did.
pub(super) struct Trashed {
    pub(super) lists: Vec<Worked>,
    /// Blocks that went, all replicas of them.
    pub(super) blocks: BTreeSet<BlockHash>,
    /// One of them, and a node that had it.
    one: Option<(BlockHash, usize)>,
}

/// Removes the last two parts; if there are no more than two, the last one.
pub(super) async fn remove(
    staged: &Staged,
    cluster: &Cluster,
    shell: &Shell,
    story: &mut Story,
) -> Result<Removed, Failure> {
    let parts = &staged.parts;
    let kept = parts.len().saturating_sub(2).max(1);
    let gone = parts.last().expect("there are two parts at least").clone();
    let rescued = parts[kept].clone();
    story.step("Collections are removed. Nothing happens to their blocks yet: a client may hold signatures");
    let mut wanted = BTreeSet::new();
    for part in &parts[..kept] {
        wanted.extend(blocks_of(&cluster.manifests(), part)?);
    }
    let of_gone = blocks_of(&cluster.manifests(), &gone)?;
    let of_rescued = match rescued == gone {
        true => BTreeSet::new(),
        false => blocks_of(&cluster.manifests(), &rescued)?,
    };
    let gone_hash = portable_data_hash(shell, &gone).await?;
    let mut arguments = vec!["rm", &gone];
    if rescued != gone {
        arguments.insert(1, &rescued);
    }
    arguments.extend(["--config", CONFIG]);
    shell.run(&arguments, story).await?;
    let before = cluster.indexes().await?;
    shell.run(&["balance", "once", "--config", CONFIG], story).await?;
    lists::worked_off(cluster, ListName::Trash, story).await?;
    story.check(cluster.indexes().await? == before, "no replica was trashed");
    Ok(Removed {
        gone_blocks: &(&of_gone - &wanted) - &of_rescued,
        rescued_blocks: of_rescued,
        gone,
        gone_hash,
        rescued,
    })
}

async fn portable_data_hash(shell: &Shell, name: &str) -> Result<String, Failure> {
    let ran = shell.quietly(&["ls", "--json", "--config", CONFIG]).await?;
    let of_name = ran.stdout.lines().find_map(|line| {
        let entry: Value = serde_json::from_str(line).ok()?;
        (entry["name"] == name).then(|| entry["portable_data_hash"].as_str().map(str::to_owned))?
    });
    of_name.ok_or_else(|| Failure::Other(format!("`donjon ls` does not show {name}")))
}

/// Waits until nobody's signature can be valid any more.
pub(super) async fn protection_ends(cluster: &Cluster, story: &mut Story) -> Result<(), Failure> {
    let now: Timestamp = SystemTime::now().into();
    let until = protected_until(&cluster.manifests(), now, TTL)?.unwrap_or(now);
    let left = until.since(now);
    story.step(format_args!(
        "{:.1} s pass: the signature TTL and a margin for clocks. In production that is two weeks and an hour",
        left.as_secs_f64()
    ));
    tokio::time::sleep(left).await;
    Ok(())
}

/// Makes a plan. Its digest, and whether brakes hold it.
pub(super) async fn plan(
    removed: &Removed,
    shell: &Shell,
    story: &mut Story,
) -> Result<Plan, Failure> {
    story.step("A plan is made: a file that says for each block what is to be done, and why. Nothing is sent");
    let ran = shell.run(&["balance", "plan", "-o", PLAN, "--config", CONFIG], story).await?;
    if let Some(block) = removed.gone_blocks.first() {
        shell.run(&["balance", "plan", "explain", PLAN, &block.to_string()], story).await?;
    }
    let shown = shell.quietly(&["balance", "plan", "show", PLAN, "--json"]).await?;
    let shown: Value = serde_json::from_str(&shown.stdout)
        .map_err(|error| Failure::Other(format!("what `plan show` prints is no JSON: {error}")))?;
    let digest = shown["digest"].as_str().unwrap_or_default().to_owned();
    Ok(Plan { digest, held: ran.status == 4 })
}

/// A plan that was made.
pub(super) struct Plan {
    digest: String,
    /// It changes an unusual share of what there is.
    held: bool,
}

/// Somebody stores one of the removed collections again, between plan and lists.
pub(super) async fn rescue(
    removed: &Removed,
    shell: &Shell,
    story: &mut Story,
) -> Result<(), Failure> {
    if removed.rescued == removed.gone {
        return Ok(());
    }
    story.step(
        "Meanwhile somebody stores one of the removed collections again. The plan does not know",
    );
    shell.run(&["put", &removed.rescued, "--config", CONFIG], story).await?;
    Ok(())
}

/// Applies the plan, exactly as it was looked at.
pub(super) async fn apply(
    cluster: &Cluster,
    removed: &Removed,
    plan: &Plan,
    shell: &Shell,
    story: &mut Story,
) -> Result<Trashed, Failure> {
    story.step("The plan is applied, by its digest: every node gets its trash list");
    let before = cluster.indexes().await?;
    let mut arguments =
        vec!["balance", "apply", PLAN, "--digest", &plan.digest, "--config", CONFIG];
    if plan.held {
        story.tell("The brakes hold it. The demonstration is the operator who has looked.");
        arguments.push("--release-brakes");
    }
    shell.run(&arguments, story).await?;
    let lists = lists::worked_off(cluster, ListName::Trash, story).await?;
    let one = removed
        .gone_blocks
        .first()
        .and_then(|block| Some((*block, before.iter().position(|index| index.contains(block))?)));
    if let Some((_block, node)) = one {
        let url = cluster.nodes[node].url.as_str();
        shell.run(&["list", "show", "trash", "--url", url, "--config", CONFIG], story).await?;
    }
    let after = cluster.indexes().await?;
    let copies = |of: &BTreeSet<BlockHash>, at: &[BTreeSet<BlockHash>]| -> usize {
        at.iter().map(|index| index.intersection(of).count()).sum()
    };
    story.check(
        copies(&removed.gone_blocks, &after) == 0,
        "what nobody wants is in the trash, every replica of it",
    );
    if !removed.rescued_blocks.is_empty() {
        let all = &removed.rescued_blocks;
        story.check(
            copies(all, &after) == copies(all, &before),
            "what was stored again stayed, though it was on the lists: its timestamp is another",
        );
    }
    Ok(Trashed { lists, blocks: removed.gone_blocks.clone(), one })
}

/// Says of one block what became of it.
pub(super) async fn explain(
    cluster: &Cluster,
    trashed: &Trashed,
    shell: &Shell,
    story: &mut Story,
) -> Result<(), Failure> {
    let Some((block, node)) = trashed.one else { return Ok(()) };
    story.step("Where is that block? A node explains");
    let (block, url) = (block.to_string(), cluster.nodes[node].url.as_str());
    shell.run(&["block", "explain", &block, "--url", url, "--config", CONFIG], story).await?;
    Ok(())
}
