//! `donjon block untrash`

use super::each::{BlocksArgs, Report, each};
use crate::exit::Exit;
use crate::failure::Failure;

/// Recover trashed blocks. Needs the admin token
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon block untrash --data /srv/keep acbd18db4cc2f85cedef654fccc4a4d8

With --json: one object a line, {\"locator\": …, \"outcome\": …}, and size or detail where there is one.
Exit status: 0 all recovered, 3 none of them is in the trash, 4 some are, 1 an error")]
pub(crate) struct UntrashArgs {
    #[command(flatten)]
    blocks: BlocksArgs,
}

pub(crate) async fn run(args: UntrashArgs) -> Result<Exit, Failure> {
    let client = &args.blocks.node.clone().connect()?.client;
    each(args.blocks, |locator| async {
        match client.untrash_block(&locator).await {
            Ok(()) => Ok(Report::done(&locator, "untrashed")),
            Err(error) => Err((locator, error)),
        }
    })
    .await
}
