//! Pull lists (spec sections 2.9, 5.1, 5.3).

use std::collections::HashMap;
use std::time::SystemTime;

use serde_json::{Value, json};

use super::{Case, case};
use crate::block::Block;
use crate::context::{Context, eventually};
use crate::fake::{Answer, Fake, Received};
use crate::report::{Outcome, Report, Stop, quote};
use crate::server::Server;
use crate::signature::PULL_TOKEN;
use crate::volume::Volume;

pub(super) const CASES: &[Case] = &[
    case!(81, "pull: bare hash first / second", "400 / accepted, fails", bare_hash),
    case!(82, "pull to a named mount, URL with slash", "stored there", named_mount),
    case!(83, "pull: bad size, absent, corrupt, mount", "nothing stored, warning", failing_items),
];

const PENDING: &str = "arvados_keepstore_pull_queue_pending_entries";
const IN_PROGRESS: &str = "arvados_keepstore_pull_queue_inprogress_entries";

/// A keepstore to pull from: it has `stored`, right or wrong, and needs a size in a locator as keepstores do.
async fn peer(stored: HashMap<String, Vec<u8>>) -> Result<Fake, Stop> {
    Fake::start(move |request| answer_peer(request, &stored)).await
}

fn answer_peer(request: &Received, stored: &HashMap<String, Vec<u8>>) -> Answer {
    let mut parts = request.target.trim_start_matches('/').split('+');
    let hash = parts.next().unwrap_or_default();
    let sized = parts.next().is_some_and(|size| size.parse::<u64>().is_ok());
    match stored.get(hash) {
        _ if !sized => Answer { status: 405, body: b"method not allowed\n".to_vec() },
        Some(data) => Answer { status: 200, body: data.clone() },
        None => Answer { status: 404, body: b"file does not exist\n".to_vec() },
    }
}

fn holds(blocks: &[&Block]) -> HashMap<String, Vec<u8>> {
    blocks.iter().map(|block| (block.hash.to_string(), block.data.to_vec())).collect()
}

fn item(locator: String, peer: &Fake, mount: &str) -> Value {
    json!({ "locator": locator, "servers": [format!("http://{}/", peer.address)], "mount_uuid": mount })
}

/// Sends a list whose last item, `last`, can be pulled to `volume`, and waits until all of it is worked off.
///
/// A launched server has one worker, so that the last item is done last.
async fn work_off(
    server: &Server,
    items: &[Value],
    last: &Block,
    volume: &Volume,
) -> Result<(), Stop> {
    let answer = server.admin_put("/pull", &json!(items).to_string()).await?;
    if answer.status != 200 || !answer.body.is_empty() {
        return Err(Stop::Wrong(format!("PUT /pull: {}, not an empty 200", quote(&answer))));
    }
    let done = || async {
        Ok(volume.has(last.hash)?
            && server.gauge(PENDING).await? == 0.0
            && server.gauge(IN_PROGRESS).await? == 0.0)
    };
    if !eventually(done).await? {
        return Err(Stop::Wrong(
            "the list was not worked off: a block the peer has was not pulled".to_owned(),
        ));
    }
    Ok(())
}

async fn bare_hash(context: &Context<'_>) -> Outcome {
    let server = context.launch(&context.standard_setup()?).await?;
    let volume = &server.volumes(2)?[1];
    let (bare, last) = (context.block(), context.block());
    let peer = peer(holds(&[&bare, &last])).await?;
    let bare_item = || item(bare.hash.to_string(), &peer, &volume.uuid);
    let last_item = || item(last.locator(), &peer, &volume.uuid);
    let mut report = Report::default();
    let refused = server.admin_put("/pull", &json!([bare_item(), last_item()]).to_string()).await?;
    report.status("PUT /pull, bare hash first", &refused, 400);
    report.require(server.gauge(PENDING).await? == 0.0, || "a refused list is pending".to_owned());
    // It must not be first, and the last one shows that it was tried.
    let earlier = context.block();
    let items = [item(earlier.locator(), &peer, &volume.uuid), bare_item(), last_item()];
    work_off(&server, &items, &last, volume).await?;
    report.saw("200");
    report.require(!volume.has(bare.hash)?, || "the bare hash was pulled".to_owned());
    Ok(report)
}

