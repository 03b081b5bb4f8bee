//! The nodes: asked what they are, all of them, or none is told anything.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::future::join_all;
use keep_protocol::client::{ClientError, DatedMounts, KeepClient};
use keep_protocol::mounts::MountDescription;
use keep_rules::Timestamp;
use url::Url;

use crate::retry::Patience;

/// A node that the balancer was told of.
#[derive(Clone, Debug)]
pub struct Server {
    /// Its UUID, the same that clients use: it decides where blocks belong (`spec/keep-balance.md` section 3.1).
    pub uuid: String,
    /// Its address, as it stands in pull lists.
    pub url: Url,
    /// Speaks to it with the admin token.
    pub client: KeepClient,
}

impl Server {
    /// Its UUID, and its address.
    pub(crate) fn named(&self) -> (&str, &str) {
        (&self.uuid, self.url.as_str())
    }
}

/// What a node said of itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerFacts {
    /// Its UUID.
    pub uuid: String,
    /// Its address.
    pub url: String,
    /// Its mounts, sorted by UUID.
    pub mounts: Vec<MountDescription>,
}

/// Why the nodes cannot be relied on. Nothing was sent.
#[derive(Debug, thiserror::Error)]
pub enum ServersError {
    /// There is nobody to balance.
    #[error("no node is configured; name them in Services.Keepstore.InternalURLs")]
    None,
    /// Two nodes have one name, so that each would get the other's lists.
    #[error("{first} and {second} have one UUID, {uuid}; give each a Rendezvous of its own")]
    Twins {
        /// One.
        first: String,
        /// The other.
        second: String,
        /// Their UUID.
        uuid: String,
    },
    /// A node does not answer. All must: what is not seen might be the last copy, or one too many.
    #[error("{url} does not describe its mounts: {error}; {}", advice(error))]
    Silent {
        /// The node.
        url: String,
        /// What happened.
        #[source]
        error: ClientError,
    },
    /// A node's clock is not ours: ages of blocks mean nothing then.
    #[error(
        "the clock of {url} is {skew_s} s from ours, more than {max_s} s (Donjon.Balance.MaxClockSkew); set the clocks"
    )]
    Skew {
        /// The node.
        url: String,
        /// By how much.
        skew_s: u64,
        /// What is allowed.
        max_s: u64,
    },
}

/// What to do about a node that does not answer as it should.
pub(crate) fn advice(error: &ClientError) -> &'static str {
    match error {
        ClientError::Refused { status, .. } if matches!(status.as_u16(), 401 | 403) => {
            "is it the right token, and a node of this cluster?"
        }
        ClientError::NotFound | ClientError::PlainKeepstore | ClientError::Malformed { .. } => {
            "is this the address of a keepstore?"
        }
        ClientError::Refused { .. }
        | ClientError::Unreachable { .. }
        | ClientError::Damaged { .. }
        | ClientError::Incomplete { .. }
        | ClientError::BadUrl { .. }
        | ClientError::BadToken => {
            "start it, or take it out of the configuration if it is gone for good"
        }
    }
}

/// Refuses a set of nodes in which two have one UUID, and an empty one.
///
/// # Errors
/// [`ServersError::None`], [`ServersError::Twins`].
pub fn check_names(servers: &[Server]) -> Result<(), ServersError> {
    if servers.is_empty() {
        return Err(ServersError::None);
    }
    let mut seen: BTreeMap<&str, &Url> = BTreeMap::new();
    for server in servers {
        if let Some(first) = seen.insert(&server.uuid, &server.url) {
            return Err(ServersError::Twins {
                first: first.to_string(),
                second: server.url.to_string(),
                uuid: server.uuid.clone(),
            });
        }
    }
    Ok(())
}

/// Asks every node for its mounts and its clock.
///
/// # Errors
/// The first node, in the order given, that does not answer after `patience`, or whose clock is more than `skew_max` from
/// `now`, which is read before and after each answer.
pub async fn census(
    servers: &[Server],
    patience: Patience,
    skew_max: Duration,
    now: impl Fn() -> Timestamp,
) -> Result<Vec<ServerFacts>, ServersError> {
    check_names(servers)?;
    let asked = servers.iter().map(async |server| {
        let answer = patience
            .ask(async || {
                let before = now();
                let answer = server.client.dated_mounts().await?;
                Ok((before, answer, now()))
            })
            .await;
        (server, answer)
    });
    let mut facts = Vec::with_capacity(servers.len());
    for (server, answer) in join_all(asked).await {
        let (before, answer, after) =
            answer.map_err(|error| ServersError::Silent { url: server.url.to_string(), error })?;
        check_clock(server, &answer, before, after, skew_max)?;
        let mut mounts = answer.mounts;
        mounts.sort_by(|a, b| a.uuid.cmp(&b.uuid));
        facts.push(ServerFacts {
            uuid: server.uuid.clone(),
            url: server.url.as_str().trim_end_matches('/').to_owned(),
            mounts,
        });
    }
    Ok(facts)
}

fn check_clock(
    server: &Server,
    answer: &DatedMounts,
    before: Timestamp,
    after: Timestamp,
    skew_max: Duration,
) -> Result<(), ServersError> {
    let Some(clock) = answer.clock else { return Ok(()) };
    let skew = skew(clock, before, after);
    if skew <= skew_max {
        return Ok(());
    }
    Err(ServersError::Skew {
        url: server.url.to_string(),
        skew_s: skew.as_secs(),
        max_s: skew_max.as_secs(),
    })
}

/// How far `clock`, which was read to the second at some time between `before` and `after`, is off at least.
fn skew(clock: Timestamp, before: Timestamp, after: Timestamp) -> Duration {
    let second = Duration::from_secs(1);
    before.since(clock.after(second)).max(clock.since(after))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_clock_within_the_question_is_right() {
        let at = Timestamp::from_seconds;
        for (clock, before, after, seconds) in [
            (100, 100, 100, 0),
            (99, 100, 101, 0),
            (105, 100, 110, 0),
            (90, 100, 110, 9),
            (200, 100, 110, 90),
        ] {
            let found = skew(at(clock), at(before), at(after));
            assert_eq!(found.as_secs(), seconds, "{clock} between {before} and {after}");
        }
    }

    #[test]
    fn twins_and_nobody_are_refused() {
        let server = |url: &str, uuid: &str| {
            let url: Url = url.parse().unwrap();
            let client = KeepClient::new(url.clone(), None).unwrap();
            Server { uuid: uuid.to_owned(), url, client }
        };
        assert!(matches!(check_names(&[]), Err(ServersError::None)));
        let twins = [server("http://a:1", "x"), server("http://b:1", "x")];
        let error = check_names(&twins).unwrap_err().to_string();
        assert!(error.contains("http://a:1/ and http://b:1/"), "{error}");
        assert!(check_names(&[server("http://a:1", "x"), server("http://b:1", "y")]).is_ok());
    }
}
