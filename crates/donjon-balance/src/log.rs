//! What a run counted, for the log: operators of keep-balance look for these words (`spec/keep-balance.md` section 5.5).

use keep_protocol::status::ListName;
use keep_rules::balance::{Category, Usage};

use crate::apply::{Applied, Sending};
use crate::once::Made;
use crate::outcomes::Told;
use crate::postgres::Confirmed;

/// Says what a run found and decided, and what became of the lists before it.
pub(crate) fn log_made(made: &Made, applied: Option<&Applied>) {
    for class in &made.unknown_classes {
        tracing::error!(
            class,
            "no mount offers this storage class; nothing of its blocks is trashed"
        );
    }
    for url in &made.nodes_gone {
        tracing::error!(
            url,
            "a node of the run before is not configured any more; blocks that only it has look lost"
        );
    }
    if made.lost_blocks() > 0 {
        let first: Vec<String> = made.lost.iter().map(ToString::to_string).collect();
        tracing::error!(
            blocks = made.lost_blocks(),
            first = first.join(" "),
            plan = %made.path.display(),
            report = made.missing_report.as_ref().map(|path| path.display().to_string()),
            "blocks are LOST: collections name them, and no node has them"
        );
    }
    for volume in &made.of_two_disks {
        tracing::error!(volume, "a volume's UUID stands for two disks");
    }
    if made.in_future > 0 {
        tracing::warn!(replicas = made.in_future, "mtimes are more than a day in the future");
    }
    outcomes(made);
    let sums = &made.statistics;
    for (category, words) in [
        (Category::Lost, "lost (0=have<want)"),
        (Category::Underreplicated, "underreplicated (0<have<want)"),
        (Category::Balanced, "just right (have=want)"),
        (Category::Overreplicated, "overreplicated (have>want>0)"),
        (Category::Transient, "unreferenced (have>want=0, new)"),
        (Category::Garbage, "garbage (have>want=0, old)"),
    ] {
        usage(words, sums.category(category));
    }
    for (class, used) in &made.classes {
        for (words, counted) in [
            ("needed", used.needed),
            ("unneeded", used.unneeded),
            ("pulling", used.pulling),
            ("unachievable", used.unachievable),
        ] {
            usage(&format!("storage class {class:?}: {words}"), counted);
        }
    }
    usage("total commitment (excluding unreferenced)", sums.desired());
    usage("total usage", sums.total());
    for to in applied.into_iter().flat_map(|applied| &applied.servers) {
        let sent = |sending: &Option<Sending>| sending.as_ref().map_or(0, |sending| sending.sent);
        let later =
            |sending: &Option<Sending>| sending.as_ref().map_or(0, |sending| sending.deferred);
        tracing::info!(
            "{}: ChangeSet{{Pulls:{}, Trashes:{}}} Deferred{{Pulls:{}, Trashes:{}}}",
            to.url,
            sent(&to.pulls),
            sent(&to.trashes),
            later(&to.pulls),
            later(&to.trashes)
        );
    }
    for url in applied.into_iter().flat_map(Applied::frozen) {
        tracing::warn!(
            url,
            "the node is frozen: it takes lists and trashes nothing, until donjon unfreeze"
        );
    }
    let histogram: Vec<String> = sums.histogram().iter().map(ToString::to_string).collect();
    tracing::info!(blocks = histogram.join(" "), "replication: blocks with 0, 1, 2 … replicas");
}

fn usage(words: &str, usage: Usage) {
    let Usage { replicas, blocks, bytes } = usage;
    tracing::info!("{replicas} replicas ({blocks} blocks, {bytes} bytes) {words}");
}

fn outcomes(made: &Made) {
    for server in &made.outcomes.servers {
        for list in ListName::ALL {
            let Told::Books(books) = server.of(list) else { continue };
            let (skipped, failed) = (&books.skipped, &books.failed);
            tracing::info!(
                url = server.url,
                list = list.as_str(),
                received = books.received,
                done = books.done,
                waiting = books.waiting.saturating_add(books.running),
                superseded = books.superseded,
                removed = books.removed,
                ?skipped,
                ?failed,
                "what became of the list of the run before"
            );
        }
    }
    let setbacks = &made.setbacks;
    if !setbacks.is_empty() {
        let (pulls, trashes) = (&setbacks.cannot_be_pulled, &setbacks.cannot_be_trashed);
        tracing::warn!(
            waiting = setbacks.waiting,
            again = setbacks.again,
            cannot_be_pulled = ?pulls,
            cannot_be_trashed = ?trashes,
            forgotten = made.setbacks_forgotten,
            "some items fail again and again"
        );
    }
}

/// Says what became of the confirmed columns.
pub(crate) fn log_confirmed(confirmed: &Confirmed) {
    for failure in &confirmed.failures {
        tracing::warn!(
            collection = failure.uuid,
            error = %failure.why,
            "the confirmed columns of a collection were not written"
        );
    }
    tracing::info!(
        written = confirmed.written,
        unchanged = confirmed.unchanged,
        changed_since = confirmed.changed_since,
        too_new = confirmed.too_new,
        failed = confirmed.failed,
        limit_reached = confirmed.limit_reached,
        "confirmed columns"
    );
}