async fn named_mount(context: &Context<'_>) -> Outcome {
    let server = context.launch(&context.standard_setup()?).await?;
    let block = context.block_first_on(&server, 0)?;
    let [first, second] = server.volumes(2)? else {
        return Err(Stop::Wrong("two volumes were set up".to_owned()));
    };
    let peer = peer(holds(&[&block])).await?;
    work_off(&server, &[item(block.locator(), &peer, &second.uuid)], &block, second).await?;
    let mut report = Report::default();
    report.saw("stored there");
    report.require(second.read(block.hash)? == *block.data, || {
        "other data than the peer's is stored".to_owned()
    });
    report.require(!first.has(block.hash)?, || "it was stored on another mount, too".to_owned());
    for request in peer.received() {
        check_request(&mut report, &server, &block, &request)?;
    }
    Ok(report)
}

/// Checks that a pull asked as spec section 5.3 says: signed for the fixed token, one slash after the host.
fn check_request(
    report: &mut Report,
    server: &Server,
    block: &Block,
    request: &Received,
) -> Result<(), Stop> {
    let signature =
        request.target.strip_prefix(&format!("/{}+", block.locator())).unwrap_or_default();
    let vouched =
        server.key()?.vouches(signature, &block.hash.to_string(), PULL_TOKEN, SystemTime::now());
    report.require(vouched.is_ok(), || {
        format!(
            "the peer was asked without the right signature: {}",
            vouched.err().unwrap_or_default()
        )
    });
    let token_sent = request.authorization == format!("Bearer {PULL_TOKEN}");
    report.require(request.method == "GET" && token_sent, || {
        format!("the peer got a {} without the token for pulls", request.method)
    });
    Ok(())
}

async fn failing_items(context: &Context<'_>) -> Outcome {
    let server = context.launch(&context.standard_setup()?).await?;
    let volume = &server.volumes(2)?[0];
    let (wrong_size, absent, corrupt) = (context.block(), context.block(), context.block());
    let (bad_mount, last) = (context.block(), context.block());
    let mut stored = holds(&[&wrong_size, &bad_mount, &last]);
    stored.insert(corrupt.hash.to_string(), corrupt.damaged());
    let peer = peer(stored).await?;
    let too_long = format!("{}+{}", wrong_size.hash, wrong_size.data.len() + 1);
    let items = [
        item(too_long, &peer, &volume.uuid),
        item(absent.locator(), &peer, &volume.uuid),
        item(corrupt.locator(), &peer, &volume.uuid),
        item(bad_mount.locator(), &peer, "zzzzz-nyw5e-nosuchmount0000"),
        item(last.locator(), &peer, &volume.uuid),
    ];
    work_off(&server, &items, &last, volume).await?;
    let mut report = Report::default();
    let failing = [
        ("wrong size", &wrong_size),
        ("absent", &absent),
        ("corrupt", &corrupt),
        ("bad mount", &bad_mount),
    ];
    for (what, block) in failing {
        let found = server
            .volumes(2)?
            .iter()
            .map(|volume| volume.has(block.hash))
            .collect::<Result<Vec<_>, _>>()?;
        report.saw(if found.contains(&true) { "stored" } else { "nothing stored" });
        report.require(!found.contains(&true), || format!("{what}: something was stored"));
    }
    if let Ok(log) = server.log() {
        let warnings = log.records().iter().filter(|record| is_warning(record)).count();
        report.require(warnings >= failing.len(), || {
            format!("{warnings} warnings in the log, for {} items that failed", failing.len())
        });
    }
    Ok(report)
}

fn is_warning(record: &Value) -> bool {
    matches!(record["level"].as_str(), Some("warning" | "warn" | "error"))
}
