//! Records as people read them.

use keep_protocol::status::LedgerEntry;
use keep_rules::Timestamp;

use crate::{table, utc};

/// Records, one row each.
pub(crate) fn entries_table<'a>(entries: impl IntoIterator<Item = &'a LedgerEntry>) -> String {
    let mut table = table::table([
        "NUMBER",
        "TIME",
        "OPERATION",
        "BLOCK",
        "SIZE",
        "MOUNT",
        "LIST",
        "OUTCOME",
        "REASON",
    ]);
    for entry in entries {
        table.add_row(vec![
            table::number(entry.number),
            utc::text(Timestamp::from_nanos(entry.time_ns)).into(),
            entry.operation.as_str().into(),
            entry.hash.as_str().into(),
            entry.size.map_or("".into(), table::number),
            entry.mount_uuid.as_str().into(),
            entry.list_id.map_or("".into(), table::number),
            entry.outcome.as_str().into(),
            entry.reason.as_deref().unwrap_or_default().into(),
        ]);
    }
    table::text(&table)
}
