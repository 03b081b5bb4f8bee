//! `donjon balance status`

use donjon_balance::history::{Ended, History, RunRecord};
use donjon_balance::lock::{Lock, LockError};
use keep_rules::Timestamp;
use serde_json::json;

use super::setup::SetupArgs;
use super::{looked_back, lost};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, Output};
use crate::{table, utc};

/// Show the last runs: when, how long, how they ended, what they did and what became of it
///
/// Reads the state directory alone: no node is asked, and a run that is at work is not disturbed.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon balance status --data /srv/keep
  donjon balance status --config /etc/arvados/config.yml --limit 50
  donjon balance status --state /var/lib/donjon/balance --json | jq '.runs[-1]'

With --json: one object, {\"at_work\": …, \"runs\": […]}, the newest run
last. Instants are nanoseconds since 1970.
The last 120 runs are remembered.

Exit status: 0 the last run sent its lists or made its plan, or is at work,
4 it was held, failed or was killed, 3 there was none, 1 the state directory cannot be read")]
pub(crate) struct StatusArgs {
    /// At most so many runs, the newest
    #[arg(long, value_name = "N", default_value_t = 10)]
    limit: usize,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    setup: SetupArgs,
}

pub(super) fn run(args: StatusArgs) -> Result<Exit, Failure> {
    let dir = args.setup.state_dir()?;
    if !dir.is_dir() {
        let what = format!("{}: there is no such state directory", dir.display());
        return Err(Failure::Other(what));
    }
    // Looked at first: a run that ends meanwhile is seen as one that was at work, not as one that was killed.
    let at_work = match Lock::look(&dir) {
        Ok(()) => false,
        Err(LockError::Taken { .. }) => true,
        Err(error @ (LockError::Lost { .. } | LockError::Io { .. })) => {
            return Err(Failure::Other(error.to_string()));
        }
    };
    let mut runs = History::load(&dir).map_err(|error| Failure::Other(error.to_string()))?.runs;
    for run in &mut runs {
        if run.ended == Ended::Running && !at_work {
            run.ended = Ended::Killed;
        }
    }
    runs.drain(..runs.len().saturating_sub(args.limit.max(1)));
    let mut output = Output::stdout();
    if args.format.json {
        output.json(&json!({ "at_work": at_work, "runs": runs }))?;
    } else {
        output.line(text(&runs, at_work))?;
    }
    output.flush()?;
    Ok(match runs.last().map(|run| run.ended) {
        None => Exit::NotFound,
        Some(Ended::Running | Ended::Sent | Ended::Planned) => Exit::Done,
        Some(Ended::Killed | Ended::Held | Ended::Failed) => Exit::Partly,
    })
}

fn text(runs: &[RunRecord], at_work: bool) -> String {
    let Some(last) = runs.last() else {
        return "No run is remembered here.".to_owned();
    };
    let mut table = table::table([
        "BEGUN",
        "TOOK",
        "ASKED",
        "ENDED",
        "REPLICAS",
        "TO TRASH",
        "SHORT",
        "LOST",
        "PULLS SENT",
        "TRASHES SENT",
    ]);
    for run in runs {
        let found = |what: fn(&donjon_balance::history::Found) -> u64| {
            run.found.as_ref().map_or_else(|| "-".into(), |found| table::number(what(found)))
        };
        let sent = run.sent.as_ref();
        table.add_row(vec![
            utc::text(Timestamp::from_nanos(run.begun_at)).into(),
            run.seconds.map_or_else(|| "-".to_owned(), took).into(),
            run.asked.as_str().into(),
            run.ended.as_str().into(),
            found(|found| found.replicas),
            found(|found| found.trashes),
            found(|found| found.underreplicated),
            found(|found| found.lost),
            sent.map_or_else(|| "-".into(), |sent| table::number(sent.pulls)),
            sent.map_or_else(|| "-".into(), |sent| table::number(sent.trashes)),
        ]);
    }
    let mut lines = vec![table::text(&table), String::new()];
    lines.extend(details(last));
    lines.push(if at_work {
        "A balancer is at work now.".to_owned()
    } else {
        "No balancer is at work now.".to_owned()
    });
    lines.join("\n")
}

fn took(seconds: f64) -> String {
    format!("{seconds:.1} s")
}

/// What there is to know of the last run.
fn details(last: &RunRecord) -> Vec<String> {
    let mut lines = vec![format!("The last run: {}", last.ended.as_str())];
    lines.extend(last.why.iter().map(|why| format!("why     {why}")));
    if last.ended == Ended::Killed {
        lines.push(
            "why     it was killed, or the machine stopped. The next run clears what it does not know"
                .to_owned(),
        );
    }
    if let Some(found) = last.found.filter(|found| found.lost > 0) {
        lines.push(format!(
            "LOST    {}; the plan and the report of BlobMissingReport name them",
            lost::sentence(found.lost)
        ));
    }
    if let (Some(plan), Some(digest)) = (&last.plan, &last.digest) {
        lines.push(format!("plan    {plan}, digest {digest}"));
    }
    if let Some(sent) = &last.sent
        && sent.pulls_deferred + sent.trashes_deferred > 0
    {
        lines.push(format!(
            "later   {} pulls and {} trashes were left to later runs",
            sent.pulls_deferred, sent.trashes_deferred
        ));
    }
    lines.extend(last.confirmed.map(|written| format!("columns {written} collections written")));
    lines.extend(
        last.cleared
            .iter()
            .map(|why| format!("note    the trash lists of all nodes were cleared first: {why}")),
    );
    if let Some(before) = &last.before {
        for (list, books) in [("pull", &before.pulls), ("trash", &before.trashes)] {
            if books.received > 0 {
                lines.push(format!("before  {list} lists: {}", looked_back::text(books)));
            }
        }
        if before.nodes_silent > 0 {
            lines.push(format!("before  {} nodes do not tell", before.nodes_silent));
        }
    }
    if let Some(setbacks) = &last.setbacks {
        lines.extend(looked_back::setbacks(setbacks, 0));
    }
    lines
}
