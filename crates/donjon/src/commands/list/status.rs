//! `donjon list status`

use keep_protocol::status::{ListName, ListStatus};

use super::WhichList;
use super::books::{Books, Ledger};
use super::drawn::{books_table, gauges_table};
use super::follow::follow;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::{ManagementArgs, NodeArgs};
use crate::output::{Format, Output};

/// Show how far the lists are. Needs the admin token
///
/// received = waiting + running + done + skipped + failed + superseded + removed, always.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon list status --data /srv/keep
  donjon list status trash --data /srv/keep --watch
  donjon list status --url http://keep0:25107 --management-token \"$M\"    a plain keepstore tells less

With --json: one object a line for each list.")]
pub(crate) struct StatusArgs {
    /// Which list; both if none is named
    #[arg(value_enum)]
    list: Option<WhichList>,

    /// Follow until nothing waits or runs any more
    #[arg(long)]
    watch: bool,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    management: ManagementArgs,

    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn run(args: StatusArgs) -> Result<Exit, Failure> {
    let connection = args.node.connect()?;
    let ledger = Ledger::new(&connection, &args.management)?;
    let lists = args.list.map_or(ListName::ALL.to_vec(), |list| vec![list.into()]);
    if args.watch {
        for list in &lists {
            follow(&ledger, *list).await?;
        }
    }
    let mut books = Vec::with_capacity(lists.len());
    for list in lists {
        books.push(ledger.read(list).await?);
    }
    tell(args.format, books)?;
    Ok(Exit::Done)
}

fn tell(format: Format, books: Vec<Books>) -> Result<(), Failure> {
    let mut output = Output::stdout();
    if format.json {
        books.iter().try_for_each(|books| output.json(books))?;
        return output.flush();
    }
    let mut full: Vec<ListStatus> = Vec::new();
    for books in books {
        match books {
            Books::Full(status) => full.push(status),
            Books::Gauges(gauges) => output.line(gauges_table(gauges))?,
        }
    }
    if !full.is_empty() {
        output.line(books_table(&full))?;
    }
    output.flush()
}
