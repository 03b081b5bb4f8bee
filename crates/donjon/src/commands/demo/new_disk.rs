//! A disk dies, and every block gets its second copy again.

use serde::Serialize;

use super::cluster::{CONFIG, Cluster, THIRD};
use super::lists::{self, Worked};
use super::shell::Shell;
use super::story::Story;
use crate::failure::Failure;
use keep_protocol::status::ListName;

/// What the pull lists did.
#[derive(Serialize)]
pub(super) struct Pulled {
    replicas_lost: usize,
    lists: Vec<Worked>,
}

/// Kills the third node, deletes its disk, starts it on an empty one, and balances.
pub(super) async fn replace(
    cluster: &mut Cluster,
    shell: &Shell,
    story: &mut Story,
) -> Result<Pulled, Failure> {
    let before = cluster.index(THIRD).await?;
    story.step(format_args!(
        "The disk of the third node dies, with {} replicas: kill -9, and its directory is deleted",
        before.len()
    ));
    cluster.lose_disk(THIRD).await?;
    cluster.start_with_new_disk(THIRD).await?;
    story.tell("It runs again, on an empty disk, which has a UUID of its own.");

    story.step("The balancer finds that second copies are missing, and sends a pull list");
    shell.run(&["balance", "once", "--config", CONFIG], story).await?;
    let lists = lists::worked_off(cluster, ListName::Pull, story).await?;
    let node = cluster.nodes[THIRD].url.as_str();
    let show = ["list", "show", "pull", "--url", node, "--config", CONFIG];
    shell.run(&show, story).await?;
    let after = cluster.index(THIRD).await?;
    story.check(after == before, "the third node has every block again that it had before");
    Ok(Pulled { replicas_lost: before.len(), lists })
}
