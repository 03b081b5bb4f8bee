//! `donjon balance once`

use donjon_balance::once::RunError;

use super::applied;
use super::confirming::ConfirmArgs;
use super::setup::{SetupArgs, Spoken};
use super::show;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Format;

/// One run: make a plan, and send it unless something is odd
///
/// All nodes must answer, every index must be whole, every source of references must be complete; otherwise nothing is sent.
/// Pull lists are sent before trash lists. With a database, the confirmed columns of its collections are written last (at most
/// BalanceUpdateLimit rows). A run that would trash or has lost an unusual share of what there is stops: look
/// at its plan and, if it is meant so, apply it by its digest.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon balance once --config /etc/arvados/config.yml
  donjon balance once --data /srv/keep --json

Exit status: 0 lists were sent, 1 something failed and the reason is on stderr,
4 the brakes hold the plan, a node holds its list, or blocks are lost")]
pub(crate) struct OnceArgs {
    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    setup: SetupArgs,

    #[command(flatten)]
    confirm: ConfirmArgs,
}

pub(super) async fn run(args: OnceArgs) -> Result<Exit, Failure> {
    let mut setup = args.setup.set_up(Spoken::Warnings).await?;
    args.confirm.apply(&mut setup.settings);
    match setup.run().once().await {
        Ok(done) => applied::print(args.format, Some(&done), &done.applied),
        Err(RunError::Held(made)) => {
            applied::print_held(args.format, &made)?;
            show::held(&made);
            Ok(Exit::Partly)
        }
        Err(error) => Err(Failure::Other(error.to_string())),
    }
}
