//! Everything that `/metrics` shows, gathered from where it is counted.

use std::time::{SystemTime, UNIX_EPOCH};

use keep_protocol::status::{ListName, ListState};
use keep_rules::Timestamp;
use keep_volume::{Direction, Operation};

use super::{Family, Kind};
use crate::lists::{Totals, list_status};
use crate::node::Node;

/// All families.
pub(crate) fn families(node: &Node) -> Vec<Family> {
    let mut all = vec![
        gauge(
            "arvados_keepstore_bufferpool_allocated_bytes",
            "Number of bytes allocated to buffers",
        )
        .with(&[], node.buffers.allocated_bytes() as f64),
        gauge("arvados_keepstore_bufferpool_max_buffers", "Maximum number of buffers allowed")
            .with(&[], node.api.max_keep_blob_buffers.get() as f64),
        gauge("arvados_keepstore_bufferpool_inuse_buffers", "Number of buffers in use")
            .with(&[], node.buffers.in_use() as f64),
    ];
    all.extend(list_families(node));
    all.extend(list_state_families(node));
    all.extend(alarm_families(node));
    all.extend(volume_families(node));
    all.extend(node.active.metrics().families());
    all.extend(queue_families(node));
    all.extend(config_families(node));
    all
}

fn gauge(name: &'static str, help: &'static str) -> Family {
    Family::new(Kind::Gauge, name, help)
}

fn counter(name: &'static str, help: &'static str) -> Family {
    Family::new(Kind::Counter, name, help)
}

fn list_families(node: &Node) -> Vec<Family> {
    let (pull, trash) = (node.pull_list.totals(), node.trash_list.totals());
    let pending = "Number of queued items";
    let in_progress = "Number of items in progress";
    let mut items =
        counter("donjon_list_items_total", "Items of lists that ended, by outcome and reason");
    for (list, totals) in [(ListName::Pull, &pull), (ListName::Trash, &trash)] {
        items = with_endings(items, list, totals);
    }
    vec![
        gauge("arvados_keepstore_pull_queue_pending_entries", pending)
            .with(&[], pull.waiting as f64),
        gauge("arvados_keepstore_pull_queue_inprogress_entries", in_progress)
            .with(&[], pull.running as f64),
        gauge("arvados_keepstore_trash_queue_pending_entries", pending)
            .with(&[], trash.waiting as f64),
        gauge("arvados_keepstore_trash_queue_inprogress_entries", in_progress)
            .with(&[], trash.running as f64),
        items,
    ]
}

fn list_state_families(node: &Node) -> Vec<Family> {
    let mut items =
        gauge("donjon_list_items", "Items of the current list, by what happens to them");
    let mut age = gauge(
        "donjon_list_age_seconds",
        "How long ago the current list was received; if there is none, since the node's start",
    );
    let mut oldest = gauge(
        "donjon_list_oldest_item_age_seconds",
        "How long the oldest item that waits has been waiting",
    );
    let mut speed =
        gauge("donjon_list_items_per_second", "Items that ended, averaged over the last minute");
    let mut eta = gauge(
        "donjon_list_eta_seconds",
        "Seconds until nothing waits, at the speed of the last minute",
    );
    let mut held = gauge("donjon_list_held", "Whether the list is held by the guard");
    let mut paused = gauge("donjon_list_paused", "Whether an operator has paused the list");
    let mut generation = gauge("donjon_list_generation", "The id of the current list");
    let now = node.clock.now();
    for list in ListName::ALL {
        let status = list_status(node, list);
        let labels = [("list", list.as_str())];
        let received = status.received_at_ns.map_or(node.started, Timestamp::from_nanos);
        let seconds = now.since(received).as_secs_f64();
        for (state, count) in [("waiting", status.waiting), ("running", status.running)] {
            items = items.with(&[("list", list.as_str()), ("state", state)], count as f64);
        }
        age = age.with(&labels, seconds);
        oldest = oldest.with(&labels, if status.waiting > 0 { seconds } else { 0.0 });
        speed = speed.with(&labels, status.ended_last_minute as f64 / 60.0);
        eta = eta.with(&labels, status.eta_seconds.unwrap_or(0) as f64);
        held = held.with(&labels, if status.state == ListState::Held { 1.0 } else { 0.0 });
        paused = paused.with(&labels, if status.settings.paused { 1.0 } else { 0.0 });
        generation = generation.with(&labels, status.generation as f64);
    }
    vec![items, age, oldest, speed, eta, held, paused, generation]
}

