//! `donjon list`: the trash list and the pull list of a node.

mod books;
mod drawn;
mod follow;
mod put;
mod show;
mod status;

use keep_protocol::status::ListName;

use crate::exit::Exit;
use crate::failure::Failure;

pub(crate) use drawn::books_table;
pub(crate) use follow::Bar;
pub(crate) use show::all_outcomes;

/// Send a node its trash or pull list, and see what becomes of it
#[derive(Debug, clap::Subcommand)]
#[command(arg_required_else_help = true)]
pub(crate) enum ListCommand {
    Show(show::ShowArgs),
    Put(put::PutArgs),
    Status(status::StatusArgs),
}

pub(crate) async fn run(command: ListCommand) -> Result<Exit, Failure> {
    match command {
        ListCommand::Show(args) => show::run(args).await,
        ListCommand::Put(args) => put::run(args).await,
        ListCommand::Status(args) => status::run(args).await,
    }
}

/// Which list, as an argument.
#[derive(Clone, Copy, Debug, PartialEq, Eq, clap::ValueEnum)]
enum WhichList {
    /// Blocks to trash
    Trash,
    /// Blocks to pull from other nodes
    Pull,
}

impl From<WhichList> for ListName {
    fn from(list: WhichList) -> Self {
        match list {
            WhichList::Trash => ListName::Trash,
            WhichList::Pull => ListName::Pull,
        }
    }
}
