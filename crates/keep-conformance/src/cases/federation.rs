//! Reading from another cluster (spec section 2.4).

use std::time::SystemTime;

use serde_json::json;

use super::signatures::NO_TOKEN;
use super::{Case, case};
use crate::block::Block;
use crate::context::Context;
use crate::fake::{Answer, Fake, Received};
use crate::http::{Origin, Request};
use crate::report::{Outcome, Report, Stop};
use crate::secret::Secret;
use crate::server::{Server, USER, USER_SECRET};
use crate::setup::{RemoteSetup, Setup, Signing};
use crate::signature::salted;

pub(super) const CASES: &[Case] = &[
    case!(30, "+R unknown remote / bad R / no token", "400 / 400 / 401", unusable_hints),
    case!(
        31,
        "+R known, X-Keep-Signature: local",
        "200, X-Keep-Locator, stored here",
        read_and_keep
    ),
    case!(32, "+R known, without that header", "200, no X-Keep-Locator, not kept", read_through),
    case!(33, "+R with a v1 token", "400 obsolete token format", obsolete_token),
    case!(34, "+R, the remote lacks the block", "404", remote_lacks_it),
];

const REMOTE: &str = "z0000";
const LOCAL: &str = "local, time=2026-01-02T03:04:05Z";

/// Two clusters: `home` knows `away` through an API server that names it as its only keepstore.
struct Federation {
    home: Server,
    away: Server,
    api: Fake,
}

impl Federation {
    async fn start(context: &Context<'_>) -> Result<Self, Stop> {
        let mut away = context.setup(vec![context.volume(9)?]);
        away.cluster_id = REMOTE.to_owned();
        away.signing =
            Signing::On(Secret::new("anotherclusterskeyanotherclusterskeyanotherclusterskey"));
        let away = context.launch(&away).await?;
        let services = keep_services(&away.url)?;
        let api = Fake::start_tls(move |request| answer_api(request, &services)).await?;
        let remote = RemoteSetup { cluster_id: REMOTE.to_owned(), host: api.address.to_string() };
        let home =
            context.launch(&Setup { remote: Some(remote), ..context.standard_setup()? }).await?;
        Ok(Federation { home, away, api })
    }

    /// The locator by which the user knows a block of the other cluster.
    async fn locator(&self, block: &Block) -> Result<String, Stop> {
        let token = salted(USER, REMOTE)
            .ok_or_else(|| Stop::Wrong("the user's token cannot be salted".to_owned()))?;
        let hint = self.away.hint(block, &token).await?;
        Ok(format!("{}+R{REMOTE}-{}", block.locator(), hint.trim_start_matches('A')))
    }
}

/// The list of spec section 10, as an API server gives it.
fn keep_services(keepstore: &Origin) -> Result<Vec<u8>, Stop> {
    let (host, port) = keepstore.authority().rsplit_once(':').unwrap_or_default();
    let port: u16 =
        port.parse().map_err(|error| Stop::Wrong(format!("{keepstore} has no port: {error}")))?;
    let service = json!({
        "uuid": format!("{REMOTE}-bi6l4-000000000000000"),
        "service_host": host,
        "service_port": port,
        "service_ssl_flag": false,
        "service_type": "disk",
        "read_only": false,
    });
    let list =
        json!({ "kind": "arvados#keepServiceList", "items_available": 1, "items": [service] });
    Ok(list.to_string().into_bytes())
}

fn answer_api(request: &Received, services: &[u8]) -> Answer {
    match request.target.split('?').next() {
        Some("/arvados/v1/keep_services/accessible") => {
            Answer { status: 200, body: services.to_vec() }
        }
        // A client may ask how many replicas are usual.
        Some("/discovery/v1/apis/arvados/v1/rest") => Answer {
            status: 200,
            body: json!({ "defaultCollectionReplication": 1 }).to_string().into_bytes(),
        },
        _ => Answer { status: 404, body: b"{}".to_vec() },
    }
}

