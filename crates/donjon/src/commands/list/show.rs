//! `donjon list show`

use std::collections::VecDeque;

use keep_protocol::client::KeepClient;
use keep_protocol::status::{ListName, Outcome, WaitingItems};
use serde::Serialize;

use super::WhichList;
use super::drawn::{outcomes_table, waiting_table};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::NodeArgs;
use crate::output::{Format, print};

/// How many outcomes to ask for at once.
const PAGE: u64 = 1000;

/// Show the items that wait, and what became of the others. Needs the admin token
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon list show trash --data /srv/keep
  donjon list show pull --data /srv/keep --only outcomes --limit 1000 --json

With --json: one object, {\"waiting\": …, \"outcomes\": […]}. The node remembers a bounded number of outcomes;
\"first_kept\" is the number of the oldest one. A plain keepstore cannot show its lists (exit status 1).")]
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
    /// The items that no worker has had yet
    Waiting,
    /// What became of items
    Outcomes,
}

#[derive(Serialize)]
struct Shown {
    list: ListName,
    #[serde(skip_serializing_if = "Option::is_none")]
    waiting: Option<WaitingItems>,
    #[serde(skip_serializing_if = "Option::is_none", flatten)]
    outcomes: Option<Latest>,
}

#[derive(Serialize)]
struct Latest {
    outcomes: VecDeque<Outcome>,
    first_kept: u64,
}

pub(super) async fn run(args: ShowArgs) -> Result<Exit, Failure> {
    let list = ListName::from(args.list);
    let client = args.node.connect()?.client;
    let doing = || Failure::node(format!("{list} list"));
    let waiting = match args.only {
        None | Some(Part::Waiting) => {
            Some(client.list_items(list, args.offset, args.limit).await.map_err(doing())?)
        }
        Some(Part::Outcomes) => None,
    };
    let outcomes = match args.only {
        None | Some(Part::Outcomes) => Some(latest(&client, list, args.limit).await?),
        Some(Part::Waiting) => None,
    };
    print(args.format, &Shown { list, waiting, outcomes }, drawn)?;
    Ok(Exit::Done)
}

/// Every outcome of a list that the node remembers, oldest first.
pub(crate) async fn all_outcomes(
    client: &KeepClient,
    list: ListName,
) -> Result<Vec<Outcome>, Failure> {
    Ok(latest(client, list, u64::MAX).await?.outcomes.into())
}

/// The last `limit` outcomes, oldest first: all that are kept are read, page by page.
async fn latest(client: &KeepClient, list: ListName, limit: u64) -> Result<Latest, Failure> {
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut outcomes = VecDeque::new();
    let mut after = 0;
    loop {
        let page = client
            .list_outcomes(list, after, PAGE)
            .await
            .map_err(Failure::node(format!("{list} list")))?;
        let is_last = page.outcomes.is_empty();
        outcomes.extend(page.outcomes);
        outcomes.drain(..outcomes.len().saturating_sub(limit));
        if is_last || page.next_after <= after {
            return Ok(Latest { outcomes, first_kept: page.first_kept });
        }
        after = page.next_after;
    }
}

fn drawn(shown: &Shown) -> String {
    let mut parts = Vec::new();
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
