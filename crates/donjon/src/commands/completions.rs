//! `donjon completions`

use clap::CommandFactory;
use clap_complete::Shell;

use crate::cli::Cli;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// Print what makes a shell complete donjon's commands and options
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon completions bash > /etc/bash_completion.d/donjon
  donjon completions zsh > ~/.zfunc/_donjon
  donjon completions fish > ~/.config/fish/completions/donjon.fish")]
pub(crate) struct CompletionsArgs {
    shell: Shell,
}

pub(crate) fn run(args: CompletionsArgs) -> Result<Exit, Failure> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "donjon", &mut script);
    let mut output = Output::stdout();
    output.bytes(&script)?;
    output.flush()?;
    Ok(Exit::Done)
}
