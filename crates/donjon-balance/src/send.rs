//! Sending lists: to all nodes or, if that cannot be, with a clear word on who has what.

use std::time::Duration;

use futures_util::future::join_all;
use keep_protocol::client::{Body, ClientError, KeepClient, ListIntake, ListReceipt};
use keep_protocol::status::{ListName, ListStatus};

use crate::outbox::ListFile;
use crate::retry::Patience;
use crate::servers::Server;

/// How often a node is looked at while its list empties.
const LOOK_AGAIN: Duration = Duration::from_millis(500);

/// The metric in which a plain keepstore says how many items its trash workers hold.
const IN_PROGRESS: &str = "arvados_keepstore_trash_queue_inprogress_entries";

/// A list that a node did not take.
#[derive(Debug, thiserror::Error)]
#[error("{url} did not take its {list} list: {error}")]
pub struct NotSent {
    /// The node.
    pub url: String,
    /// Which list.
    pub list: ListName,
    /// What happened, the last time it was tried.
    #[source]
    pub error: ClientError,
}

/// Why the trash lists of all nodes are not known to be empty.
#[derive(Debug, thiserror::Error)]
pub enum NotCleared {
    /// A node did not take the empty list.
    #[error(transparent)]
    NotSent(#[from] NotSent),
    /// A node does not say whether its workers are idle.
    #[error("{url} does not say whether it still trashes: {error}")]
    Silent {
        /// The node.
        url: String,
        /// What happened.
        #[source]
        error: ClientError,
    },
    /// A node's workers go on for too long.
    #[error("{url} is still trashing what it was told before; try again later")]
    Busy {
        /// The node.
        url: String,
    },
}

/// What one node answered.
pub type Answer = Result<Option<ListReceipt>, NotSent>;

/// Sends each node its list, all at once, each with `patience`. The answers are in the order of `servers`; all are tried
/// whatever the others say. Nodes of ours are given `epoch`, so that an older plan cannot replace a newer one.
///
/// # Panics
/// If there are not as many lists as nodes.
pub async fn send_all(
    servers: &[Server],
    name: ListName,
    lists: &[ListFile],
    epoch: u64,
    patience: Patience,
) -> Vec<Answer> {
    assert_eq!(servers.len(), lists.len(), "a list for each node");
    let sent = servers.iter().zip(lists).map(async |(server, list)| {
        let sent = patience.ask(async || put(&server.client, name, list.body(), Some(epoch)).await);
        sent.await.and_then(|receipt| checked(receipt, list)).map_err(|error| NotSent {
            url: server.url.to_string(),
            list: name,
            error,
        })
    });
    join_all(sent).await
}

/// The receipt, if it is for the list that was sent. Otherwise nobody knows what the node has.
fn checked(
    receipt: Option<ListReceipt>,
    list: &ListFile,
) -> Result<Option<ListReceipt>, ClientError> {
    let Some(receipt) = receipt else { return Ok(None) };
    let digest = list.digest.to_string();
    let other = receipt.items.is_some_and(|items| items != list.items)
        || receipt.digest.as_ref().is_some_and(|received| *received != digest);
    if !other {
        return Ok(Some(receipt));
    }
    let detail = format!(
        "it is for a list of {} items with the digest {}, and {} items with the digest {digest} were sent",
        receipt.items.map_or_else(|| "?".to_owned(), |items| items.to_string()),
        receipt.digest.as_deref().unwrap_or("?"),
        list.items
    );
    Err(ClientError::Malformed { what: "receipt", detail })
}

/// A plain keepstore knows no epoch, and takes the list without.
async fn put(
    client: &KeepClient,
    name: ListName,
    body: Body,
    epoch: Option<u64>,
) -> Result<Option<ListReceipt>, ClientError> {
    if epoch.is_some() {
        match client.list_settings(name).await {
            Ok(_) => {
                let intake = ListIntake { epoch, ..ListIntake::default() };
                return client.put_list_as(name, intake, body).await;
            }
            Err(ClientError::PlainKeepstore) => {}
            Err(error) => return Err(error),
        }
    }
    client.put_list(name, body).await
}

/// Empties the trash list of every node, and waits until no worker holds an item of it: at most `wait_max` in all. Nodes that
/// know of epochs refuse lists of earlier ones from then on. Gives their numbers for the empty list, in the order of `servers`.
///
/// # Errors
/// Some node may still trash what it was told before.
pub async fn clear_all(
    servers: &[Server],
    epoch: u64,
    patience: Patience,
    wait_max: Duration,
) -> Result<Vec<Option<u64>>, NotCleared> {
    let cleared = servers.iter().map(async |server| {
        let url = || server.url.to_string();
        let sent = patience.ask(async || {
            put(&server.client, ListName::Trash, Body::from("[]"), Some(epoch)).await
        });
        let receipt =
            sent.await.map_err(|error| NotSent { url: url(), list: ListName::Trash, error })?;
        match tokio::time::timeout(wait_max, idle(server, patience)).await {
            Ok(Ok(())) => Ok(receipt.map(|receipt| receipt.id)),
            Ok(Err(error)) => Err(NotCleared::Silent { url: url(), error }),
            Err(_elapsed) => Err(NotCleared::Busy { url: url() }),
        }
    });
    join_all(cleared).await.into_iter().collect()
}

/// Waits until the node's trash workers hold nothing.
async fn idle(server: &Server, patience: Patience) -> Result<(), ClientError> {
    loop {
        let held = patience.ask(async || in_hand(&server.client).await).await?;
        if held == Some(0) {
            return Ok(());
        }
        if held.is_none() {
            tracing::warn!(url = %server.url, "this keepstore's metrics do not say what its trash workers hold; assuming nothing");
            return Ok(());
        }
        tokio::time::sleep(LOOK_AGAIN).await;
    }
}

/// Items of trash lists that are in hand or wait. A node may say anything: sums of it must not become nothing.
pub(crate) fn busy(status: &ListStatus) -> u64 {
    let ListStatus { running, running_before, waiting, .. } = status;
    running.saturating_add(*running_before).saturating_add(*waiting)
}

/// Items that trash workers hold; `None` if the node does not tell.
async fn in_hand(client: &KeepClient) -> Result<Option<u64>, ClientError> {
    match client.list_status(ListName::Trash).await {
        Ok(status) => Ok(Some(busy(&status))),
        Err(ClientError::PlainKeepstore) => match client.metrics().await {
            Ok(metrics) => Ok(gauge(&metrics, IN_PROGRESS)),
            Err(ClientError::Refused { .. } | ClientError::NotFound) => Ok(None),
            Err(error) => Err(error),
        },
        Err(error) => Err(error),
    }
}

/// The value of a metric without labels, if it is a whole number.
fn gauge(metrics: &str, name: &str) -> Option<u64> {
    let line = metrics.lines().find_map(|line| line.strip_prefix(name)?.strip_prefix(' '))?;
    line.split_whitespace().next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_node_that_says_too_much_is_busy_and_not_idle() {
        let status =
            ListStatus { running: u64::MAX, waiting: 1, ..ListStatus::none(ListName::Trash) };
        assert_eq!(busy(&status), u64::MAX);
        assert_eq!(busy(&ListStatus::none(ListName::Trash)), 0);
    }

    #[test]
    fn a_gauge_is_found_by_its_whole_name() {
        let metrics = format!("# HELP {IN_PROGRESS} x\n{IN_PROGRESS}_total 9\n{IN_PROGRESS} 3\n");
        assert_eq!(gauge(&metrics, IN_PROGRESS), Some(3));
        assert_eq!(gauge("", IN_PROGRESS), None);
        assert_eq!(gauge(&format!("{IN_PROGRESS} NaN"), IN_PROGRESS), None);
    }
}
