//! `donjon ledger show`

use std::collections::VecDeque;

use keep_protocol::status::LedgerEntry;

use super::entries_table;
use super::filters::FilterArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::NodeArgs;
use crate::output::{Format, Output};

/// Show records of the ledger. Needs the admin token
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon ledger show --data /srv/keep
  donjon ledger show --data /srv/keep --block acbd18db4cc2f85cedef654fccc4a4d8
  donjon ledger show --data /srv/keep --list 7 --operation trash --since \"2h ago\" --json

With --json: one object a line, oldest first. Exit status: 0 shown, 1 an error")]
pub(crate) struct ShowArgs {
    #[command(flatten)]
    filters: FilterArgs,

    /// At most so many records: the latest
    #[arg(long, value_name = "N", default_value_t = 100)]
    limit: usize,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn run(args: ShowArgs) -> Result<Exit, Failure> {
    let client = args.node.connect()?.client;
    let mut ledger = client.ledger(args.filters.query()).await.map_err(Failure::node("ledger"))?;
    let mut latest: VecDeque<LedgerEntry> = VecDeque::new();
    let mut left_out: u64 = 0;
    while let Some(entry) = ledger.next().await {
        latest.push_back(entry.map_err(Failure::node("ledger"))?);
        if latest.len() > args.limit {
            latest.pop_front();
            left_out += 1;
        }
    }
    tell(args.format, &latest, left_out)?;
    Ok(Exit::Done)
}

fn tell(format: Format, latest: &VecDeque<LedgerEntry>, left_out: u64) -> Result<(), Failure> {
    let mut output = Output::stdout();
    if format.json {
        latest.iter().try_for_each(|entry| output.json(entry))?;
        return output.flush();
    }
    if left_out > 0 {
        output.line(format_args!("{left_out} older records are left out; --limit shows more."))?;
    }
    if latest.is_empty() {
        output.line("The ledger has no such record.")?;
    } else {
        output.line(entries_table(latest))?;
    }
    output.flush()
}
