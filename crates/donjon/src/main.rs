//! Donjon: a storage node for Keep, and the command line to run and see it.
//!
//! `main` parses, builds, runs. Every command is one file in `commands`.

mod cli;
mod cluster;
mod commands;
mod counted;
mod described;
mod exit;
mod failure;
mod go_flags;
mod listen;
mod locators;
mod manifests;
mod node;
mod output;
mod table;
mod transfer;
mod ttl;
mod utc;
mod when;
mod whole_file;

use std::process::ExitCode;

use clap::Parser;

use cli::Cli;
use exit::Exit;
use failure::Failure;

fn main() -> ExitCode {
    let cli = Cli::parse_from(go_flags::understood(std::env::args_os()));
    match commands::run(cli.command) {
        Ok(exit) => exit.into(),
        // Whoever read our output has had enough: `donjon index | head`.
        Err(Failure::ReaderLeft) => Exit::Done.into(),
        Err(failure) => {
            eprintln!("donjon: {failure}");
            failure.exit().into()
        }
    }
}
