//! `donjon balance plan`

mod diff;
mod explain;

use donjon_balance::plan::{PlanError, PlanFile, PlanReader};
use donjon_balance::planning::LOST_SHOWN;
use serde_json::json;
use std::path::{Path, PathBuf};

use super::lost;
use super::setup::{SetupArgs, Spoken};
use super::show::{self, MadeShown};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, Output, print};

/// Make a plan, and send no list of it
///
/// The plan is what would be sent: `donjon balance apply` sends exactly that. If it is not known what nodes still trash
/// from earlier lists, their trash lists are emptied first.
#[derive(Debug, clap::Args)]
#[command(args_conflicts_with_subcommands = true, subcommand_negates_reqs = true)]
#[command(after_help = "\
Examples:
  donjon balance plan -o today.plan --data /srv/keep
  donjon balance plan show today.plan
  donjon balance plan diff yesterday.plan today.plan
  donjon balance plan explain today.plan acbd18db4cc2f85cedef654fccc4a4d8

Exit status: 0 the plan is there, 4 it is, and brakes hold it or blocks are lost,
1 there is none and the reason is on stderr")]
pub(crate) struct PlanArgs {
    #[command(subcommand)]
    command: Option<PlanCommand>,

    /// Where to write it. Never overwritten
    #[arg(short, long, value_name = "FILE", required = true)]
    output: Option<PathBuf>,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    setup: SetupArgs,
}

/// Look at plans
#[derive(Debug, clap::Subcommand)]
enum PlanCommand {
    Show(ShowArgs),
    Diff(diff::DiffArgs),
    Explain(explain::ExplainArgs),
}

/// Verify a plan, and say what it was made from and what it does
#[derive(Debug, clap::Args)]
#[command(after_help = "\
With --json: the first and the last line of the plan, and its digest.
Every line of a plan is JSON: `jq` reads it.
Exit status: 0 every byte is as it was written, 1 it is damaged, and where")]
struct ShowArgs {
    /// The plan
    #[arg(value_name = "FILE")]
    plan: PathBuf,

    #[command(flatten)]
    format: Format,
}

pub(super) fn run(args: PlanArgs) -> Result<Exit, Failure> {
    match args.command {
        Some(PlanCommand::Show(args)) => show(args),
        Some(PlanCommand::Diff(args)) => diff::run(args),
        Some(PlanCommand::Explain(args)) => explain::run(args),
        None => super::work(make(args.output, args.format, args.setup)),
    }
}

async fn make(output: Option<PathBuf>, format: Format, setup: SetupArgs) -> Result<Exit, Failure> {
    let setup = setup.set_up(Spoken::Warnings).await?;
    let made = setup.run().plan(output).await.map_err(|error| Failure::Other(error.to_string()))?;
    let shown = MadeShown::from(&made);
    print(format, &shown, MadeShown::text)?;
    let is_well = made.held.is_empty() && made.lost_blocks() == 0;
    Ok(if is_well { Exit::Done } else { Exit::Partly })
}

fn show(args: ShowArgs) -> Result<Exit, Failure> {
    let mut plan = PlanFile::open(&args.plan).map_err(unreadable)?;
    plan.verify().map_err(unreadable)?;
    let digest = plan.digest().to_string();
    if args.format.json {
        let mut output = Output::stdout();
        output.json(&json!({
            "digest": digest,
            "header": **plan.header(),
            "footer": plan.footer(),
        }))?;
        output.flush()?;
    } else {
        let lost = plan.footer().lost;
        let first = if lost > 0 { first_lost(&args.plan)? } else { Vec::new() };
        let lost = (lost > 0).then(|| lost::line(lost, &first, &args.plan));
        let mut output = Output::stdout();
        output.line(show::plan(plan.header(), plan.footer(), &digest, lost.as_deref()))?;
        output.flush()?;
    }
    Ok(Exit::Done)
}

/// The first lost blocks of a plan.
fn first_lost(path: &Path) -> Result<Vec<String>, Failure> {
    let mut reader = PlanReader::open(path).map_err(unreadable)?;
    let mut first = Vec::new();
    while first.len() < LOST_SHOWN
        && let Some(entry) = reader.next_entry().map_err(unreadable)?
    {
        if entry.lost.is_some() {
            first.push(entry.block.hash.to_string());
        }
    }
    Ok(first)
}

/// Errors of plans say which file, where, and what to do.
fn unreadable(error: PlanError) -> Failure {
    Failure::Other(error.to_string())
}
