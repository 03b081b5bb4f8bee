//! The books of a list, from whichever kind of node.

use keep_protocol::client::{ClientError, KeepClient};
use keep_protocol::status::{ListName, ListStatus};
use serde::Serialize;

use crate::failure::Failure;
use crate::node::{Connection, ManagementArgs};

/// How far a node is with a list.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(untagged)]
pub(super) enum Books {
    /// Everything.
    Full(Box<ListStatus>),
    /// What a plain keepstore tells in its metrics.
    Gauges(Gauges),
}

/// Two gauges of a plain keepstore (spec section 9). What became of items it only writes to its log.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Gauges {
    pub(super) list: ListName,
    pub(super) waiting: u64,
    pub(super) running: u64,
}

/// Where to read the books of a node.
pub(super) struct BooksReader {
    client: KeepClient,
    metrics: KeepClient,
}

impl BooksReader {
    pub(super) fn new(
        connection: &Connection,
        management: &ManagementArgs,
    ) -> Result<Self, Failure> {
        Ok(BooksReader {
            client: connection.client.clone(),
            metrics: connection.management_client(management)?,
        })
    }

    /// The books as they stand now.
    pub(super) async fn read(&self, list: ListName) -> Result<Books, Failure> {
        match self.client.list_status(list).await {
            Ok(status) => Ok(Books::Full(Box::new(status))),
            Err(ClientError::PlainKeepstore) => self.gauges(list).await,
            Err(error) => Err(Failure::node(format!("{list} list"))(error)),
        }
    }

    async fn gauges(&self, list: ListName) -> Result<Books, Failure> {
        let metrics = self.metrics.metrics().await.map_err(|error| {
            Failure::Other(format!(
                "this server is a plain keepstore: how far its lists are stands only in its metrics, and they cannot \
                 be read: {error}; give --management-token"
            ))
        })?;
        let gauge =
            |state| gauge(&metrics, &format!("arvados_keepstore_{list}_queue_{state}_entries"));
        Ok(Books::Gauges(Gauges {
            list,
            waiting: gauge("pending")?,
            running: gauge("inprogress")?,
        }))
    }
}

impl Books {
    /// Items that no worker has had yet, and items that one has now.
    pub(super) fn unfinished(&self) -> u64 {
        match self {
            Books::Full(status) => status.waiting + status.running,
            Books::Gauges(gauges) => gauges.waiting + gauges.running,
        }
    }
}

fn gauge(metrics: &str, name: &str) -> Result<u64, Failure> {
    let value = metrics
        .lines()
        .find_map(|line| line.strip_prefix(name)?.strip_prefix(' ')?.trim().parse::<f64>().ok());
    match value {
        // A gauge is a float on the wire, but these count entries.
        Some(value) if (0.0..1e15).contains(&value) => {
            Ok(value.round().to_string().parse().expect("a whole number"))
        }
        Some(_) | None => {
            Err(Failure::Other(format!("the server's metrics have no sensible {name}")))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const METRICS: &str = "# TYPE arvados_keepstore_trash_queue_pending_entries gauge\n\
        arvados_keepstore_trash_queue_pending_entries 1.2e+06\narvados_keepstore_trash_queue_inprogress_entries 4\n";

    #[test]
    fn gauges_are_read_by_their_whole_name() {
        assert_eq!(
            gauge(METRICS, "arvados_keepstore_trash_queue_pending_entries").unwrap(),
            1_200_000
        );
        assert_eq!(gauge(METRICS, "arvados_keepstore_trash_queue_inprogress_entries").unwrap(), 4);
        assert!(gauge(METRICS, "arvados_keepstore_trash_queue_inprogress").is_err());
        assert!(gauge("x NaN\n", "x").is_err());
    }
}
