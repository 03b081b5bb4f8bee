//! `donjon block`: store, read, manage and explain single blocks.

mod each;
mod explain;
mod get;
mod head;
mod put;
mod touch;
mod trash;
mod untrash;

use crate::exit::Exit;
use crate::failure::Failure;

/// Store, read, manage and explain single blocks
#[derive(Debug, clap::Subcommand)]
#[command(arg_required_else_help = true)]
pub(crate) enum BlockCommand {
    Put(put::PutArgs),
    Get(get::GetArgs),
    Head(head::HeadArgs),
    Touch(touch::TouchArgs),
    Trash(trash::TrashArgs),
    Untrash(untrash::UntrashArgs),
    Explain(explain::ExplainArgs),
}

pub(crate) async fn run(command: BlockCommand) -> Result<Exit, Failure> {
    match command {
        BlockCommand::Put(args) => put::run(args).await,
        BlockCommand::Get(args) => get::run(args).await,
        BlockCommand::Head(args) => head::run(args).await,
        BlockCommand::Touch(args) => touch::run(args).await,
        BlockCommand::Trash(args) => trash::run(args).await,
        BlockCommand::Untrash(args) => untrash::run(args).await,
        BlockCommand::Explain(args) => explain::run(args).await,
    }
}
