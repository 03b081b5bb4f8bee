//! Whether nodes still have the trash lists that we sent them: another list is in force otherwise, and what it dooms is not
//! known (`spec/keep-balance.md` section 2.5, D7).

use futures_util::future::join_all;
use keep_protocol::client::ClientError;
use keep_protocol::status::{ListName, ListStatus};

use crate::retry::Patience;
use crate::send::busy;
use crate::sent::{Sent, SentTrash};
use crate::servers::{Server, advice};

/// A node that does not say which trash list it has.
#[derive(Debug, thiserror::Error)]
#[error("{url} does not say which trash list it has: {error}; {}", advice(error))]
pub struct StandingUnknown {
    /// The node.
    url: String,
    /// What happened.
    #[source]
    error: ClientError,
}

/// Which node has another trash list than we sent, in words: somebody else's, whose entries are in force. A plain keepstore
/// does not tell, and a node that we know nothing of is not asked.
///
/// # Errors
/// A node does not answer.
pub(crate) async fn foreign(
    servers: &[Server],
    sent: &Sent,
    patience: Patience,
) -> Result<Option<String>, StandingUnknown> {
    let asked = servers.iter().map(async |server| {
        let Some(known) = sent.of(&server.uuid) else { return Ok(None) };
        let status = patience.ask(async || server.client.list_status(ListName::Trash).await).await;
        match status {
            Ok(status) => {
                Ok(other(&known.trash, &status).map(|how| format!("{} {how}", server.url)))
            }
            Err(ClientError::PlainKeepstore) => Ok(None),
            Err(error) => Err(StandingUnknown { url: server.url.to_string(), error }),
        }
    });
    let answers: Result<Vec<Option<String>>, StandingUnknown> =
        join_all(asked).await.into_iter().collect();
    Ok(answers?.into_iter().flatten().next())
}

/// How the list that a node has is another than was `sent`, if it is.
fn other(sent: &SentTrash, has: &ListStatus) -> Option<String> {
    let is_other = match sent {
        SentTrash::Plan { list_id: Some(id), list_digest, .. } => {
            has.generation != *id || list_digest.is_some() && *list_digest != has.digest
        }
        SentTrash::Plan { list_id: None, .. } | SentTrash::Unknown => true,
        SentTrash::Cleared { list_id: Some(id) } => has.generation != *id,
        SentTrash::Cleared { list_id: None } => busy(has) > 0,
    };
    match has.running_before {
        // What a worker still holds of earlier lists may be of any of them, and we remember one.
        items @ 1.. => Some(format!("still works on {items} of earlier lists")),
        0 if is_other => Some("has another trash list than we sent".to_owned()),
        0 => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn ours() -> SentTrash {
        SentTrash::Plan {
            plan: "plan".to_owned(),
            digest: "plan's".to_owned(),
            list_id: Some(7),
            list_digest: Some("list's".to_owned()),
        }
    }

    fn has(generation: u64, digest: &str) -> ListStatus {
        let digest = Some(digest.to_owned());
        ListStatus { generation, digest, ..ListStatus::none(ListName::Trash) }
    }

    #[test]
    fn the_list_that_was_sent_is_no_other() {
        assert_eq!(other(&ours(), &has(7, "list's")), None);
        assert_eq!(other(&SentTrash::Cleared { list_id: Some(9) }, &has(9, "any")), None);
        assert_eq!(other(&SentTrash::Cleared { list_id: None }, &has(9, "any")), None);
    }

    #[test]
    fn another_number_or_another_content_is_another_list() {
        for has in [has(8, "list's"), has(7, "another"), ListStatus::none(ListName::Trash)] {
            assert_eq!(other(&ours(), &has).unwrap(), "has another trash list than we sent");
        }
        let waiting = ListStatus { waiting: 1, ..has(9, "any") };
        assert!(other(&SentTrash::Cleared { list_id: None }, &waiting).is_some());
        let ended = has(9, "any");
        assert!(other(&SentTrash::Cleared { list_id: Some(8) }, &ended).is_some(), "it trashed");
    }

    #[test]
    fn an_item_of_an_earlier_list_may_be_of_any() {
        let has = ListStatus { running_before: 2, ..has(7, "list's") };
        assert_eq!(other(&ours(), &has).unwrap(), "still works on 2 of earlier lists");
    }
}
