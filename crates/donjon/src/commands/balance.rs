//! `donjon balance`: which blocks are wanted, which replicas there are, and the two lists of every node.

mod applied;
mod apply;
mod confirming;
mod decide;
mod forget;
mod looked_back;
mod lost;
mod once;
mod plan;
mod progress;
mod service;
mod setup;
mod show;
mod status;

use crate::exit::Exit;
use crate::failure::Failure;

/// Decide what to keep, copy and trash, and tell every node
///
/// A run reads which blocks are referenced and which replicas every node holds, and makes a plan: a file that says for each
/// block what is to be done and why. What is sent is a plan; what can be looked at first is the same plan.
#[derive(Debug, clap::Subcommand)]
#[command(arg_required_else_help = true)]
#[command(after_help = "\
Examples:
  donjon balance plan -o today.plan --config /etc/arvados/config.yml
  donjon balance plan show today.plan
  donjon balance plan explain today.plan acbd18db4cc2f85cedef654fccc4a4d8
  donjon balance apply today.plan --digest DIGEST --config /etc/arvados/config.yml
  donjon balance once --data /srv/keep
  donjon balance status --data /srv/keep
  donjon balance decide cases.json")]
pub(crate) enum BalanceCommand {
    Once(once::OnceArgs),
    Run(service::ServiceArgs),
    Plan(plan::PlanArgs),
    Apply(apply::ApplyArgs),
    Status(status::StatusArgs),
    Forget(forget::ForgetArgs),
    Decide(decide::DecideArgs),
}

pub(crate) fn run(command: BalanceCommand) -> Result<Exit, Failure> {
    match command {
        BalanceCommand::Once(args) => work(once::run(args)),
        BalanceCommand::Run(args) => work(service::run(args)),
        BalanceCommand::Plan(args) => plan::run(args),
        BalanceCommand::Apply(args) => work(apply::run(args)),
        BalanceCommand::Status(args) => status::run(args),
        BalanceCommand::Forget(args) => forget::run(args),
        BalanceCommand::Decide(args) => decide::run(args),
    }
}

/// Runs a command that reads, sorts and decides: on all processors.
fn work(command: impl Future<Output = Result<Exit, Failure>>) -> Result<Exit, Failure> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    runtime.map_err(Failure::local("cannot start the runtime"))?.block_on(command)
}
