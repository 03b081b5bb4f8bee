//! `donjon list put`

use std::os::fd::AsFd;
use std::path::{Path, PathBuf};

use keep_protocol::client::{Body, IntakeMode, KeepClient, ListIntake, ListReceipt};
use keep_protocol::status::ListName;

use super::books::{Books, BooksReader};
use super::drawn::{books_table, gauges_table};
use super::follow::{Ended, follow};
use super::{WhichList, dry_run, receipt};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::{ManagementArgs, NodeArgs};
use crate::output::{Format, print};

/// Replace a list of the node. Needs the admin token
///
/// The list is a JSON array, as keep-balance sends it. What waits on the old list is given up; items that a worker
/// has are finished. If the new list is malformed, the old one stays.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
A trash item: {\"locator\": \"HASH+SIZE\", \"block_mtime\": NANOSECONDS, \"mount_uuid\": \"UUID\"}
A pull item:  {\"locator\": \"HASH+SIZE\", \"servers\": [\"http://host:25107\"], \"mount_uuid\": \"UUID\"}
mount_uuid may be empty: all mounts, or the best one.

Examples:
  donjon list put trash --data /srv/keep trash.json --dry-run
  donjon list put trash --data /srv/keep trash.json --wait
  echo '[]' | donjon list put pull --data /srv/keep -

With --json: the receipt, {\"id\": …, \"digest\": …, \"items\": …, \"state\": …, \"durable\": …};
with --wait the books; with --dry-run {\"receipt\": …, \"outcomes\": […], \"first_kept\": …}, where
receipt.would_be_held is there if the guard would hold the list, and says why.
A plain keepstore gives no receipt, and can do no dry run.
Exit status: 0 received (with --wait: and worked off),
4 with --wait or --dry-run: items failed or would fail, the list would be held, or a newer
list came,
1 an error: the old list stays if the new one was refused. With --wait it is also an error
that nobody works on the new list (paused, held, frozen): `donjon list show` tells.")]
pub(crate) struct PutArgs {
    #[arg(value_enum)]
    list: WhichList,

    /// The list; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Wait until the list is worked off, and tell what became of it
    #[arg(long)]
    wait: bool,

    /// Decide every item as in a real list and tell what would become of it; touch nothing, and leave the current list
    #[arg(long, conflicts_with = "wait")]
    dry_run: bool,

    /// The epoch of the sender: the node refuses a list with a lower one than the last that it took
    #[arg(long, value_name = "N")]
    epoch: Option<u64>,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    management: ManagementArgs,

    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn run(args: PutArgs) -> Result<Exit, Failure> {
    let list = ListName::from(args.list);
    let connection = args.node.connect()?;
    let mode = if args.dry_run { IntakeMode::DryRun } else { IntakeMode::Real };
    let sent = connection
        .client
        .put_list_as(list, ListIntake { epoch: args.epoch, mode }, body(&args.file)?)
        .await
        .map_err(Failure::node(format!("{list} list")))?;
    match (mode, &sent) {
        (IntakeMode::DryRun, Some(sent)) => {
            return dry_run::tell(&connection.client, list, sent, args.format).await;
        }
        (IntakeMode::DryRun, None) => {
            return Err(Failure::Other("the node gave no receipt for the dry run".to_owned()));
        }
        (IntakeMode::Real, _) if args.wait => {}
        (IntakeMode::Real, sent) => return tell_receipt(list, sent.as_ref(), args.format),
    }
    let reader = BooksReader::new(&connection, &args.management)?;
    let sent = sent.map(|receipt| receipt.id);
    let ended = follow(&reader, list, sent).await?;
    let books = match (&ended, sent) {
        // The current books are those of a list that somebody else has sent.
        (Ended::Replaced(_), Some(id)) => past(&connection.client, list, id).await?,
        (Ended::WorkedOff(books) | Ended::Replaced(books), _) => books.clone(),
    };
    print(args.format, &books, |books| match books {
        Books::Full(status) => books_table(std::slice::from_ref(status.as_ref())),
        Books::Gauges(gauges) => gauges_table(*gauges),
    })?;
    Ok(exit(&ended))
}

/// The books of a list that another one has replaced.
async fn past(client: &KeepClient, list: ListName, id: u64) -> Result<Books, Failure> {
    let status = client.list_by_id(list, id).await;
    let status = status.map_err(Failure::node(format!("{list} list {id}, which was replaced")))?;
    Ok(Books::Full(Box::new(status)))
}

/// A plain keepstore gives no receipt: then there is nothing to tell.
fn tell_receipt(
    list: ListName,
    sent: Option<&ListReceipt>,
    format: Format,
) -> Result<Exit, Failure> {
    if let Some(sent) = sent {
        print(format, sent, |sent| receipt::taken(list, sent))?;
    }
    Ok(Exit::Done)
}

/// The file as a stream: a list may be longer than memory.
fn body(path: &Path) -> Result<Body, Failure> {
    let cannot = || Failure::local(format!("cannot read {}", path.display()));
    let file = if path.as_os_str() == "-" {
        let stdin = std::io::stdin();
        stdin.as_fd().try_clone_to_owned().map_err(cannot())?.into()
    } else {
        std::fs::File::open(path).map_err(cannot())?
    };
    Ok(tokio::fs::File::from_std(file).into())
}

fn exit(ended: &Ended) -> Exit {
    match ended {
        Ended::WorkedOff(Books::Full(status)) if status.failed.values().sum::<u64>() > 0 => {
            Exit::Partly
        }
        Ended::WorkedOff(_) => Exit::Done,
        Ended::Replaced(_) => Exit::Partly,
    }
}
