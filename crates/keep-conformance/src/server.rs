//! A server under test, with everything a case needs to talk to it and to look behind it.

use std::time::{Duration, SystemTime};

use crate::block::Block;
use crate::http::{Client, Connection, Origin, Request, Response};
use crate::launcher::{Log, Running};
use crate::rendezvous;
use crate::report::{Stop, quote};
use crate::secret::Secret;
use crate::setup::{Setup, Signing};
use crate::signature::{SigningKey, unix_seconds};
use crate::target::RunningServer;
use crate::volume::{Volume, with_odd_nanoseconds};

/// The user's token: any text does, as keepstores check signatures, not tokens. Its secret is not 40 characters.
pub(crate) const USER: &str =
    "v2/zzzzz-gj3su-077z32aux8dg2s1/3kg6k6lzmp9kj5cpkcoxie963cmvjahbt2fod9zru30k1jqdmi";
/// The secret of [`USER`] alone.
pub(crate) const USER_SECRET: &str = "3kg6k6lzmp9kj5cpkcoxie963cmvjahbt2fod9zru30k1jqdmi";
/// Somebody else's token.
pub(crate) const OTHER_USER: &str =
    "v2/zzzzz-gj3su-077z32aux8dg2s2/1111111111111111111111111111111111111111111111111";

const DAY: Duration = Duration::from_secs(24 * 3600);

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) url: Origin,
    client: Client,
    admin: Secret,
    management: Option<Secret>,
    key: Option<SigningKey>,
    ttl: Duration,
    pub(crate) trash_lifetime: Option<Duration>,
    volumes: Vec<Volume>,
    log: Option<Log>,
    /// Stops a launched server. After the volumes, so that they are cleaned while it is not yet gone.
    running: Option<Running>,
}

impl Server {
    pub(crate) fn launched(setup: &Setup, running: Running) -> Self {
        let key = match &setup.signing {
            Signing::On(key) | Signing::Off(key) => Some(key.clone()),
            Signing::OnWithoutKey => None,
        };
        Server {
            client: Client::new(running.url.clone()),
            url: running.url.clone(),
            admin: setup.admin_token.clone(),
            management: Some(setup.management_token.clone()),
            key: key.map(|key| SigningKey { key, ttl: setup.signing_ttl }),
            ttl: setup.signing_ttl,
            trash_lifetime: Some(setup.trash_lifetime),
            volumes: setup
                .volumes
                .iter()
                .map(|volume| Volume::new(&volume.mount_uuid, &volume.root))
                .collect(),
            log: running.log.clone(),
            running: Some(running),
        }
    }

    pub(crate) fn running(server: &RunningServer) -> Self {
        let key = server.signing_key.clone();
        Server {
            client: Client::new(server.url.clone()),
            url: server.url.clone(),
            admin: server.admin_token.clone(),
            management: server.management_token.clone(),
            key: key.map(|key| SigningKey { key, ttl: server.signing_ttl }),
            ttl: server.signing_ttl,
            trash_lifetime: None,
            volumes: server
                .volume_dirs
                .iter()
                .map(|dir| Volume::new(&dir.mount_uuid, &dir.root))
                .collect(),
            log: None,
            running: None,
        }
    }

    /// Whether it was started for the case, so that its settings are known.
    pub(crate) fn is_launched(&self) -> bool {
        self.running.is_some()
    }

