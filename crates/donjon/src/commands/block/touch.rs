//! `donjon block touch`

use super::each::{BlocksArgs, Report, each};
use crate::exit::Exit;
use crate::failure::Failure;

/// Make blocks young again, so that they are not trashed before their time. Needs the admin token
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon block touch --data /srv/keep acbd18db4cc2f85cedef654fccc4a4d8+3

With --json: one object a line, {\"locator\": …, \"outcome\": …}, and size or detail where there is one.
Exit status: 0 all touched, 3 none of them is there, 4 some are there, 1 an error")]
pub(crate) struct TouchArgs {
    #[command(flatten)]
    blocks: BlocksArgs,
}

pub(crate) async fn run(args: TouchArgs) -> Result<Exit, Failure> {
    let client = &args.blocks.node.clone().connect()?.client;
    each(args.blocks, |locator| async {
        match client.touch_block(&locator).await {
            Ok(()) => Ok(Report::done(&locator, "touched")),
            Err(error) => Err((locator, error)),
        }
    })
    .await
}
