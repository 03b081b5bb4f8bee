//! `donjon balance apply`

use std::path::PathBuf;

use donjon_balance::apply::{ApplyError, BrakesFor, apply};

use super::applied;
use super::setup::{SetupArgs, Spoken, now};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Format;

/// Send the lists of a plan, exactly as it says
///
/// Nodes and mounts must be as they were when the plan was made, no other list may have been sent since, and the plan must not
/// be too old. The digest says that you have looked at this very plan. No confirmed columns are written: the plan does not have
/// every collection and replica; the next `once` writes them.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon balance apply today.plan --digest 5f2c… --config /etc/arvados/config.yml
  donjon balance apply today.plan --digest 5f2c… --release-brakes --data /srv/keep

Exit status: 0 lists were sent, 1 something failed and the reason is on stderr,
4 the brakes hold the plan, or a node holds its list")]
pub(crate) struct ApplyArgs {
    /// The plan
    #[arg(value_name = "FILE")]
    plan: PathBuf,

    /// The plan's digest, as `donjon balance plan` printed it
    #[arg(long, value_name = "DIGEST")]
    digest: String,

    /// Send it though it changes an unusual share of what there is: once, this plan only
    #[arg(long)]
    release_brakes: bool,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    setup: SetupArgs,
}

pub(super) async fn run(args: ApplyArgs) -> Result<Exit, Failure> {
    let setup = args.setup.set_up(Spoken::Warnings).await?;
    let brakes = if args.release_brakes { BrakesFor::NotThisPlan } else { BrakesFor::Everything };
    let applied =
        apply(&args.plan, &args.digest, brakes, &setup.settings, &setup.servers, &setup.alone, now);
    match applied.await {
        Ok(applied) => applied::print(args.format, None, &applied),
        Err(ApplyError::Brakes(held)) => {
            super::show::held_reasons(&held);
            eprintln!("If it is meant so, say --release-brakes.");
            Ok(Exit::Partly)
        }
        Err(error) => Err(Failure::Other(error.to_string())),
    }
}