    /// Sends a request. No answer at all ends the case.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, Stop> {
        let what = describe(&request);
        self.client.send(request).await.map_err(|error| Stop::Wrong(format!("{what}: {error}")))
    }

    pub(crate) async fn connect(&self) -> Result<Connection, Stop> {
        Ok(self.client.connect().await?)
    }

    pub(crate) fn client(&self) -> &Client {
        &self.client
    }

    /// Reads with the user's token.
    pub(crate) async fn get(&self, path: &str) -> Result<Response, Stop> {
        self.send(Request::get(path).bearer(USER)).await
    }

    pub(crate) async fn head(&self, path: &str) -> Result<Response, Stop> {
        self.send(Request::head(path).bearer(USER)).await
    }

    /// Reads a block with a signature of now.
    pub(crate) async fn get_block(&self, block: &Block) -> Result<Response, Stop> {
        let locator = self.signed(block).await?;
        self.get(&format!("/{locator}")).await
    }

    pub(crate) async fn head_block(&self, block: &Block) -> Result<Response, Stop> {
        let locator = self.signed(block).await?;
        self.head(&format!("/{locator}")).await
    }

    /// A PUT of a block with the user's token, still to be sent.
    pub(crate) fn put_request(&self, block: &Block) -> Request {
        Request::put(format!("/{}", block.hash), &block.data).bearer(USER)
    }

    pub(crate) async fn put(&self, block: &Block) -> Result<Response, Stop> {
        self.send(self.put_request(block)).await
    }

    /// Stores a block that the case needs; a failure ends the case.
    pub(crate) async fn store(&self, block: &Block) -> Result<(), Stop> {
        let answer = self.put(block).await?;
        if answer.status != 200 {
            return Err(Stop::Wrong(format!("PUT of a small block: {}, not 200", quote(&answer))));
        }
        Ok(())
    }

    /// Sends a request with the admin's token.
    pub(crate) async fn admin(&self, method: &str, path: &str) -> Result<Response, Stop> {
        self.send(Request::new(method, path).bearer(self.admin.expose())).await
    }

    /// Puts a body with the admin's token: a trash or pull list.
    pub(crate) async fn admin_put(&self, path: &str, body: &str) -> Result<Response, Stop> {
        self.send(Request::put(path, body.as_bytes()).bearer(self.admin.expose())).await
    }

    pub(crate) fn management(&self) -> Result<&str, Stop> {
        let token = self
            .management
            .as_ref()
            .ok_or_else(|| skipped("the server's management token is not known"))?;
        Ok(token.expose())
    }

    pub(crate) fn key(&self) -> Result<&SigningKey, Stop> {
        self.key.as_ref().ok_or_else(|| skipped("the server's signing key is not known"))
    }

    pub(crate) fn known_key(&self) -> Option<&SigningKey> {
        self.key.as_ref()
    }

    pub(crate) fn log(&self) -> Result<&Log, Stop> {
        self.log.as_ref().ok_or_else(|| skipped("the server's log is not captured"))
    }

    /// At least `count` volumes whose directories this process can reach.
    pub(crate) fn volumes(&self, count: usize) -> Result<&[Volume], Stop> {
        if self.volumes.len() < count {
            return Err(skipped(format!(
                "needs {count} volume directories and knows {}",
                self.volumes.len()
            )));
        }
        Ok(&self.volumes)
    }

    /// The volumes in the order in which the server tries them for this block.
    pub(crate) fn volumes_for(&self, block: &Block, count: usize) -> Result<Vec<&Volume>, Stop> {
        let volumes = self.volumes(count)?;
        let uuids: Vec<&str> = volumes.iter().map(|volume| volume.uuid.as_str()).collect();
        Ok(rendezvous::order(block.hash, &uuids)
            .into_iter()
            .map(|position| &volumes[position])
            .collect())
    }

    /// `hash+size+A…` for the user. Without the key, the signature comes from a PUT of the block.
    pub(crate) async fn signed(&self, block: &Block) -> Result<String, Stop> {
        self.signed_for(block, USER).await
    }

    pub(crate) async fn signed_for(&self, block: &Block, token: &str) -> Result<String, Stop> {
        Ok(format!("{}+{}", block.locator(), self.hint(block, token).await?))
    }

    /// The `A…` hint alone.
    pub(crate) async fn hint(&self, block: &Block, token: &str) -> Result<String, Stop> {
        if let Some(key) = &self.key {
            let expiry = unix_seconds(SystemTime::now() + key.ttl);
            return Ok(key.hint(&block.hash.to_string(), token, expiry));
        }
        let request = Request::put(format!("/{}", block.hash), &block.data).bearer(token);
        let answer = self.send(request).await?;
        let locator = answer.text().trim_end().to_owned();
        match locator.split('+').find(|part| part.starts_with('A')) {
            Some(hint) if answer.status == 200 => Ok(hint.to_owned()),
            _ => Err(skipped("the signing key is not known, and no PUT answer has a signature")),
        }
    }

    /// A moment long enough ago that a replica of it may be trashed.
    pub(crate) fn old(&self) -> SystemTime {
        with_odd_nanoseconds(SystemTime::now() - self.ttl - DAY)
    }

    /// The sum of a gauge over its labels.
    pub(crate) async fn gauge(&self, name: &str) -> Result<f64, Stop> {
        let answer = self.send(Request::get("/metrics").bearer(self.management()?)).await?;
        let text = answer.text();
        let values = text.lines().filter_map(|line| {
            let rest = line.strip_prefix(name)?;
            rest.starts_with(['{', ' ']).then(|| rest.rsplit(' ').next()?.parse::<f64>().ok())?
        });
        let values: Vec<f64> = values.collect();
        if values.is_empty() {
            return Err(Stop::Wrong(format!("/metrics has no {name}")));
        }
        Ok(values.iter().sum())
    }
}

pub(crate) fn skipped(reason: impl Into<String>) -> Stop {
    Stop::Skipped(reason.into())
}

/// A request as a message may show it: no query, no signature.
fn describe(request: &Request) -> String {
    let path = request.target.split(['?']).next().unwrap_or_default();
    let shown = path.split("+A").next().unwrap_or_default().split("+R").next().unwrap_or_default();
    format!("{} {shown}", request.method)
}
