//! What was sent to whom.

use donjon_balance::apply::{Applied, Sending};
use donjon_balance::once::{Done, Made};
use donjon_balance::postgres;
use keep_protocol::client::ReceiptState;
use keep_protocol::status::ListState;
use serde::Serialize;

use super::show::MadeShown;
use crate::counted::counted;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, print as print_value};
use crate::table;

/// What a node was sent.
#[derive(Serialize)]
struct Row {
    url: String,
    pulls: Option<Sent>,
    trashes: Option<Sent>,
}

/// A list.
#[derive(Serialize)]
struct Sent {
    sent: u64,
    deferred: u64,
    list_id: Option<u64>,
    digest: Option<String>,
    state: Option<&'static str>,
}

/// What became of the confirmed columns.
#[derive(Serialize)]
struct Confirmed {
    written: u64,
    unchanged: u64,
    changed_since: u64,
    too_new: u64,
    failed: u64,
    limit_reached: bool,
}

#[derive(Serialize)]
struct Shown {
    plan: String,
    #[serde(flatten)]
    made: Option<MadeShown>,
    servers: Vec<Row>,
    confirmed: Option<Confirmed>,
}

impl From<&postgres::Confirmed> for Confirmed {
    fn from(confirmed: &postgres::Confirmed) -> Self {
        Confirmed {
            written: confirmed.written,
            unchanged: confirmed.unchanged,
            changed_since: confirmed.changed_since,
            too_new: confirmed.too_new,
            failed: confirmed.failed,
            limit_reached: confirmed.limit_reached,
        }
    }
}

impl Confirmed {
    fn text(&self) -> String {
        let Confirmed { written, unchanged, changed_since, too_new, failed, limit_reached } = self;
        let limit = if *limit_reached { "; BalanceUpdateLimit was reached" } else { "" };
        format!(
            "confirmed  {} written, {unchanged} unchanged, {} left to the next run, {failed} refused{limit}\n",
            counted(*written, "collection"),
            changed_since + too_new
        )
    }
}

impl From<&Sending> for Sent {
    fn from(sending: &Sending) -> Self {
        let receipt = sending.receipt.as_ref();
        Sent {
            sent: sending.sent,
            deferred: sending.deferred,
            list_id: receipt.map(|receipt| receipt.id),
            digest: receipt.and_then(|receipt| receipt.digest.clone()),
            state: receipt.and_then(|receipt| receipt.state).map(|state| state.as_str()),
        }
    }
}

/// Prints for scripts what was not sent, because brakes hold it: no node has anything. People read why elsewhere.
pub(super) fn print_held(format: Format, made: &Made) -> Result<(), Failure> {
    if !format.json {
        return Ok(());
    }
    let (plan, made) = (made.id.clone(), Some(MadeShown::from(made)));
    print_value(format, &Shown { plan, made, servers: Vec::new(), confirmed: None }, text)
}

/// Prints what was sent, and says with the exit status whether a node holds its list or blocks are lost.
pub(super) fn print(
    format: Format,
    done: Option<&Done>,
    applied: &Applied,
) -> Result<Exit, Failure> {
    let held = |sending: &Sending| {
        let state = sending.receipt.as_ref().and_then(|receipt| receipt.state);
        matches!(state, Some(ReceiptState::Current(ListState::Held | ListState::Checking)))
    };
    let held = applied.servers.iter().any(|to| to.trashes.as_ref().is_some_and(held));
    let confirmed = done.and_then(|done| done.confirmed.as_ref());
    for failure in confirmed.into_iter().flat_map(|confirmed| &confirmed.failures) {
        eprintln!("Collection {} was not confirmed: {}", failure.uuid, failure.why);
    }
    let shown = Shown {
        plan: applied.plan.clone(),
        made: done.map(|done| MadeShown::from(&done.made)),
        servers: applied
            .servers
            .iter()
            .map(|to| Row {
                url: to.url.clone(),
                pulls: to.pulls.as_ref().map(Sent::from),
                trashes: to.trashes.as_ref().map(Sent::from),
            })
            .collect(),
        confirmed: confirmed.map(Confirmed::from),
    };
    print_value(format, &shown, text)?;
    for url in applied.frozen() {
        eprintln!("{}", frozen(url));
    }
    if held {
        eprintln!(
            "A node holds its trash list: `donjon list show trash`, with --config or --data, says why, and how to release it."
        );
    }
    let lost = done.is_some_and(|done| done.made.lost_blocks() > 0);
    Ok(if held || lost { Exit::Partly } else { Exit::Done })
}

/// What a node that is frozen does, and how that ends.
pub(super) fn frozen(url: &str) -> String {
    format!(
        "note    {url} is frozen: it takes lists and trashes nothing; `donjon unfreeze --url {url}` ends that"
    )
}

fn text(shown: &Shown) -> String {
    let count = |sent: &Option<Sent>| match sent {
        None => "not sent".to_owned(),
        Some(Sent { sent, deferred: 0, .. }) => sent.to_string(),
        Some(Sent { sent, deferred, .. }) => format!("{sent} ({deferred} later)"),
    };
    let state = |sent: &Option<Sent>| {
        sent.as_ref().and_then(|sent| sent.state).unwrap_or_default().to_owned()
    };
    let mut table = table::table(["NODE", "PULLS", "TRASHES", "STATE"]);
    for row in &shown.servers {
        table.add_row([
            row.url.clone(),
            count(&row.pulls),
            count(&row.trashes),
            state(&row.trashes),
        ]);
    }
    let made = shown.made.as_ref().map(|made| format!("{}\n\n", made.text()));
    let confirmed = shown.confirmed.as_ref().map(Confirmed::text).unwrap_or_default();
    format!("{}{}{confirmed}", made.unwrap_or_default(), table::text(&table))
}
