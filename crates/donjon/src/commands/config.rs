//! `donjon config`: what a node would make of a configuration.

mod check;
mod dump;

use std::path::PathBuf;

use donjon_node::config::{self, ConfigSource, DATA_CONFIG_FILE, Environment, Loaded};

use crate::exit::Exit;
use crate::failure::Failure;

/// Check a configuration, or show what a node makes of it
#[derive(Debug, clap::Subcommand)]
#[command(arg_required_else_help = true)]
pub(crate) enum ConfigCommand {
    Check(check::CheckArgs),
    Dump(dump::DumpArgs),
}

pub(crate) fn run(command: ConfigCommand) -> Result<Exit, Failure> {
    match command {
        ConfigCommand::Check(args) => check::run(args),
        ConfigCommand::Dump(args) => dump::run(args),
    }
}

/// Which configuration.
#[derive(Debug, clap::Args)]
struct WhichConfig {
    /// The file; - is standard input. Otherwise $ARVADOS_CONFIG, else /etc/arvados/config.yml
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,

    /// The one in this data directory
    #[arg(long, value_name = "DIR", conflicts_with = "file")]
    data: Option<PathBuf>,
}

impl WhichConfig {
    fn load(&self) -> Result<Loaded, config::ConfigErrors> {
        let environment = Environment::of_process();
        let in_data = self.data.as_ref().map(|data| data.join(DATA_CONFIG_FILE));
        let source =
            ConfigSource::from_argument(in_data.as_deref().or(self.file.as_deref()), &environment);
        config::load(&source, &environment)
    }
}
