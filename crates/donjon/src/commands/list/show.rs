//! `donjon list show`

use std::time::SystemTime;

use keep_protocol::status::{ListName, ListStatus, Outcome, WaitingItems};
use serde::Serialize;

use super::drawn::{books_table, outcomes_table, waiting_table};
use super::outcomes::{self, Latest};
use super::{WhichList, receipt};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::NodeArgs;
use crate::output::{Format, print};

/// Show a list: its receipt, the items that wait, and what became of the others. Needs the admin token
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon list show trash --data /srv/keep
  donjon list show trash --data /srv/keep --only receipt
  donjon list show pull --data /srv/keep --only outcomes --limit 1000 --json

With --json: one object, {\"receipt\": …, \"waiting\": …, \"outcomes\": […]}.
The node remembers a bounded number of outcomes; \"first_kept\" is the number of the oldest one.
A plain keepstore cannot show its lists (exit status 1).")]
pub(crate) struct ShowArgs {
    #[arg(value_enum)]
    list: WhichList,

    /// Show only these
    #[arg(long, value_enum)]
    only: Option<Part>,

    /// At most so many waiting items, and so many outcomes: the latest
    #[arg(long, value_name = "N", default_value_t = 20)]
    limit: u64,

    /// Leave out so many waiting items first
    #[arg(long, value_name = "N", default_value_t = 0)]
    offset: u64,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum Part {
    /// Where the list came from, its state, speed and settings
    Receipt,
    /// The items that no worker has had yet
    Waiting,
    /// What became of items
    Outcomes,
}

#[derive(Serialize)]
struct Shown {
    list: ListName,
    #[serde(skip_serializing_if = "Option::is_none")]
    receipt: Option<ListStatus>,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<WaitingItems>,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    outcomes: Option<Latest>,
}

pub(super) async fn run(args: ShowArgs) -> Result<Exit, Failure> {
    let list = ListName::from(args.list);
    let client = args.node.connect()?.client;
    let doing = || Failure::node(format!("{list} list"));
    let wants = |part| args.only.is_none_or(|only| only == part);
    let receipt = match wants(Part::Receipt) {
        true => Some(client.list_status(list).await.map_err(doing())?),
        false => None,
    };
    let waiting = match wants(Part::Waiting) {
        true => Some(client.list_items(list, args.offset, args.limit).await.map_err(doing())?),
        false => None,
    };
    let outcomes = match wants(Part::Outcomes) {
        true => Some(outcomes::of_list(&client, list, args.limit).await?),
        false => None,
    };
    print(args.format, &Shown { list, receipt, waiting, outcomes }, drawn)?;
    Ok(Exit::Done)
}

fn drawn(shown: &Shown) -> String {
    let mut parts = Vec::new();
    if let Some(status) = &shown.receipt {
        parts.push(receipt::drawn(status, SystemTime::now().into()));
        parts.push(books_table(std::slice::from_ref(status)));
    }
    if let Some(waiting) = &shown.waiting {
        parts.push(match waiting.items.as_slice() {
            [] => format!("Nothing waits on the {} list.", shown.list),
            _ => waiting_table(waiting),
        });
        if let Some(next) = waiting.next_offset {
            parts.push(format!("More wait: --offset {next}"));
        }
    }
    if let Some(latest) = &shown.outcomes {
        let outcomes: Vec<Outcome> = latest.outcomes.iter().cloned().collect();
        parts.push(match outcomes.as_slice() {
            [] => format!("No item of the {} list has been worked off.", shown.list),
            outcomes => outcomes_table(outcomes),
        });
    }
    parts.join("\n\n")
}
