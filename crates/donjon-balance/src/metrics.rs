//! The figures of the last runs as Prometheus text: the names of keep-balance, and ours beside them
//! (`spec/keep-balance.md` section 5.4).

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::time::Duration;

use keep_protocol::status::ListName;
use keep_rules::balance::{Category, Usage};

use crate::apply::{Applied, Sending};
use crate::once::Made;
use crate::phase::{Phase, Took};
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
    /// When the last run that sent its lists ended, in seconds since 1970, also before the start; nothing if none is known.
    pub last_success: Option<i64>,
    /// What the last run counted.
    pub last: Option<Latest>,
    /// How often each phase came to its end in runs that sent their lists or were held, and how many seconds that took in all.
    pub phases: BTreeMap<Phase, (u64, f64)>,
    /// The most replicas of a block that any run met: series above it never were.
    pub replicas_max: usize,
    /// The program and its configuration.
    pub about: About,
}

/// The program and its configuration.
#[derive(Clone, Debug, Default)]
pub struct About {
    /// The program's version.
    pub version: String,
    /// The file of the configuration, if there is one.
    pub config: Option<ConfigFile>,
}

/// A configuration that was read.
#[derive(Clone, Debug)]
pub struct ConfigFile {
    /// The SHA-256 of its text, in hex.
    pub sha256: String,
    /// When it was read, in seconds since 1970.
    pub loaded: f64,
    /// When it was changed last, in seconds since 1970.
    pub modified: f64,
}

impl Figures {
    /// Notes a run with a plan.
    pub fn note(&mut self, last: Latest) {
        let sent = last.applied.as_ref().map(|applied| applied.took.as_slice());
        for (phase, span) in
            last.made.took.iter().chain(sent.unwrap_or_default()).chain(&last.took_last)
        {
            let (count, seconds) = self.phases.entry(*phase).or_default();
            *count += 1;
            *seconds += span.as_secs_f64();
        }
        self.replicas_max = self.replicas_max.max(last.made.statistics.histogram().len());
        self.last = Some(last);
    }
}

/// What the last run with a plan counted.
#[derive(Debug)]
pub struct Latest {
    /// The plan.
    pub made: Made,
    /// What was sent, if it was.
    pub applied: Option<Applied>,
    /// What became of the confirmed columns, if they are written.
    pub confirmed: Option<Confirmed>,
    /// How long it took.
    pub took: Duration,
    /// How long its last phases took, after the lists were sent.
    pub took_last: Took,
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
    // Nought would look like a success of 1970, and ring after every start.
    if let Some(at) = figures.last_success {
        let name = "donjon_balance_last_success_timestamp_seconds";
        page.gauge(name, "When lists were last sent.", at);
    }
    let runs = figures.succeeded + figures.failed + figures.held;
    page.family("arvados_keepbalance_sweep_seconds", "summary", "How long runs took.");
    page.sample("arvados_keepbalance_sweep_seconds_sum", &[], figures.seconds);
    page.sample("arvados_keepbalance_sweep_seconds_count", &[], runs);
    for phase in Phase::ALL {
        let name = format!("arvados_keepbalance_{}_seconds", phase.as_str());
        let (count, seconds) = figures.phases.get(&phase).copied().unwrap_or_default();
        page.family(&name, "summary", "How long this phase of runs took.");
        page.sample(&format!("{name}_sum"), &[], seconds);
        page.sample(&format!("{name}_count"), &[], count);
    }
    about(&mut page, &figures.about);
    if let Some(last) = &figures.last {
        last_run(&mut page, last, figures.replicas_max);
    }
    page.0
}

fn about(page: &mut Page, about: &About) {
    if let Some(ConfigFile { sha256, loaded, modified }) = &about.config {
        let labels = [("sha256", sha256.as_str())];
        let source = "arvados_config_source_timestamp_seconds";
        page.family(source, "gauge", "Timestamp of the config file when it was loaded");
        page.sample(source, &labels, modified);
        let load = "arvados_config_load_timestamp_seconds";
        page.family(load, "gauge", "Time when the config file was loaded");
        page.sample(load, &labels, loaded);
    }
    page.family("arvados_version_running", "gauge", "Indicated version is running");
    page.sample("arvados_version_running", &[("version", &about.version)], 1);
}

fn last_run(page: &mut Page, last: &Latest, replicas_max: usize) {
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
    // Noughts above the highest, so that series of an earlier run do not go on for ever.
    let heights = sums.histogram().iter().chain(std::iter::repeat(&0)).take(replicas_max);
    for (replicas, blocks) in heights.enumerate() {
        let replicas = replicas.to_string();
        page.sample("arvados_keep_replicated_block_count", &[("replicas", &replicas)], blocks);
    }
    page.classes(&last.made);
    references(page, &last.made);
    page.outcomes(&last.made);
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

    /// The usage of each storage class (spec section 5.4).
    fn classes(&mut self, made: &Made) {
        type Count = fn(Usage) -> u64;
        let units: [(&str, Count); 3] = [
            ("blocks", |usage| usage.blocks),
            ("bytes", |usage| usage.bytes),
            ("replicas", |usage| usage.replicas),
        ];
        for (unit, count) in units {
            let name = format!("arvados_keep_usage_{unit}");
            self.family(
                &name,
                "gauge",
                "Blocks of a storage class, by what becomes of their replicas.",
            );
            for (class, used) in &made.classes {
                for (status, usage) in [
                    ("needed", used.needed),
                    ("unneeded", used.unneeded),
                    ("pulling", used.pulling),
                    ("unachievable", used.unachievable),
                ] {
                    let labels = [("storage_class", class.as_str()), ("status", status)];
                    self.sample(&name, &labels, count(usage));
                }
            }
        }
    }

    /// What became of the lists of the run before, and what failed again and again.
    fn outcomes(&mut self, made: &Made) {
        let name = "donjon_balance_outcomes";
        self.family(name, "gauge", "Items of the lists of the run before, by what became of them.");
        for list in ListName::ALL {
            let books = made.outcomes.total(list);
            let mut row = |outcome: &str, reason: &str, items: u64| {
                let labels = [("list", list.as_str()), ("outcome", outcome), ("reason", reason)];
                self.sample(name, &labels, items);
            };
            row("done", "", books.done);
            row("waiting", "", books.waiting.saturating_add(books.running));
            row("superseded", "", books.superseded);
            row("removed", "", books.removed);
            books.skipped.iter().for_each(|(reason, items)| row("skipped", reason, *items));
            books.failed.iter().for_each(|(reason, items)| row("failed", reason, *items));
        }
        let setbacks = &made.setbacks;
        let name = "donjon_balance_setbacks";
        self.family(name, "gauge", "What failed before and was decided again.");
        self.sample(name, &[("what", "waiting"), ("reason", "")], setbacks.waiting);
        self.sample(name, &[("what", "again"), ("reason", "")], setbacks.again);
        for (what, reasons) in [
            ("cannot_be_pulled", &setbacks.cannot_be_pulled),
            ("cannot_be_trashed", &setbacks.cannot_be_trashed),
        ] {
            for (reason, count) in reasons {
                self.sample(name, &[("what", what), ("reason", reason)], count);
            }
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_success_that_is_not_known_is_no_success_of_1970() {
        let name = "donjon_balance_last_success_timestamp_seconds";
        assert!(!text(&Figures::default()).contains(name));
        let figures = Figures { last_success: Some(17), ..Figures::default() };
        assert!(text(&figures).contains(&format!("\n{name} 17\n")));
    }
}
