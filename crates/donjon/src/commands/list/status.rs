//! `donjon list status`

use std::str::FromStr;
use std::time::SystemTime;

use clap::ValueEnum as _;
use keep_protocol::client::KeepClient;
use keep_protocol::status::{ListName, ListStatus};

use super::books::{Books, BooksReader};
use super::drawn::{books_table, gauges_table};
use super::follow::{Ended, follow};
use super::{WhichList, receipt};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::{ManagementArgs, NodeArgs};
use crate::output::{Format, Output, print};

/// Show how far the lists are. Needs the admin token
///
/// received = waiting + running + done + skipped + failed + superseded + removed, always.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon list status --data /srv/keep
  donjon list status trash --data /srv/keep --watch
  donjon list status 7 --data /srv/keep          trash list 7, also after others have replaced it
  donjon list status pull 12 --data /srv/keep
  donjon list status --url http://keep0:25107 --management-token \"$M\"

A plain keepstore tells less, and that only with its management token.
With --json: one object a line for each list.
Exit status: 0 shown, 3 the node does not remember that list, 1 an error")]
pub(crate) struct StatusArgs {
    /// Which list; both if none is named. A number alone is the id of a trash list
    #[arg(value_name = "LIST")]
    list: Option<ListOrId>,

    /// The id of an earlier list
    #[arg(value_name = "ID")]
    id: Option<u64>,

    /// Follow until nothing waits or runs any more, also if newer lists come
    #[arg(long, conflicts_with = "id")]
    watch: bool,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    management: ManagementArgs,

    #[command(flatten)]
    node: NodeArgs,
}

/// The first argument.
#[derive(Clone, Copy, Debug)]
enum ListOrId {
    List(WhichList),
    TrashList(u64),
}

impl FromStr for ListOrId {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if let Ok(list) = WhichList::from_str(text, false) {
            return Ok(ListOrId::List(list));
        }
        text.parse()
            .map(ListOrId::TrashList)
            .map_err(|_no_number| "possible values: trash, pull, or the id of a trash list")
    }
}

pub(super) async fn run(args: StatusArgs) -> Result<Exit, Failure> {
    let connection = args.node.connect()?;
    let by_id = match (args.list, args.id) {
        (Some(ListOrId::List(list)), Some(id)) => Some((ListName::from(list), id)),
        (Some(ListOrId::TrashList(id)), None) => Some((ListName::Trash, id)),
        (Some(ListOrId::TrashList(_)), Some(_)) => {
            return Err(Failure::Usage("two ids: name the list first, trash or pull".to_owned()));
        }
        (Some(ListOrId::List(_)) | None, None) | (None, Some(_)) => None,
    };
    if let Some((list, id)) = by_id {
        return one(&connection.client, list, id, args.format).await;
    }
    let chosen = match args.list {
        Some(ListOrId::List(list)) => Some(list),
        Some(ListOrId::TrashList(_)) | None => None,
    };
    let reader = BooksReader::new(&connection, &args.management)?;
    let lists = chosen.map_or(ListName::ALL.to_vec(), |list| vec![list.into()]);
    if args.watch {
        for list in &lists {
            while let Ended::Replaced(_) = follow(&reader, *list, None).await? {}
        }
    }
    let mut books = Vec::with_capacity(lists.len());
    for list in lists {
        books.push(reader.read(list).await?);
    }
    tell(args.format, books)?;
    Ok(Exit::Done)
}

/// A list of the past or of now, by its id.
async fn one(
    client: &KeepClient,
    list: ListName,
    id: u64,
    format: Format,
) -> Result<Exit, Failure> {
    let status =
        client.list_by_id(list, id).await.map_err(Failure::node(format!("{list} list {id}")))?;
    print(format, &status, |status| {
        let receipt = receipt::drawn(status, SystemTime::now().into());
        format!("{receipt}\n\n{}", books_table(std::slice::from_ref(status)))
    })?;
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
            Books::Full(status) => full.push(*status),
            Books::Gauges(gauges) => output.line(gauges_table(gauges))?,
        }
    }
    if !full.is_empty() {
        output.line(books_table(&full))?;
    }
    output.flush()
}
