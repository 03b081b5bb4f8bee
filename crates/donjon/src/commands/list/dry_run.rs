//! The end of `donjon list put --dry-run`: what would become of each item.

use std::time::Duration;

use keep_protocol::client::{KeepClient, ListReceipt};
use keep_protocol::status::{ListName, ListStatus, Outcome};
use serde::Serialize;
use tokio::time::MissedTickBehavior;

use super::drawn::{books_table, outcomes_table};
use super::follow::Bar;
use super::outcomes;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, print};

const LOOK_EVERY: Duration = Duration::from_millis(200);

#[derive(Serialize)]
struct Decided {
    list: ListName,
    receipt: ListStatus,
    outcomes: Vec<Outcome>,
}

/// Waits until every item is decided, and tells what was decided.
pub(super) async fn tell(
    client: &KeepClient,
    list: ListName,
    sent: &ListReceipt,
    format: Format,
) -> Result<Exit, Failure> {
    let receipt = decided(client, list, sent).await?;
    // Those of earlier dry runs are remembered beside them.
    let mut outcomes = Vec::from(outcomes::of_dry_run(client, list, u64::MAX).await?.outcomes);
    outcomes.retain(|outcome| outcome.generation == receipt.generation);
    let would_fail = receipt.failed.values().sum::<u64>() > 0;
    print(format, &Decided { list, receipt, outcomes }, drawn)?;
    Ok(if would_fail { Exit::Partly } else { Exit::Done })
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
        if status.waiting + status.running == 0 {
            return Ok(status);
        }
    }
}

fn drawn(decided: &Decided) -> String {
    let Decided { receipt, outcomes, .. } = decided;
    let mut parts = Vec::new();
    if !outcomes.is_empty() {
        parts.push(outcomes_table(outcomes));
    }
    if (outcomes.len() as u64) < receipt.received {
        parts.push(format!(
            "The last {} of {} outcomes; the node remembers no more. The counts have them all.",
            outcomes.len(),
            receipt.received
        ));
    }
    parts.push(books_table(std::slice::from_ref(receipt)));
    parts.push(
        "This was a dry run: `done` means that it would be done. Nothing was touched.".to_owned(),
    );
    parts.join("\n\n")
}
