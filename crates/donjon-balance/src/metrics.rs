//! The figures of the last runs as Prometheus text: the names of keep-balance, and ours beside them
//! (`spec/keep-balance.md` section 5.4).

use std::fmt::Write as _;
use std::time::Duration;

use keep_rules::balance::{Category, Usage};

use crate::apply::{Applied, Sending};
use crate::once::Made;
use crate::postgres::Confirmed;

/// What a balancer has done since its start.
#[derive(Debug, Default)]
pub struct Figures {
    /// Runs that sent their lists.
    pub succeeded: u64,
    /// Runs that failed.
    pub failed: u64,
    /// Runs that brakes held.
    pub held: u64,
    /// Seconds of all runs together.
    pub seconds: f64,
    /// When the last run that sent its lists ended, in seconds since 1970; 0 if there was none.
    pub last_success: i64,
    /// What the last run counted.
    pub last: Option<LastRun>,
}

/// What the last run with a plan counted.
#[derive(Debug)]
pub struct LastRun {
    /// The plan.
    pub made: Made,
    /// What was sent, if it was.
    pub applied: Option<Applied>,
    /// What became of the confirmed columns, if they are written.
    pub confirmed: Option<Confirmed>,
    /// How long it took.
    pub took: Duration,
}

/// The metrics page.
pub fn text(figures: &Figures) -> String {
    let mut page = Page(String::new());
    page.family("donjon_balance_runs_total", "counter", "Runs by how they ended.");
    for (outcome, runs) in
        [("succeeded", figures.succeeded), ("failed", figures.failed), ("held", figures.held)]
    {
        page.sample("donjon_balance_runs_total", &[("outcome", outcome)], runs);
    }
    page.gauge(
        "donjon_balance_last_success_timestamp_seconds",
        "When lists were last sent.",
        figures.last_success,
    );
    let runs = figures.succeeded + figures.failed + figures.held;
    page.family("arvados_keepbalance_sweep_seconds", "summary", "How long runs took.");
    page.sample("arvados_keepbalance_sweep_seconds_sum", &[], figures.seconds);
    page.sample("arvados_keepbalance_sweep_seconds_count", &[], runs);
    if let Some(last) = &figures.last {
        last_run(&mut page, last);
    }
    page.0
}

fn last_run(page: &mut Page, last: &LastRun) {
    let sums = &last.made.statistics;
    page.usage("total", "Blocks there are or should be.", sums.total());
    page.usage("desired", "Blocks that are wanted.", sums.desired());
    page.usage(
        "unachievable",
        "Blocks that cannot have as many copies as wanted.",
        sums.unachievable(),
    );
    for category in Category::ALL {
        page.usage(category.as_str(), category.sentence(), sums.category(category));
    }
    page.family(
        "arvados_keep_replicated_block_count",
        "gauge",
        "Blocks by the number of their replicas.",
    );
    for (replicas, blocks) in sums.histogram().iter().enumerate() {
        let replicas = replicas.to_string();
        page.sample("arvados_keep_replicated_block_count", &[("replicas", &replicas)], blocks);
    }
    references(page, &last.made);
    page.gauge(
        "donjon_balance_unknown_classes",
        "Storage classes that collections want and no mount offers.",
        last.made.unknown_classes.len(),
    );
    page.gauge(
        "donjon_balance_held",
        "Reasons for which brakes hold the last plan.",
        if last.applied.is_some() { 0 } else { last.made.held.len() },
    );
    page.gauge(
        "donjon_balance_last_run_seconds",
        "How long the last run took.",
        last.took.as_secs_f64(),
    );
    if let Some(confirmed) = &last.confirmed {
        page.confirmed(confirmed);
    }
    if let Some(applied) = &last.applied {
        let sum = |of: fn(&crate::apply::AppliedTo) -> Option<&Sending>,
                   what: fn(&Sending) -> u64| {
            applied.servers.iter().filter_map(of).map(what).sum::<u64>()
        };
        page.entries(
            "pull",
            sum(|to| to.pulls.as_ref(), |it| it.sent),
            sum(|to| to.pulls.as_ref(), |it| it.deferred),
        );
        page.entries(
            "trash",
            sum(|to| to.trashes.as_ref(), |it| it.sent),
            sum(|to| to.trashes.as_ref(), |it| it.deferred),
        );
    }
}

fn references(page: &mut Page, made: &Made) {
    let references: u64 = made.references.iter().map(|read| read.references).sum();
    let bytes: u64 = made.references.iter().map(|read| read.bytes).sum();
    page.gauge(
        "arvados_keep_reference_count",
        "Blocks that collections name, with repetitions.",
        references,
    );
    page.gauge("arvados_keep_collection_bytes", "Their bytes.", bytes);
    page.gauge(
        "arvados_keep_referenced_blocks",
        "Distinct blocks that collections name.",
        made.referenced_blocks,
    );
    page.gauge("arvados_keep_referenced_bytes", "Their bytes.", made.referenced_bytes);
    if made.referenced_blocks > 0 {
        page.gauge(
            "arvados_keep_dedup_block_ratio",
            "References for each distinct block.",
            references as f64 / made.referenced_blocks as f64,
        );
    }
    if made.referenced_bytes > 0 {
        page.gauge(
            "arvados_keep_dedup_byte_ratio",
            "Referenced bytes for each distinct byte.",
            bytes as f64 / made.referenced_bytes as f64,
        );
    }
}

/// A page that grows.
struct Page(String);

impl Page {
    fn family(&mut self, name: &str, kind: &str, help: &str) {
        self.line(format_args!("# HELP {name} {help}\n# TYPE {name} {kind}"));
    }

    fn sample(&mut self, name: &str, labels: &[(&str, &str)], value: impl std::fmt::Display) {
        if labels.is_empty() {
            return self.line(format_args!("{name} {value}"));
        }
        let labels: Vec<String> =
            labels.iter().map(|(name, value)| format!("{name}={value:?}")).collect();
        self.line(format_args!("{name}{{{}}} {value}", labels.join(",")));
    }

    fn gauge(&mut self, name: &str, help: &str, value: impl std::fmt::Display) {
        self.family(name, "gauge", help);
        self.sample(name, &[], value);
    }

    fn usage(&mut self, what: &str, help: &str, usage: Usage) {
        for (unit, value) in
            [("blocks", usage.blocks), ("bytes", usage.bytes), ("replicas", usage.replicas)]
        {
            self.gauge(&format!("arvados_keep_{what}_{unit}"), help, value);
        }
    }

    /// Gauges in spite of their names, as keep-balance has them.
    fn entries(&mut self, list: &str, sent: u64, deferred: u64) {
        self.gauge(
            &format!("arvados_keep_{list}_entries_sent_count"),
            "Entries that nodes took.",
            sent,
        );
        self.gauge(
            &format!("arvados_keep_{list}_entries_deferred_count"),
            "Entries left to a later run.",
            deferred,
        );
    }

    fn confirmed(&mut self, confirmed: &Confirmed) {
        let name = "donjon_balance_confirmed_collections";
        self.family(name, "gauge", "Collections by what became of their confirmed columns.");
        let outcomes = [
            ("written", confirmed.written),
            ("unchanged", confirmed.unchanged),
            ("changed_since", confirmed.changed_since),
            ("too_new", confirmed.too_new),
            ("failed", confirmed.failed),
        ];
        for (outcome, collections) in outcomes {
            self.sample(name, &[("outcome", outcome)], collections);
        }
    }

    fn line(&mut self, line: std::fmt::Arguments<'_>) {
        writeln!(self.0, "{line}").expect("a text takes everything");
    }
}
