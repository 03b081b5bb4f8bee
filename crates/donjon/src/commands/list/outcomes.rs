//! Reading what became of items, page by page.

use std::collections::VecDeque;

use keep_protocol::client::{ClientError, KeepClient};
use keep_protocol::status::{ListName, Outcome, Outcomes};
use serde::Serialize;

use crate::failure::Failure;

/// How many outcomes to ask for at once.
const PAGE: u64 = 1000;

/// The last outcomes, oldest first.
#[derive(Debug, Serialize)]
pub(super) struct Latest {
    pub(super) outcomes: VecDeque<Outcome>,
    pub(super) first_kept: u64,
}

/// The last `limit` outcomes of a list.
pub(super) async fn of_list(
    client: &KeepClient,
    list: ListName,
    limit: u64,
) -> Result<Latest, Failure> {
    latest(list, limit, |after| client.list_outcomes(list, after, PAGE)).await
}

/// The last `limit` outcomes of the last dry run.
pub(super) async fn of_dry_run(
    client: &KeepClient,
    list: ListName,
    limit: u64,
) -> Result<Latest, Failure> {
    latest(list, limit, |after| client.dry_run_outcomes(list, after, PAGE)).await
}

/// All that are kept are read, page by page, and the last `limit` remembered.
async fn latest<P>(
    list: ListName,
    limit: u64,
    page_after: impl Fn(u64) -> P,
) -> Result<Latest, Failure>
where
    P: Future<Output = Result<Outcomes, ClientError>>,
{
    let limit = usize::try_from(limit).unwrap_or(usize::MAX);
    let mut outcomes = VecDeque::new();
    let mut after = 0;
    loop {
        let page = page_after(after).await.map_err(Failure::node(format!("{list} list")))?;
        let is_last = page.outcomes.is_empty();
        outcomes.extend(page.outcomes);
        outcomes.drain(..outcomes.len().saturating_sub(limit));
        if is_last || page.next_after <= after {
            return Ok(Latest { outcomes, first_kept: page.first_kept });
        }
        after = page.next_after;
    }
}
