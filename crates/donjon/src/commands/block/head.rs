//! `donjon block head`

use super::each::{BlocksArgs, Report, each};
use crate::exit::Exit;
use crate::failure::Failure;

/// Have the node read and check blocks, without sending them
///
/// Locators must be signed if the node wants that; with --data or --config they are signed here.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon block head --data /srv/keep acbd18db4cc2f85cedef654fccc4a4d8+3
  donjon index --data /srv/keep | donjon block head --data /srv/keep --json -

With --json: one object a line, {\"locator\": …, \"outcome\": …}, and size or detail where there is one.
Exit status: 0 all found and right, 3 none of them is there, 4 some are there, 1 an error")]
pub(crate) struct HeadArgs {
    #[command(flatten)]
    blocks: BlocksArgs,
}

pub(crate) async fn run(args: HeadArgs) -> Result<Exit, Failure> {
    let connection = &args.blocks.node.clone().connect()?;
    each(args.blocks, |locator| async {
        match connection.client.head_block(&connection.signed(locator.clone())).await {
            Ok(size) => Ok(Report::found(&locator, size)),
            Err(error) => Err((locator, error)),
        }
    })
    .await
}
