//! `donjon balance plan explain`

use std::path::PathBuf;

use donjon_balance::orders::{PULL_FAILED, PULL_WAITS, TRASH_FAILED};
use donjon_balance::plan::{Entry, Fate, Header, PlanFile, Verification};
use keep_rules::Locator;
use keep_rules::balance::{KeepReason, PullReason, TrashReason};
use serde_json::json;

use super::unreadable;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, Output};

/// Say what a plan does with a block, and why
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Exit status: 0 the plan says something of the block,
3 it does not: there is nothing to do about it, or it is not there")]
pub(super) struct ExplainArgs {
    /// The plan
    #[arg(value_name = "FILE")]
    plan: PathBuf,

    /// The block, by its hash or a locator, as the plan prints it
    #[arg(value_name = "HASH")]
    block: Locator,

    /// Verify the whole plan first; otherwise only what is looked at
    #[arg(long)]
    verify: bool,

    #[command(flatten)]
    format: Format,
}

pub(super) fn run(args: ExplainArgs) -> Result<Exit, Failure> {
    let mut plan = PlanFile::open(&args.plan).map_err(unreadable)?;
    if args.verify {
        plan.verify().map_err(unreadable)?;
    }
    let hash = args.block.hash();
    let explained = plan.explain(hash).map_err(unreadable)?;
    let mut output = Output::stdout();
    if args.format.json {
        output.json(&json!({
            "hash": hash.to_string(),
            "entry": explained.entry,
            "verified": explained.verification == Verification::Whole,
        }))?;
    } else {
        match &explained.entry {
            Some(entry) => text(plan.header(), entry).iter().try_for_each(|line| output.line(line))?,
            None => output.line(format!(
                "The plan has nothing to do about {}: it has the copies that it should have, or nobody wants it and it is too new to be trashed, or there is no such block; `donjon block explain` says what a node has.",
                hash
            ))?,
        }
    }
    output.flush()?;
    Ok(if explained.entry.is_some() { Exit::Done } else { Exit::NotFound })
}

fn text(header: &Header, entry: &Entry) -> Vec<String> {
    let mut lines = vec![format!("{}", entry.block)];
    let wanted: Vec<String> =
        entry.wanted.iter().map(|(class, copies)| format!("{copies} in {class}")).collect();
    lines.push(if wanted.is_empty() {
        "wanted   nothing: no collection names it".to_owned()
    } else {
        format!("wanted   {}", wanted.join(", "))
    });
    for replica in &entry.replicas {
        let (what, reason) = match &replica.fate {
            Fate::Keep { reason } => ("keep ", reason.as_str()),
            Fate::Trash { reason, .. } => ("trash", reason.as_str()),
        };
        let doomed = if replica.doomed { ", on the trash list that was sent before" } else { "" };
        lines.push(format!(
            "{what}    {} (mtime {}{doomed}): {}",
            place(header, replica.mount),
            crate::utc::text(replica.mtime),
            sentence(reason)
        ));
    }
    for pull in &entry.pulls {
        let from: Vec<&str> = pull.from.iter().map(|server| url(header, *server)).collect();
        lines.push(format!(
            "pull     to {}, from {}: {}",
            place(header, pull.to),
            from.join(" or "),
            sentence(pull.reason.as_str())
        ));
    }
    if entry.lost.is_some() {
        lines.push("LOST     collections want it, and no node has a replica".to_owned());
    }
    lines.extend(entry.report.iter().map(|slug| format!("note     {}", sentence(slug.as_str()))));
    lines
}

fn place(header: &Header, mount: u16) -> String {
    match header.mounts.get(usize::from(mount)) {
        Some(mount) => format!("{} on {}", mount.uuid, url(header, mount.server)),
        None => format!("mount {mount}"),
    }
}

fn url(header: &Header, server: u16) -> &str {
    header.servers.get(usize::from(server)).map_or("?", |server| &server.url)
}

/// What a reason means. One that we do not know, from another version, is shown as it is.
fn sentence(slug: &str) -> String {
    if let Some(reason) = slug.strip_prefix(PULL_FAILED) {
        return format!("It could not be pulled when it was ordered last: {reason}.");
    }
    if let Some(reason) = slug.strip_prefix(TRASH_FAILED) {
        return format!("It could not be trashed when it was ordered last: {reason}.");
    }
    let kept = KeepReason::ALL.iter().map(|reason| (reason.as_str(), reason.sentence()));
    let trashed = TrashReason::ALL.iter().map(|reason| (reason.as_str(), reason.sentence()));
    let pulled = PullReason::ALL.iter().map(|reason| (reason.as_str(), reason.sentence()));
    let waits = PULL_WAITS;
    let reported = [
        ("size_differs", "It has another size than the block, so it does not count."),
        (
            "sizes_differ",
            "Replicas or collections disagree on the block's size: somebody should look.",
        ),
        ("unachievable", "Not as many copies can be had in some storage class as are wanted."),
        ("unknown_class", "Collections want it in a storage class that no mount offers."),
        (
            waits.as_str(),
            "A copy that it can do without failed lately, and is ordered again later.",
        ),
    ];
    kept.chain(trashed)
        .chain(pulled)
        .chain(reported)
        .find(|(known, _)| *known == slug)
        .map_or_else(|| slug.to_owned(), |(_, sentence)| sentence.to_owned())
}
