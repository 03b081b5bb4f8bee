//! One file per command. Each has its arguments, and `run`, which gives the exit status or the reason for none.

pub(crate) mod balance;
pub(crate) mod block;
pub(crate) mod completions;
pub(crate) mod config;
pub(crate) mod conformance;
pub(crate) mod demo;
pub(crate) mod freeze;
pub(crate) mod get;
pub(crate) mod index;
pub(crate) mod ledger;
pub(crate) mod list;
pub(crate) mod ls;
pub(crate) mod mounts;
pub(crate) mod put;
pub(crate) mod rm;
pub(crate) mod serve;
pub(crate) mod status;
pub(crate) mod untrash;

use std::future::Future;

use crate::cli::Command;
use crate::exit::Exit;
use crate::failure::Failure;

pub(crate) fn run(command: Command) -> Result<Exit, Failure> {
    match command {
        Command::Serve(args) => serve::run(args),
        Command::Demo(args) => talk(demo::run(args)),
        Command::Block(command) => talk(block::run(command)),
        Command::Index(args) => talk(index::run(args)),
        Command::Mounts(args) => talk(mounts::run(args)),
        Command::List(command) => talk(list::run(command)),
        Command::Untrash(args) => talk(untrash::run(args)),
        Command::Freeze(args) => talk(freeze::freeze(args)),
        Command::Unfreeze(args) => talk(freeze::unfreeze(args)),
        Command::Put(args) => talk(put::run(args)),
        Command::Get(args) => talk(get::run(args)),
        Command::Ls(args) => ls::run(args),
        Command::Rm(args) => talk(rm::run(args)),
        Command::Balance(command) => balance::run(command),
        Command::Ledger(command) => talk(ledger::run(command)),
        Command::Status(args) => talk(status::run(args)),
        Command::Config(command) => config::run(command),
        Command::Conformance(args) => talk(conformance::run(args)),
        Command::Completions(args) => completions::run(args),
    }
}

/// Runs a command that talks to a node: one thread is enough for it.
fn talk(command: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(Failure::local("cannot start the runtime"))?;
    let ended = runtime.block_on(command);
    // A thread that waits for a lock or a disk does not keep a command that was interrupted.
    runtime.shutdown_background();
    ended
}
