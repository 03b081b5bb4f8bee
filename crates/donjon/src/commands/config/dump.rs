//! `donjon config dump`

use super::WhichConfig;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, Output};

/// Print the configuration as a node understands it: defaults filled in, secrets removed
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon config dump /etc/arvados/config.yml
  donjon config dump --data /srv/keep --json

Exit status: 0 printed, 1 no node can use it")]
pub(crate) struct DumpArgs {
    #[command(flatten)]
    which: WhichConfig,

    #[command(flatten)]
    format: Format,
}

pub(super) fn run(args: DumpArgs) -> Result<Exit, Failure> {
    let loaded = args.which.load().map_err(|errors| Failure::Other(errors.to_string()))?;
    let mut output = Output::stdout();
    if args.format.json {
        output.json(&loaded.config.to_json())?;
    } else {
        output.bytes(loaded.config.dump_yaml().as_bytes())?;
    }
    output.flush()?;
    Ok(Exit::Done)
}
