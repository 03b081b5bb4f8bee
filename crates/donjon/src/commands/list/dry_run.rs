//! The end of `donjon list put --dry-run`: what would become of each item.

use std::time::Duration;

use keep_protocol::client::{KeepClient, ListReceipt};
use keep_protocol::status::{ListName, ListState, ListStatus, Outcome, WouldBeHeld};
use serde::Serialize;
use tokio::time::MissedTickBehavior;

use super::drawn::{books_table, outcomes_table};
use super::follow::Bar;
use super::outcomes::{self, Latest};
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, print};

const LOOK_EVERY: Duration = Duration::from_millis(200);

#[derive(Serialize)]
struct Decided {
    list: ListName,
    receipt: ListStatus,
    #[serde(flatten)]
    latest: Latest,
}

/// Waits until every item is decided and the guard has counted, and tells what was decided.
pub(super) async fn tell(
    client: &KeepClient,
    list: ListName,
    sent: &ListReceipt,
    format: Format,
) -> Result<Exit, Failure> {
    let receipt = decided(client, list, sent).await?;
    // Those of earlier dry runs are remembered beside them.
    let mut latest = outcomes::of_dry_run(client, list, u64::MAX).await?;
    latest.outcomes.retain(|outcome| outcome.generation == receipt.generation);
    let would_fail = receipt.failed.values().sum::<u64>() > 0;
    let would_stop = receipt.would_be_held.is_some();
    print(format, &Decided { list, receipt, latest }, drawn)?;
    Ok(if would_fail || would_stop { Exit::Partly } else { Exit::Done })
}

async fn decided(
    client: &KeepClient,
    list: ListName,
    sent: &ListReceipt,
) -> Result<ListStatus, Failure> {
    let bar = Bar::new(list);
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let status = client
            .dry_run_status(list)
            .await
            .map_err(Failure::node(format!("dry run of a {list} list")))?;
        if status.generation != sent.id {
            return Err(Failure::Other(format!(
                "somebody else has begun another dry run of a {list} list; try again"
            )));
        }
        bar.show_status(&status);
        // The guard ends its count by itself.
        if status.waiting + status.running == 0 && status.state != ListState::Checking {
            return Ok(status);
        }
    }
}

/// Whether the first outcomes may be gone. An item has one for each mount, so their number does not tell; but if the
/// oldest that is remembered is of an earlier run, those of this one are all there.
fn has_forgotten(receipt: &ListStatus, latest: &Latest) -> bool {
    match latest.outcomes.front() {
        Some(first) => latest.first_kept > 1 && first.number == latest.first_kept,
        None => latest.first_kept > 1 && receipt.received > 0,
    }
}

fn drawn(decided: &Decided) -> String {
    let Decided { receipt, latest, .. } = decided;
    let mut parts = Vec::new();
    let outcomes: Vec<Outcome> = latest.outcomes.iter().cloned().collect();
    if !outcomes.is_empty() {
        parts.push(outcomes_table(&outcomes));
    }
    if has_forgotten(receipt, latest) {
        parts.push(format!(
            "The last {} outcomes; the node remembers no more. The counts have them all.",
            outcomes.len(),
        ));
    }
    parts.push(books_table(std::slice::from_ref(receipt)));
    parts.push(
        "This was a dry run: `done` means that it would be done. Nothing was touched.".to_owned(),
    );
    parts.extend(receipt.would_be_held.as_ref().map(held));
    parts.join("\n\n")
}

fn held(would: &WouldBeHeld) -> String {
    let WouldBeHeld { reason, percent, floor } = would;
    format!(
        "The list would be held until you release it: {reason}.\nAllowed are {percent} % of the blocks and of the \
         bytes of a volume (TrashGuardPercent), and always {floor} blocks (TrashGuardFloor)."
    )
}

#[cfg(test)]
mod tests {
    use keep_protocol::status::OutcomeKind;

    use super::*;

    /// Whether a run of three items has forgotten some of its outcomes: these are left.
    fn has_forgotten_of_three(numbers: std::ops::RangeInclusive<u64>, first_kept: u64) -> bool {
        let outcome = |number| Outcome {
            number,
            generation: 1,
            time_ns: 0,
            locator: String::new(),
            mount_uuid: String::new(),
            outcome: OutcomeKind::Done,
            reason: None,
            detail: None,
        };
        let receipt = ListStatus { received: 3, ..ListStatus::none(ListName::Trash) };
        has_forgotten(&receipt, &Latest { outcomes: numbers.map(outcome).collect(), first_kept })
    }

    #[test]
    fn with_two_mounts_there_are_more_outcomes_than_items() {
        assert!(!has_forgotten_of_three(1..=6, 1));
        // Three of six are gone: as many are left as there were items.
        assert!(has_forgotten_of_three(4..=6, 4));
    }

    #[test]
    fn what_earlier_runs_have_lost_is_not_missing_here() {
        assert!(!has_forgotten_of_three(10..=12, 5));
    }
}