fn alarm_families(node: &Node) -> Vec<Family> {
    let counts = node.metrics.counts();
    let mut refused = counter("donjon_lists_refused_total", "Lists that were refused, by reason");
    for list in ListName::ALL {
        for reason in ["stale_epoch", "absence", "no_room", "malformed", "stalled", "other"] {
            let count = counts.lists_refused.get(&(list, reason)).copied().unwrap_or(0);
            refused = refused.with(&[("list", list.as_str()), ("reason", reason)], count as f64);
        }
    }
    let frozen = if node.steering.is_frozen() { 1.0 } else { 0.0 };
    vec![
        refused,
        gauge("donjon_frozen", "Whether trashing and emptying are frozen").with(&[], frozen),
        counter("donjon_trash_hits_total", "Requests for blocks that lie in the trash")
            .with(&[], counts.trash_hits as f64),
        counter("donjon_ledger_records_total", "Records in the ledger")
            .with(&[], node.books.records() as f64),
        counter("donjon_ledger_errors_total", "Failures to write the ledger")
            .with(&[], node.books.errors() as f64),
    ]
}

fn with_endings(family: Family, list: ListName, totals: &Totals) -> Family {
    totals.ended.iter().fold(family, |family, ((outcome, reason), count)| {
        let labels = [("list", list.as_str()), ("outcome", outcome.as_str()), ("reason", *reason)];
        family.with(&labels, *count as f64)
    })
}

fn volume_families(node: &Node) -> Vec<Family> {
    let mut operations =
        counter("arvados_keepstore_volume_operations", "Number of volume operations");
    let mut errors = counter("arvados_keepstore_volume_errors", "Number of volume errors");
    let mut bytes = counter("arvados_keepstore_volume_io_bytes", "Volume I/O traffic in bytes");
    let mut ok = gauge("donjon_volume_ok", "Whether the last check of the volume passed");
    let mut reads = counter(
        "donjon_volume_failed_reads_total",
        "Replicas that could not be read or were damaged",
    );
    let mut writes = counter(
        "donjon_volume_failed_writes_total",
        "Blocks that could not be stored on the volume",
    );
    let mut emptied = counter("donjon_trash_emptied_total", "Trashed copies deleted for good");
    let mut emptied_bytes =
        counter("donjon_trash_emptied_bytes_total", "Bytes of trashed copies deleted for good");
    let mut stuck =
        counter("donjon_trash_empty_failed_total", "Trashed copies that could not be deleted");
    let mut kept =
        gauge("donjon_trash_copies", "Trashed copies seen when the trash was last emptied");
    let mut kept_bytes = gauge("donjon_trash_bytes", "Their bytes");
    let counts = node.metrics.counts();
    for mount in node.mounts.iter() {
        let stats = mount.volume.stats();
        let device = mount.volume.device_id().as_str();
        for operation in Operation::ALL {
            let labels = [("device_id", device), ("operation", operation.label())];
            operations = operations.with(&labels, stats.operations(operation) as f64);
        }
        for (kind, count) in stats.errors() {
            errors = errors.with(&[("device_id", device), ("error_type", &kind)], count as f64);
        }
        for (direction, label) in [(Direction::In, "in"), (Direction::Out, "out")] {
            bytes = bytes.with(
                &[("device_id", device), ("direction", label)],
                stats.bytes(direction) as f64,
            );
        }
        let labels = [("mount_uuid", mount.uuid.as_str())];
        let own = counts.mounts.get(&mount.uuid).cloned().unwrap_or_default();
        ok = ok.with(&labels, if mount.problem().is_none() { 1.0 } else { 0.0 });
        reads = reads.with(&labels, own.failed_reads as f64);
        writes = writes.with(&labels, own.failed_writes as f64);
        emptied = emptied.with(&labels, own.emptied.deleted as f64);
        emptied_bytes = emptied_bytes.with(&labels, own.emptied.deleted_bytes as f64);
        stuck = stuck.with(&labels, own.emptied.failed as f64);
        kept = kept.with(&labels, own.emptied.kept as f64);
        kept_bytes = kept_bytes.with(&labels, own.emptied.kept_bytes as f64);
    }
    vec![
        operations,
        errors,
        bytes,
        ok,
        reads,
        writes,
        emptied,
        emptied_bytes,
        stuck,
        kept,
        kept_bytes,
    ]
}