async fn unusable_hints(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    let signature = format!("{}@7fffffff", "0".repeat(40));
    let unknown = format!("/{}+Rq9q9q-{signature}", block.locator());
    let mut report = Report::default();
    report.refusal(
        "GET, unknown remote",
        &server.get(&unknown).await?,
        400,
        "remote cluster not configured",
    );
    let bad = format!("/{}+Rbad", block.locator());
    report.refusal("GET, bad R hint", &server.get(&bad).await?, 400, "invalid remote hint");
    report.refusal(
        "GET without a token",
        &server.send(Request::get(unknown)).await?,
        401,
        NO_TOKEN,
    );
    Ok(report)
}

async fn read_and_keep(context: &Context<'_>) -> Outcome {
    let federation = Federation::start(context).await?;
    let mut report = Report::default();
    for method in ["GET", "HEAD"] {
        let block = context.block();
        federation.away.store(&block).await?;
        let path = format!("/{}", federation.locator(&block).await?);
        let request = Request::new(method, path).bearer(USER).header("X-Keep-Signature", LOCAL);
        let answer = federation.home.send(request).await?;
        report.status(method, &answer, 200);
        if method == "GET" {
            report.require(*answer.body == *block.data, || {
                "GET: the body is not the block".to_owned()
            });
        }
        local_locator(
            &mut report,
            method,
            &federation.home,
            &block,
            answer.header("X-Keep-Locator"),
        )
        .await?;
    }
    let salted =
        salted(USER, REMOTE).map(|token| [format!("Bearer {token}"), format!("OAuth2 {token}")]);
    let asked = federation.api.received();
    report.require(!asked.is_empty(), || "the other cluster's API server was not asked".to_owned());
    let sent_salted =
        |request: &Received| salted.iter().flatten().any(|token| *token == request.authorization);
    report.require(
        asked.iter().all(|request| request.authorization.is_empty() || sent_salted(request)),
        || "another token than the salted one went to the other cluster's API server".to_owned(),
    );
    Ok(report)
}

/// Checks that `X-Keep-Locator` is signed for the user here, and that the block can be read by it.
async fn local_locator(
    report: &mut Report,
    method: &str,
    home: &Server,
    block: &Block,
    locator: Option<&str>,
) -> Result<(), Stop> {
    let Some(locator) = locator else {
        report.wrong(format!("{method}: no X-Keep-Locator"));
        return Ok(());
    };
    let hint = locator.strip_prefix(&format!("{}+", block.locator())).unwrap_or_default();
    let vouched = home.key()?.vouches(hint, &block.hash.to_string(), USER, SystemTime::now());
    report.require(vouched.is_ok(), || {
        format!("{method}: X-Keep-Locator: {}", vouched.err().unwrap_or_default())
    });
    report.content("GET by X-Keep-Locator", &home.get(&format!("/{locator}")).await?, &block.data);
    Ok(())
}

async fn read_through(context: &Context<'_>) -> Outcome {
    let federation = Federation::start(context).await?;
    let block = context.block();
    federation.away.store(&block).await?;
    let answer = federation.home.get(&format!("/{}", federation.locator(&block).await?)).await?;
    let mut report = Report::default();
    report.content("GET", &answer, &block.data);
    report.require(answer.header("X-Keep-Locator").is_none(), || {
        "GET: it has X-Keep-Locator".to_owned()
    });
    report.status("GET of it here", &federation.home.get_block(&block).await?, 404);
    Ok(report)
}

async fn obsolete_token(context: &Context<'_>) -> Outcome {
    let federation = Federation::start(context).await?;
    let block = context.block();
    let path = format!("/{}", federation.locator(&block).await?);
    let answer = federation.home.send(Request::get(path).bearer(USER_SECRET)).await?;
    let mut report = Report::default();
    report.refusal("GET with a v1 token", &answer, 400, "obsolete token format");
    Ok(report)
}

async fn remote_lacks_it(context: &Context<'_>) -> Outcome {
    let federation = Federation::start(context).await?;
    let block = context.block();
    let answer = federation.home.get(&format!("/{}", federation.locator(&block).await?)).await?;
    let mut report = Report::default();
    report.saw(answer.status.to_string());
    report.require(answer.status == 404, || {
        format!("GET: {}, not 404", crate::report::quote(&answer))
    });
    if answer.content_length().is_some_and(|length| length != answer.body.len() as u64) {
        report.note("the answer announces the block's length and sends the error's text");
    }
    Ok(report)
}
