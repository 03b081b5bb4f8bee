//! `donjon list release`

use keep_protocol::status::ListName;

use super::WhichList;
use super::drawn::books_table;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::NodeArgs;
use crate::output::{Format, print};

/// Let a held list through. Needs the admin token
///
/// A trash list is held that names a large share of a volume, whose blocks are asked for again and again, or whose node
/// was away for long. Look first: `donjon list show trash` says why it is held, its id and its digest. Exactly that
/// list is let through, once; the next one is looked at again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon list show trash --data /srv/keep --only receipt
  donjon list release 7 --data /srv/keep \\
    --digest 2c26b46b68ffc68ff99b453c1d30413413422d706483bfa0f98a5e886266e7ae

With --json: the books of the list.
Exit status: 0 it is released, 1 it is not held, or another list is")]
pub(crate) struct ReleaseArgs {
    /// The id of the list
    #[arg(value_name = "ID")]
    id: u64,

    /// The SHA-256 of the list, in hex: that it is the list you have looked at
    #[arg(long, value_name = "DIGEST")]
    digest: String,

    /// Which of the node's lists
    #[arg(long, value_enum, default_value = "trash")]
    list: WhichList,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn run(args: ReleaseArgs) -> Result<Exit, Failure> {
    let list = ListName::from(args.list);
    let client = args.node.connect()?.client;
    let status = client
        .release_list(list, args.id, &args.digest)
        .await
        .map_err(Failure::node(format!("{list} list {}", args.id)))?;
    print(args.format, &status, |status| books_table(std::slice::from_ref(status)))?;
    Ok(Exit::Done)
}
