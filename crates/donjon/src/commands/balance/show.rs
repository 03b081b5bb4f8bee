//! A plan, for people.

use std::path::{Path, PathBuf};

use donjon_balance::once::Made;
use donjon_balance::orders::SetbackCounts;
use donjon_balance::outcomes::ServerOutcomes;
use donjon_balance::plan::{Footer, Header};
use keep_rules::balance::Category;
use keep_rules::brake::Brake;
use serde::Serialize;

use super::{looked_back, lost};
use crate::counted::counted;
use crate::table::{bytes, number, table, text};

/// A plan that was made just now.
#[derive(Serialize)]
pub(super) struct MadeShown {
    path: String,
    id: String,
    digest: String,
    collections: u64,
    wanted_blocks: u64,
    replicas: u64,
    replica_bytes: u64,
    trashes: u64,
    trash_bytes: u64,
    lost: u64,
    lost_first: Vec<String>,
    missing_report: Option<PathBuf>,
    underreplicated: u64,
    held: Vec<String>,
    unknown_classes: Vec<String>,
    cleared_because: Option<String>,
    outcomes: Vec<ServerOutcomes>,
    setbacks: SetbackCounts,
    setbacks_forgotten: u64,
    unachievable: u64,
    nodes_gone: Vec<String>,
    of_two_disks: Vec<String>,
    in_future: u64,
    #[serde(skip)]
    short_of_mounts: u64,
    #[serde(skip)]
    before: Vec<String>,
}

impl From<&Made> for MadeShown {
    fn from(made: &Made) -> Self {
        let blocks = |category| made.statistics.category(category).blocks;
        MadeShown {
            path: made.path.display().to_string(),
            id: made.id.clone(),
            digest: made.digest.to_string(),
            collections: made.size.collections,
            wanted_blocks: made.size.wanted_blocks,
            replicas: made.size.replicas,
            replica_bytes: made.size.bytes,
            trashes: made.size.trashed,
            trash_bytes: made.size.trashed_bytes,
            lost: made.lost_blocks(),
            lost_first: made.lost.iter().map(ToString::to_string).collect(),
            missing_report: made.missing_report.clone(),
            underreplicated: blocks(Category::Underreplicated),
            held: made.held.iter().map(ToString::to_string).collect(),
            unknown_classes: made.unknown_classes.clone(),
            cleared_because: made.cleared.clone(),
            outcomes: made.outcomes.servers.clone(),
            setbacks: made.setbacks.clone(),
            setbacks_forgotten: made.setbacks_forgotten,
            unachievable: made.statistics.unachievable().blocks,
            nodes_gone: made.nodes_gone.clone(),
            of_two_disks: made.of_two_disks.clone(),
            in_future: made.in_future,
            short_of_mounts: made.short_of_mounts,
            before: looked_back::lines(&made.outcomes),
        }
    }
}

impl MadeShown {
    pub(super) fn text(&self) -> String {
        let mut lines = vec![
            format!("plan    {}", self.path),
            format!("digest  {}", self.digest),
            format!(
                "found   {}, {}; {} wanted by {}",
                counted(self.replicas, "replica"),
                bytes(self.replica_bytes),
                counted(self.wanted_blocks, "block"),
                counted(self.collections, "collection")
            ),
            format!(
                "to do   {} to trash, {}; {} with too few copies; {} lost",
                self.trashes,
                bytes(self.trash_bytes),
                counted(self.underreplicated, "block"),
                self.lost
            ),
        ];
        if self.lost > 0 {
            let plan = Path::new(&self.path);
            lines.push(format!("LOST    {}", lost::line(self.lost, &self.lost_first, plan)));
            lines.push(format!("LOST    {}", lost::report(self.missing_report.as_deref())));
        }
        if self.short_of_mounts > 0 {
            lines.push(format!(
                "note    {} cannot have as many copies as wanted: there are too few volumes, or none in a wanted class",
                counted(self.short_of_mounts, "block")
            ));
        }
        if self.in_future > 0 {
            lines.push(format!(
                "alarm   {} with an mtime more than a day in the future, which never gets old: was a clock wrong, or a disk restored?",
                counted(self.in_future, "replica")
            ));
        }
        lines.extend(self.nodes_gone.iter().map(|url| {
            format!("alarm   {url} was asked in the run before, and is not configured any more; blocks that only it has look lost")
        }));
        lines.extend(self.of_two_disks.iter().map(|volume| format!("alarm   the volume {volume}")));
        lines.extend(self.before.iter().cloned());
        lines.extend(looked_back::setbacks(&self.setbacks, self.setbacks_forgotten));
        lines.extend(
            self.cleared_because.iter().map(|why| {
                format!("note    the trash lists of all nodes were cleared first: {why}")
            }),
        );
        lines.extend(self.unknown_classes.iter().map(|class| {
            format!("alarm   no mount offers the storage class {class:?}; nothing of its blocks is trashed")
        }));
        lines.extend(self.held.iter().map(|why| format!("HELD    {why}")));
        lines.join("\n")
    }
}

/// Says why a plan was not sent, and what to do.
pub(super) fn held(made: &Made) {
    held_reasons(&made.held);
    let (plan, digest) = (made.path.display(), made.digest);
    eprintln!(
        "Look at it: donjon balance plan show {plan}\n\
         If it is meant so, with the same --config or --data:\n\
         donjon balance apply {plan} --digest {digest} --release-brakes"
    );
}

/// Says why a plan was not sent.
pub(super) fn held_reasons(reasons: &[Brake]) {
    eprintln!("donjon: nothing was sent; the brakes hold the plan:");
    for reason in reasons {
        let never = if reason.can_be_released() { "" } else { " (this cannot be released)" };
        eprintln!("  {reason}{never}");
    }
}

/// The first and the last line of a plan, as a person reads them.
pub(super) fn plan(header: &Header, footer: &Footer, digest: &str, lost: Option<&str>) -> String {
    let mut servers = table(["NODE", "PULLS", "PULL BYTES", "TRASHES", "TRASH BYTES"]);
    for (server, work) in header.servers.iter().zip(&footer.servers) {
        servers.add_row([
            server.url.as_str().into(),
            number(work.pulls),
            bytes(work.pull_bytes).into(),
            number(work.trashes),
            bytes(work.trash_bytes).into(),
        ]);
    }
    let mut indexes = table(["VOLUME", "VIA", "REPLICAS", "SHA-256"]);
    for index in &header.inputs.indexes {
        let via = header.servers.get(usize::from(index.via)).map_or("?", |server| &server.url);
        let digest = index.sha256.to_string();
        indexes.add_row([
            index.device.as_str().into(),
            via.into(),
            number(index.replicas),
            digest[..16].into(),
        ]);
    }
    let mut sources = table(["REFERENCES FROM", "COLLECTIONS", "REFERENCES"]);
    for source in &header.inputs.references {
        let name = format!("{} {}", source.kind, source.name);
        sources.add_row([name.into(), number(source.collections), number(source.references)]);
    }
    format!(
        "plan      {}\ndigest    {digest}\nmade at   {}\nblocks    {} looked at, {} referenced, {} in the plan, {} lost\n{}\n{}\n\n{}\n\n{}",
        header.id,
        crate::utc::text(header.made_at),
        footer.considered.blocks,
        footer.considered.referenced_blocks,
        footer.entries,
        footer.lost,
        lost.map(|line| format!("LOST      {line}\n")).unwrap_or_default(),
        text(&servers),
        text(&sources),
        text(&indexes),
    )
}
