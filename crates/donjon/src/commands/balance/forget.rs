//! `donjon balance forget`

use donjon_balance::lock::Lock;
use donjon_balance::sent::Sent;
use serde_json::json;

use super::setup::SetupArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, Output};

/// Forget the trash list of a node that was stopped for good
///
/// A node that is not configured any more may still work on its last trash list. On volumes that other nodes see too, what
/// that list names counts as trashed for as long as the node is remembered. Forget it when it can trash nothing any more: its
/// process is stopped, and never starts again with its state directory. A configured node that is forgotten gets an empty
/// list first in the next run.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon balance forget http://keep3:25107/ --config /etc/arvados/config.yml
  donjon balance forget zzzzz-bi6l4-000000000000003 --data /srv/keep

Exit status: 0 it is forgotten, 3 no such node is remembered, and the others are named,
1 a balancer is at work, or the state directory cannot be written")]
pub(crate) struct ForgetArgs {
    /// Its address, as the balancer knew it, or its UUID
    #[arg(value_name = "NODE")]
    node: String,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    setup: SetupArgs,
}

pub(super) fn run(args: ForgetArgs) -> Result<Exit, Failure> {
    let dir = args.setup.state_dir()?;
    let failed = |error: &dyn std::error::Error| Failure::Other(error.to_string());
    let _lock = Lock::take(&dir).map_err(|error| failed(&error))?;
    let mut sent = Sent::load(&dir).map_err(|error| failed(&error))?;
    let is_forgotten = sent.forget(&args.node) || sent.forget(&format!("{}/", args.node));
    if is_forgotten {
        sent.store(&dir).map_err(|error| failed(&error))?;
    }
    let remembered: Vec<&str> = sent.remembered().map(|(_, url)| url).collect();
    let mut output = Output::stdout();
    if args.format.json {
        output.json(&json!({ "forgotten": is_forgotten, "remembered": remembered }))?;
    } else if is_forgotten {
        output.line(format!("{} is forgotten", args.node))?;
    }
    output.flush()?;
    if is_forgotten {
        return Ok(Exit::Done);
    }
    let others = if remembered.is_empty() { "nobody".to_owned() } else { remembered.join(", ") };
    eprintln!("donjon: {} is not remembered; these are: {others}", args.node);
    Ok(Exit::NotFound)
}
