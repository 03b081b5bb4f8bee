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

    /// The same as FILE, as `serve` names it
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    config: Option<PathBuf>,

    /// The one in this data directory
    #[arg(long, value_name = "DIR", conflicts_with_all = ["file", "config"])]
    data: Option<PathBuf>,
}

impl WhichConfig {
    fn load(&self) -> Result<Loaded, config::ConfigErrors> {
        let environment = Environment::of_process();
        let in_data = self.data.as_ref().map(|data| data.join(DATA_CONFIG_FILE));
        let named = in_data.as_ref().or(self.config.as_ref()).or(self.file.as_ref());
        let source = ConfigSource::from_argument(named.map(PathBuf::as_path), &environment);
        config::load(&source, &environment)
    }
}
