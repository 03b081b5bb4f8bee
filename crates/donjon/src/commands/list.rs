//! `donjon list`: the trash list and the pull list of a node.

mod act;
mod books;
mod drawn;
mod dry_run;
mod follow;
mod outcomes;
mod put;
mod receipt;
mod release;
mod remove;
mod set;
mod show;
mod status;

use keep_protocol::status::ListName;

use crate::exit::Exit;
use crate::failure::Failure;

pub(crate) use drawn::{books_table, outcomes_table};
pub(crate) use follow::Bar;

/// Send a node its trash or pull list, steer it, and see what becomes of it
#[derive(Debug, clap::Subcommand)]
#[command(arg_required_else_help = true)]
pub(crate) enum ListCommand {
    Show(show::ShowArgs),
    Put(put::PutArgs),
    Status(status::StatusArgs),
    Remove(remove::RemoveArgs),
    Pause(act::PauseArgs),
    Resume(act::ResumeArgs),
    Cancel(act::CancelArgs),
    Set(set::SetArgs),
    Release(release::ReleaseArgs),
}

pub(crate) async fn run(command: ListCommand) -> Result<Exit, Failure> {
    match command {
        ListCommand::Show(args) => show::run(args).await,
        ListCommand::Put(args) => put::run(args).await,
        ListCommand::Status(args) => status::run(args).await,
        ListCommand::Remove(args) => remove::run(args).await,
        ListCommand::Pause(args) => act::pause(args).await,
        ListCommand::Resume(args) => act::resume(args).await,
        ListCommand::Cancel(args) => act::cancel(args).await,
        ListCommand::Set(args) => set::run(args).await,
        ListCommand::Release(args) => release::run(args).await,
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
