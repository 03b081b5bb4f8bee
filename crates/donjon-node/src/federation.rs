//! Reading blocks of other clusters (spec section 2.4).

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE, HeaderValue};
use http::{HeaderMap, HeaderName, StatusCode};
use keep_rules::get::wants_local_copy;
use keep_rules::rendezvous::{Client as Order, sort_services};
use keep_rules::{
    BLOCK_SIZE_MAX, ClassSet, ClusterId, ReadMethod, RemoteRead, SaltError, Token, salt,
};
use serde::Deserialize;
use sha2::{Digest, Sha256};

use crate::block::{Source, header_text, store};
use crate::config::RemoteCluster;
use crate::http::{Answer, Body, Failure, Permit, empty};
use crate::node::Node;
use crate::peers::{self, PeerFailure};

const X_KEEP_SIGNATURE: HeaderName = HeaderName::from_static("x-keep-signature");
const X_KEEP_LOCATOR: HeaderName = HeaderName::from_static("x-keep-locator");

/// How long a cluster's list of services is used before it is asked for again (spec section 2.4, step 4).
const SERVICES_KEPT: Duration = Duration::from_secs(300);

/// Bytes of a service list, at most: ten thousand services fit.
const SERVICES_BYTES_MAX: usize = 4 << 20;

/// The other clusters that this node knows.
#[derive(Debug)]
pub(crate) struct Remotes(BTreeMap<ClusterId, Remote>);

#[derive(Debug)]
struct Remote {
    host: String,
    client: reqwest::Client,
    /// By the SHA-256 of the token: another user may see other services. Bounded by [`USERS_MAX`].
    services: Mutex<BTreeMap<[u8; 32], Known>>,
}

/// What a cluster answered, and when.
type Known = (Instant, Arc<[Service]>);

/// Tokens whose services are remembered. Beyond it all are forgotten and asked for again.
const USERS_MAX: usize = 1_000;

#[derive(Debug, Deserialize)]
struct ServiceList {
    items: Vec<ServiceRow>,
}

#[derive(Debug, Deserialize)]
struct ServiceRow {
    uuid: String,
    service_host: String,
    service_port: u16,
    #[serde(default)]
    service_ssl_flag: bool,
}

#[derive(Clone, Debug)]
struct Service {
    uuid: String,
    url: String,
}

impl Remotes {
    /// These clusters, no connection yet.
    ///
    /// # Errors
    /// The TLS library cannot be set up.
    pub(crate) fn new(
        remotes: BTreeMap<ClusterId, RemoteCluster>,
    ) -> Result<Remotes, reqwest::Error> {
        let open = |(id, RemoteCluster { host, trust })| {
            Ok((id, Remote { host, client: peers::client(trust)?, services: Mutex::default() }))
        };
        remotes.into_iter().map(open).collect::<Result<_, _>>().map(Remotes)
    }
}

/// Reads a block of another cluster for the bearer of `token`; stores it here too if the request asks for that.
///
/// # Errors
/// What is wrong with the request, 404 if that cluster does not have the block, 502 if it cannot be asked.
pub(crate) async fn read(
    node: &Arc<Node>,
    method: ReadMethod,
    wanted: RemoteRead,
    token: &Token,
    headers: &HeaderMap,
    permit: Permit,
) -> Result<Answer, Failure> {
    let Some(remote) = node.remotes.0.get(&wanted.cluster) else {
        return Err(Failure::new(StatusCode::BAD_REQUEST, "remote cluster not configured"));
    };
    let salted = salt(token, wanted.cluster)?;
    let body = remote.open(&wanted, &salted).await?;
    if wants_local_copy(header_text(headers, &X_KEEP_SIGNATURE)) {
        return keep(node, method, &wanted, token, body, permit).await;
    }
    Ok(pass_through(node, method, body, permit))
}

/// A token that cannot be used for that cluster is the client's mistake, whatever its form (spec section 11, 20).
impl From<SaltError> for Failure {
    fn from(error: SaltError) -> Failure {
        Failure::new(StatusCode::BAD_REQUEST, error.to_string())
    }
}

impl Remote {
    /// Asks the cluster's services for the block, one after the other.
    async fn open(&self, wanted: &RemoteRead, token: &Token) -> Result<RemoteBody, Failure> {
        let mut services = self.services(token).await?.to_vec();
        sort_services(wanted.locator.hash(), &mut services, Order::Go, |service| &service.uuid);
        let mut trouble = None;
        for service in &services {
            match peers::get(&self.client, &service.url, wanted.locator.as_str(), token).await {
                Ok(response) => return RemoteBody::new(wanted, response),
                Err(PeerFailure::Absent) => {}
                Err(failure) => trouble = Some(failure),
            }
        }
        Err(trouble
            .map_or_else(Failure::not_found, |failure| unreachable(wanted.cluster, &failure)))
    }

    async fn services(&self, token: &Token) -> Result<Arc<[Service]>, Failure> {
        if let Some(known) = self.known(token) {
            return Ok(known);
        }
        let url = format!("https://{}/arvados/v1/keep_services/accessible", self.host);
        let services = self.ask(&url, token).await.map_err(|failure| {
            let text = format!("cannot list the services of {}: {failure}", self.host);
            Failure::new(StatusCode::BAD_GATEWAY, text)
        })?;
        let mut known = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        if known.len() >= USERS_MAX {
            known.clear();
        }
        known.insert(fingerprint(token), (Instant::now(), services.clone()));
        Ok(services)
    }

