//! `donjon block trash`

use keep_protocol::client::{ClientError, IndexScope, KeepClient};
use keep_rules::BlockHash;

use super::each::{BlocksArgs, Report, each};
use crate::exit::Exit;
use crate::failure::Failure;

/// Trash blocks now. Needs the admin token
///
/// A replica that is younger than the signature TTL stays: somebody may be about to refer to it. The node does not say
/// so, therefore its index is asked afterwards which replicas are left.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon block trash --data /srv/keep acbd18db4cc2f85cedef654fccc4a4d8
  donjon block untrash --data /srv/keep acbd18db4cc2f85cedef654fccc4a4d8

With --json: one object a line, {\"locator\": …, \"outcome\": …}, and size or detail where there is one.
Exit status: 0 all trashed, 3 none of them is there, 4 some stay, 1 an error")]
pub(crate) struct TrashArgs {
    #[command(flatten)]
    blocks: BlocksArgs,
}

pub(crate) async fn run(args: TrashArgs) -> Result<Exit, Failure> {
    let client = &args.blocks.node.clone().connect()?.client;
    each(args.blocks, |locator| async {
        let left = match client.trash_block(&locator).await {
            Ok(()) => replicas_left(client, locator.hash()).await,
            Err(error) => Err(error),
        };
        match left {
            Ok(0) => Ok(Report::done(&locator, "trashed")),
            Ok(1) => Ok(Report::kept(
                &locator,
                "one replica stays: too young, or its mount may not trash".to_owned(),
            )),
            Ok(left) => Ok(Report::kept(
                &locator,
                format!("{left} replicas stay: too young, or their mounts may not trash"),
            )),
            Err(error) => Err((locator, error)),
        }
    })
    .await
}

async fn replicas_left(client: &KeepClient, hash: BlockHash) -> Result<u64, ClientError> {
    let prefix = hash.to_string().parse().expect("a whole hash is a prefix");
    let mut index = client.index(IndexScope::Node, prefix).await?;
    let mut left = 0;
    while let Some(line) = index.next().await {
        line?;
        left += 1;
    }
    Ok(left)
}
