//! `donjon balance status`

use std::io::ErrorKind;
use std::path::Path;

use donjon_balance::history::{Ended, History, RunRecord};
use donjon_balance::lock::{Lock, LockError};
use keep_rules::Timestamp;
use serde_json::json;

use super::setup::SetupArgs;
use super::{applied, looked_back, lost};
use crate::counted::counted;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, Output};
use crate::{table, utc};

/// Why a run did not end.
const KILLED: &str = "it was killed, or the machine stopped";

/// The longest reason of an earlier run.
const WHY_CHARS_MAX: usize = 160;

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
4 it was held, failed or was killed, or blocks are lost, 3 there was none, 1 the state
directory cannot be read.
A plan that `apply` refuses (another digest, too old, sent already) is no run.")]
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
    if !is_there(&dir)? {
        return none_yet(&dir, args.format);
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
    Ok(runs.last().map_or(Exit::NotFound, exit))
}

/// As the run itself ends: lost blocks are not well, whatever was sent.
fn exit(last: &RunRecord) -> Exit {
    let is_lost = last.found.is_some_and(|found| found.lost > 0);
    match last.ended {
        Ended::Running | Ended::Sent | Ended::Planned if !is_lost => Exit::Done,
        Ended::Running | Ended::Sent | Ended::Planned => Exit::Partly,
        Ended::Killed | Ended::Held | Ended::Failed => Exit::Partly,
    }
}

/// Whether the directory is there. That it cannot be looked at is no sign that it is not.
fn is_there(dir: &Path) -> Result<bool, Failure> {
    match std::fs::metadata(dir) {
        Ok(there) if there.is_dir() => Ok(true),
        Ok(_) => Err(Failure::Other(format!("{} is no directory", dir.display()))),
        Err(error) if error.kind() == ErrorKind::NotFound => Ok(false),
        Err(error) => Err(Failure::local(format!("cannot look at {}", dir.display()))(error)),
    }
}

/// No balancer has begun a run with this state directory.
fn none_yet(dir: &Path, format: Format) -> Result<Exit, Failure> {
    if format.json {
        let mut output = Output::stdout();
        output.json(&json!({ "at_work": false, "runs": [] }))?;
        output.flush()?;
    }
    eprintln!(
        "donjon: there was no run yet: there is no state directory {}; the first `donjon balance once` or `run` makes it",
        dir.display()
    );
    Ok(Exit::NotFound)
}

fn text(runs: &[RunRecord], at_work: bool) -> String {
    let Some((last, earlier)) = runs.split_last() else {
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
    let why: Vec<String> = earlier.iter().filter_map(why).collect();
    if !why.is_empty() {
        lines.push("Earlier runs that sent nothing, or not all:".to_owned());
        lines.extend(why);
        lines.push(String::new());
    }
    lines.extend(details(last));
    lines.push(if at_work {
        "A balancer is at work now.".to_owned()
    } else {
        "No balancer is at work now.".to_owned()
    });
    lines.join("\n")
}

/// Why a run sent nothing, or not all, on one line.
fn why(run: &RunRecord) -> Option<String> {
    let why = match run.ended {
        Ended::Running | Ended::Sent | Ended::Planned => return None,
        Ended::Killed => KILLED.to_owned(),
        Ended::Held | Ended::Failed => run.why.join("; "),
    };
    let begun = utc::text(Timestamp::from_nanos(run.begun_at));
    Some(format!("{begun}  {}: {}", run.ended.as_str(), cut(&why)))
}

/// The beginning of a reason: the whole stands in the JSON.
fn cut(why: &str) -> String {
    match why.char_indices().nth(WHY_CHARS_MAX) {
        Some((end, _)) => format!("{}…", &why[..end]),
        None => why.to_owned(),
    }
}

fn took(seconds: f64) -> String {
    format!("{seconds:.1} s")
}

/// What there is to know of the last run.
fn details(last: &RunRecord) -> Vec<String> {
    let mut lines = vec![format!("The last run: {}", last.ended.as_str())];
    lines.extend(last.why.iter().map(|why| format!("why     {why}")));
    if last.ended == Ended::Killed {
        lines.push(format!("why     {KILLED}. The next run clears what it does not know"));
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
            "later   {} and {} left to later runs",
            counted(sent.pulls_deferred, "pull"),
            counted(sent.trashes_deferred, "trash")
        ));
    }
    lines.extend(
        last.confirmed.map(|written| format!("columns {} written", counted(written, "collection"))),
    );
    lines.extend(last.frozen.iter().map(|url| applied::frozen(url)));
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
            lines.push(format!("before  not told by {}", counted(before.nodes_silent, "node")));
        }
    }
    if let Some(setbacks) = &last.setbacks {
        lines.extend(looked_back::setbacks(setbacks, 0));
    }
    lines
}

#[cfg(test)]
mod tests {
    use donjon_balance::history::Asked;

    use super::*;

    fn run(second: i64, ended: Ended, why: &[&str]) -> RunRecord {
        let mut run = RunRecord::begin(Asked::Once, Timestamp::from_seconds(second));
        run.ended = ended;
        run.why = why.iter().map(|why| (*why).to_owned()).collect();
        run
    }

    #[test]
    fn every_run_that_sent_nothing_says_why_on_one_line() {
        let long = "ä".repeat(1000);
        let runs = [
            run(0, Ended::Failed, &["the node does not answer"]),
            run(1, Ended::Sent, &[]),
            run(2, Ended::Held, &["too much", "too many"]),
            run(3, Ended::Killed, &[]),
            run(4, Ended::Failed, &[&long]),
            run(5, Ended::Failed, &["the last one"]),
        ];
        let text = text(&runs, false);
        let cut = format!("1970-01-01 00:00:04Z  failed: {}…\n", "ä".repeat(160));
        for line in [
            "1970-01-01 00:00:00Z  failed: the node does not answer\n",
            "1970-01-01 00:00:02Z  held: too much; too many\n",
            "1970-01-01 00:00:03Z  killed: it was killed, or the machine stopped\n",
            &cut,
            "why     the last one\n",
        ] {
            assert!(text.contains(line), "{line}{text}");
        }
    }
}
