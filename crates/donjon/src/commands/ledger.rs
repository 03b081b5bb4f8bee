//! `donjon ledger`: what a node did to its blocks, and the proof that nobody changed the record.

mod drawn;
mod export;
mod filters;
mod show;
mod verify;

use crate::exit::Exit;
use crate::failure::Failure;

pub(crate) use drawn::entries_table;

/// See, verify and export the record of every trash, untrash, emptying and pull
#[derive(Debug, clap::Subcommand)]
#[command(arg_required_else_help = true)]
pub(crate) enum LedgerCommand {
    Show(show::ShowArgs),
    Verify(verify::VerifyArgs),
    Export(export::ExportArgs),
}

pub(crate) async fn run(command: LedgerCommand) -> Result<Exit, Failure> {
    match command {
        LedgerCommand::Show(args) => show::run(args).await,
        LedgerCommand::Verify(args) => verify::run(args).await,
        LedgerCommand::Export(args) => export::run(args).await,
    }
}
