//! The command line as a whole. Each command's own arguments stand in its file.

use clap::{Parser, Subcommand};

use crate::commands::{
    balance, block, completions, config, conformance, demo, freeze, get, index, ledger, list, ls,
    mounts, put, rm, serve, status, untrash,
};

/// Columns of the help.
const HELP_WIDTH: usize = 100;

/// A storage node for Keep, and the command line to run and see it.
#[derive(Debug, Parser)]
#[command(name = "donjon", version, arg_required_else_help = true)]
#[command(after_help = AFTER_HELP, max_term_width = HELP_WIDTH)]
pub(crate) struct Cli {
    #[command(subcommand)]
    pub(crate) command: Command,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    Serve(serve::ServeArgs),
    Demo(demo::DemoArgs),
    #[command(subcommand)]
    Block(block::BlockCommand),
    Index(index::IndexArgs),
    Mounts(mounts::MountsArgs),
    #[command(subcommand)]
    List(list::ListCommand),
    Untrash(untrash::UntrashArgs),
    Freeze(freeze::FreezeArgs),
    Unfreeze(freeze::UnfreezeArgs),
    Put(put::PutArgs),
    Get(get::GetArgs),
    Ls(ls::LsArgs),
    Rm(rm::RmArgs),
    #[command(subcommand)]
    Balance(balance::BalanceCommand),
    #[command(subcommand)]
    Ledger(ledger::LedgerCommand),
    Status(status::StatusArgs),
    #[command(subcommand)]
    Config(config::ConfigCommand),
    Conformance(conformance::ConformanceArgs),
    Completions(completions::CompletionsArgs),
}

const AFTER_HELP: &str = "\
Examples:
  donjon demo                            see three nodes live the life of a store
  donjon serve --data /srv/keep          run a node of your own; makes its tokens at the first start
  donjon block put --data /srv/keep FILE store a file; prints a locator for each block of it
  donjon list status --data /srv/keep    see what its lists are doing
  donjon freeze --data /srv/keep         stop trashing and emptying, at once

Exit status:
  0  all of it was done
  1  it could not be done; the reason is on stderr
  2  the command line is wrong; nothing was tried
  3  the node has no such block, mount or list, or no such copy in its trash
  4  some of it was done, or something is not well: the output says what";

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;
    use crate::exit::Exit;

    #[test]
    fn the_command_line_is_consistent() {
        Cli::command().debug_assert();
    }

    /// clap breaks longer lines wherever it likes, and without their indent.
    #[test]
    fn no_line_below_the_help_is_longer_than_the_terminal_that_help_is_drawn_for() {
        fn check(command: &clap::Command) -> usize {
            let text = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            for line in text.lines() {
                assert!(line.chars().count() <= HELP_WIDTH, "{}: {line}", command.get_name());
            }
            1 + command.get_subcommands().map(check).sum::<usize>()
        }
        assert!(check(&Cli::command()) > 30, "every command is looked at");
    }

    #[test]
    fn the_help_has_every_exit_status() {
        for exit in [Exit::Done, Exit::Failed, Exit::Usage, Exit::NotFound, Exit::Partly] {
            assert!(AFTER_HELP.contains(&format!("\n  {}  ", exit.code())), "{exit:?}");
        }
    }
}