    fn known(&self, token: &Token) -> Option<Arc<[Service]>> {
        let known = self.services.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, services) = known.get(&fingerprint(token))?;
        (since.elapsed() < SERVICES_KEPT).then(|| services.clone())
    }

    async fn ask(&self, url: &str, token: &Token) -> Result<Arc<[Service]>, PeerFailure> {
        let broken = |error: reqwest::Error| {
            PeerFailure::Unreachable(crate::mounts::sentence(&error.without_url()))
        };
        let request = self.client.get(url).bearer_auth(token.as_str());
        let mut response = request.send().await.map_err(broken)?;
        if response.status() != StatusCode::OK {
            return Err(PeerFailure::Refused(response.status()));
        }
        let mut text = Vec::new();
        while let Some(data) = response.chunk().await.map_err(broken)? {
            text.extend_from_slice(&data);
            if text.len() > SERVICES_BYTES_MAX {
                return Err(PeerFailure::Unreachable("its list of services is too long".into()));
            }
        }
        let list: ServiceList = serde_json::from_slice(&text).map_err(|error| {
            PeerFailure::Unreachable(format!("its list of services cannot be read: {error}"))
        })?;
        Ok(list.items.into_iter().map(Service::from).collect())
    }
}

fn fingerprint(token: &Token) -> [u8; 32] {
    Sha256::digest(token.as_str()).into()
}

impl From<ServiceRow> for Service {
    fn from(row: ServiceRow) -> Service {
        let scheme = if row.service_ssl_flag { "https" } else { "http" };
        Service {
            url: format!("{scheme}://{}:{}", row.service_host, row.service_port),
            uuid: row.uuid,
        }
    }
}

fn unreachable(cluster: ClusterId, failure: &PeerFailure) -> Failure {
    Failure::new(StatusCode::BAD_GATEWAY, format!("cannot read from cluster {cluster}: {failure}"))
}

/// A block on its way from another cluster, of a length that is known.
struct RemoteBody {
    response: peers::Incoming,
    cluster: ClusterId,
    length: u64,
}

impl RemoteBody {
    fn new(wanted: &RemoteRead, response: peers::Incoming) -> Result<RemoteBody, Failure> {
        let length = response.declared_length().filter(|length| *length <= BLOCK_SIZE_MAX);
        match length {
            Some(length) if wanted.locator.size().is_none_or(|size| size == length) => {
                Ok(RemoteBody { response, cluster: wanted.cluster, length })
            }
            _unknown_or_wrong => {
                let text = format!("cluster {} offers a block of another length", wanted.cluster);
                Err(Failure::new(StatusCode::BAD_GATEWAY, text))
            }
        }
    }
}

impl Source for RemoteBody {
    async fn next(&mut self) -> Result<Option<Bytes>, Failure> {
        self.response.next().await.map_err(|failure| unreachable(self.cluster, &failure))
    }
}

/// Stores the block here, and answers with a locator that this cluster has signed.
async fn keep(
    node: &Arc<Node>,
    method: ReadMethod,
    wanted: &RemoteRead,
    token: &Token,
    body: RemoteBody,
    permit: Permit,
) -> Result<Answer, Failure> {
    let hash = wanted.locator.hash();
    let mounts = node.mounts.in_write_order(hash);
    let stored = store(node, hash, ClassSet::none(), mounts, body).await?;
    let signed = node.sign(hash, stored.size, Some(token), stored.mtime);
    let mut answer = match method {
        ReadMethod::Head => {
            let mut answer = empty(StatusCode::OK);
            answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(stored.size));
            answer
        }
        ReadMethod::Get => crate::block::send(node, hash, stored.size, permit).await?,
    };
    let signed = HeaderValue::from_str(&signed).expect("a signed locator is ASCII");
    answer.headers_mut().insert(X_KEEP_LOCATOR, signed);
    Ok(answer)
}

/// Sends the block through. The client verifies it; a break is seen as a short body.
fn pass_through(
    node: &Arc<Node>,
    method: ReadMethod,
    mut from: RemoteBody,
    mut permit: Permit,
) -> Answer {
    let length = from.length;
    let mut answer = match method {
        ReadMethod::Head => empty(StatusCode::OK),
        ReadMethod::Get => {
            let (sender, body) = Body::stream(Some(length), node.limits.body_stall_timeout);
            tokio::spawn(async move {
                loop {
                    match from.next().await {
                        Ok(None) => return,
                        Ok(Some(data)) => {
                            if sender.send(data, &mut permit).await.is_err() {
                                return;
                            }
                        }
                        Err(failure) => {
                            tracing::warn!(
                                error = failure.text,
                                "a block of another cluster broke off"
                            );
                            return;
                        }
                    }
                }
            });
            Answer::new(body)
        }
    };
    answer.headers_mut().insert(CONTENT_LENGTH, HeaderValue::from(length));
    answer.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static("application/octet-stream"));
    answer
}
