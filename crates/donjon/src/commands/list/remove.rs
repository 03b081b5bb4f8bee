//! `donjon list remove`

use keep_protocol::status::ListName;
use serde::Serialize;

use super::WhichList;
use crate::exit::{Exit, Tally};
use crate::failure::Failure;
use crate::locators::{self, LocatorArg};
use crate::node::NodeArgs;
use crate::output::{Format, Output};

/// Take blocks off a list before a worker has them. Needs the admin token
///
/// An item that a worker has already is finished: see `donjon block untrash`.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon list remove trash acbd18db4cc2f85cedef654fccc4a4d8 --data /srv/keep
  donjon list remove trash - --data /srv/keep < wanted.locators

With --json: one object a line, {\"hash\": …, \"removed\": …}.
Exit status: 0 each was on the list, 3 none was, 4 some were, 1 an error")]
pub(crate) struct RemoveArgs {
    #[arg(value_enum)]
    list: WhichList,

    /// The blocks; - reads hashes or locators from standard input, the first word of each line
    #[arg(required = true, value_name = "HASH")]
    blocks: Vec<LocatorArg>,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Serialize)]
struct Report {
    hash: String,
    removed: u64,
}

pub(super) async fn run(args: RemoveArgs) -> Result<Exit, Failure> {
    let list = ListName::from(args.list);
    let client = args.node.connect()?.client;
    let mut output = Output::stdout();
    let mut tally = Tally::default();
    for locator in locators::all(args.blocks)? {
        let hash = locator.hash();
        let removed = client
            .remove_item(list, hash)
            .await
            .map_err(Failure::node(format!("{list} list, block {hash}")))?
            .removed;
        if removed > 0 {
            tally.done += 1
        } else {
            tally.missing += 1
        }
        if args.format.json {
            output.json(&Report { hash: hash.to_string(), removed })?
        } else {
            output.line(text(&hash.to_string(), removed))?
        }
        output.flush()?;
    }
    Ok(tally.exit())
}

fn text(hash: &str, removed: u64) -> String {
    match removed {
        0 => format!("{hash}  not on the list"),
        1 => format!("{hash}  removed"),
        many => format!("{hash}  removed, {many} items"),
    }
}
