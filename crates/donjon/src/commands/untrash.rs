//! `donjon untrash`: everything that a list trashed comes back.

mod carry_out;
mod from_file;
mod from_ledger;
mod report;

use std::path::PathBuf;

use keep_rules::BlockHash;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::NodeArgs;
use crate::output::Format;
use crate::when::When;

/// Undo: restore all that a list trashed, or all that was trashed since a time
///
/// Needs the admin token. Reads the node's ledger, and untrashes every replica on the mount where it was, several at
/// once. What was untrashed or pulled again since is left alone, so that it can be interrupted and repeated. Restored
/// replicas get a new mtime: the next list cannot trash them at once. Stop the balancer first, or `donjon freeze`.
#[derive(Debug, clap::Args)]
#[command(group = clap::ArgGroup::new("what").required(true))]
#[command(after_help = "\
Examples:
  donjon untrash --list 7 --data /srv/keep --dry-run
  donjon untrash --list 7 --data /srv/keep
  donjon untrash --since \"2h ago\" --url http://keep0:25107 --token-file /etc/keep.token --json
  donjon untrash --from-file lost.locators --data /srv/keep

A line of the file is a hash, a locator or an index line (then every writable mount is tried),
or a record as `donjon ledger export` writes it (then the mount in it).
With --json: an object a line for each replica,
{\"hash\": …, \"mount_uuid\": …, \"result\": …, \"detail\": …}, where result is restored,
already_live (its place was occupied; that replica got a new mtime), not_in_trash or failed;
the last line is {\"summary\": …}.
Exit status: 0 everything is live, 4 some is not in the trash any more or failed,
3 the ledger knows no such list, 1 an error: repeat the command to go on")]
pub(crate) struct UntrashArgs {
    /// All that this trash list trashed
    #[arg(long, value_name = "ID", group = "what")]
    list: Option<u64>,

    /// All that was trashed at this time or later, by whatever list or request
    #[arg(long, value_name = "TIME", group = "what")]
    since: Option<When>,

    /// The blocks that this file names; - is standard input
    #[arg(long, value_name = "FILE", group = "what")]
    from_file: Option<PathBuf>,

    /// Only look what would be restored
    #[arg(long)]
    dry_run: bool,

    /// How many requests to send at once
    #[arg(long, value_name = "N", default_value_t = 8, value_parser = clap::value_parser!(u16).range(1..=64))]
    parallel: u16,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    node: NodeArgs,
}

/// A replica that should come back.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Wanted {
    hash: BlockHash,
    /// Where it was; none: every writable mount.
    mount: Option<String>,
}

/// What should come back, each replica once.
struct Selection {
    wanted: Vec<Wanted>,
    /// Replicas that were trashed, and came back since.
    back_before: u64,
}

/// Whether replicas are restored, or only looked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mode {
    Restore,
    Look,
}

pub(crate) async fn run(args: UntrashArgs) -> Result<Exit, Failure> {
    let client = args.node.connect()?.client;
    let selection = match (args.list, args.since, args.from_file) {
        (Some(list), ..) => match from_ledger::of_list(&client, list).await? {
            Some(selection) => selection,
            None => {
                eprintln!("donjon: the ledger has nothing that trash list {list} trashed");
                return Ok(Exit::NotFound);
            }
        },
        (None, Some(since), _) => from_ledger::since(&client, since.instant()).await?,
        (None, None, Some(file)) => from_file::read(&file)?,
        (None, None, None) => unreachable!("the command line requires one of them"),
    };
    let mode = if args.dry_run { Mode::Look } else { Mode::Restore };
    carry_out::all(&client, selection, mode, usize::from(args.parallel), args.format).await
}