fn queue_families(node: &Node) -> Vec<Family> {
    let stats = node.gate.stats();
    let limits = node.gate.limits();
    let api = [("queue", "api")];
    let queued = |priority| [("queue", "api"), ("priority", priority)];
    let running_max = limits.running.map_or(0, |limit| limit.get());
    let counts = node.metrics.counts();
    let summary =
        |name, help, windows: &std::collections::BTreeMap<&'static str, super::Window>| {
            windows.iter().fold(
                Family::new(Kind::Summary, name, help),
                |family, (priority, window)| {
                    family.with_summary(
                        &queued(priority),
                        window.count(),
                        window.sum(),
                        window.quantiles(),
                    )
                },
            )
        };
    vec![
        gauge("arvados_concurrent_requests", "Number of requests in progress")
            .with(&api, stats.running as f64),
        gauge("arvados_max_concurrent_requests", "Maximum number of concurrent requests")
            .with(&api, running_max as f64),
        gauge("arvados_queued_requests", "Number of requests in queue")
            .with(&queued("low"), 0.0)
            .with(&queued("normal"), stats.queued_normal as f64)
            .with(&queued("high"), stats.queued_high as f64),
        gauge("arvados_max_queued_requests", "Maximum number of queued requests")
            .with(&api, limits.queued as f64),
        summary(
            "arvados_queue_delay_seconds",
            "Time spent in the incoming request queue",
            &counts.delays,
        ),
        summary(
            "arvados_queue_timeout_seconds",
            "Time spent in the incoming request queue before the request was turned away",
            &counts.turned_away,
        ),
        gauge("donjon_stalled_requests", "Requests that wait for their client and let others run")
            .with(&api, stats.lent as f64),
        gauge("arvados_max_active_request_age_seconds", "Age of the oldest request in progress")
            .with(&[], node.active.oldest_age().as_secs_f64()),
        // A request whose client has left is dropped at once here; what it had ordered ends by itself.
        gauge(
            "arvados_max_abandoned_request_age_seconds",
            "Age of the oldest request abandoned by its client",
        )
        .with(&[], 0.0),
    ]
}

fn config_families(node: &Node) -> Vec<Family> {
    let sha256 = [("sha256", node.config_text.sha256.as_str())];
    let loaded = node.started.as_nanos() as f64 / 1e9;
    let modified = node.config_text.modified.map_or(loaded, seconds);
    vec![
        gauge(
            "arvados_config_source_timestamp_seconds",
            "Timestamp of the config file when it was loaded",
        )
        .with(&sha256, modified),
        gauge("arvados_config_load_timestamp_seconds", "Time when the config file was loaded")
            .with(&sha256, loaded),
        gauge("arvados_version_running", "Indicated version is running")
            .with(&[("version", env!("CARGO_PKG_VERSION"))], 1.0),
    ]
}

fn seconds(time: SystemTime) -> f64 {
    time.duration_since(UNIX_EPOCH).map_or(0.0, |since| since.as_secs_f64())
}
