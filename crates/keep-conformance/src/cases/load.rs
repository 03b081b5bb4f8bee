//! Waiting, and too many requests at once (spec sections 2.1, 2.3).

use std::time::Duration;

use serde_json::Value;
use tokio::time::timeout;

use super::{Case, case};
use crate::block::Block;
use crate::context::{Context, eventually};
use crate::http::{Body, Connection, HttpError, Request};
use crate::report::{Outcome, Report, Stop, quote};
use crate::server::{Server, USER};
use crate::setup::Setup;

pub(super) const CASES: &[Case] = &[
    case!(28, "client leaves while its request waits", "499 logged", client_leaves),
    case!(88, "more requests than limit and queue", "503, empty; /metrics served", overload),
];

/// How long a request that does not have to wait may take.
const AT_ONCE: Duration = Duration::from_secs(5);

/// A PUT that has sent its head and half its body, and keeps its connection open.
async fn stalled_put(server: &Server, block: &Block, id: &str) -> Result<Connection, Stop> {
    let half = block.data[..block.data.len() / 2].into();
    let request = Request::new("PUT", format!("/{}", block.hash))
        .bearer(USER)
        .header("X-Request-Id", id)
        .body(Body::Stalled { sent: half, announced: block.data.len() });
    let mut connection = server.connect().await?;
    connection.send_head(&request).await?;
    connection.send_body(&request.body).await?;
    let arrived = eventually(|| async { in_flight(server, id).await }).await?;
    if !arrived {
        return Err(Stop::Wrong(
            "/_inspect/requests does not list a PUT whose body is under way".to_owned(),
        ));
    }
    Ok(connection)
}

/// Whether `/_inspect/requests` lists the request of this id.
async fn in_flight(server: &Server, id: &str) -> Result<bool, Stop> {
    let answer =
        server.send(Request::get("/_inspect/requests").bearer(server.management()?)).await?;
    let requests: Vec<Value> = serde_json::from_str(&answer.text())
        .map_err(|error| Stop::Wrong(format!("/_inspect/requests: {}: {error}", quote(&answer))))?;
    Ok(requests.iter().any(|request| request["RequestID"] == id))
}

async fn client_leaves(context: &Context<'_>) -> Outcome {
    // One buffer, which a stalled upload holds in the Go keepstore: the GET has to wait for it.
    let server = context.launch(&Setup { buffers: 1, ..context.standard_setup()? }).await?;
    let log = server.log()?.clone();
    let block = context.block();
    server.store(&block).await?;
    let _holds_the_buffer =
        stalled_put(&server, &context.block(), "req-stalled0000000000000").await?;
    let id = "req-leaving0000000000000";
    let path = format!("/{}", server.signed(&block).await?);
    let request = Request::get(path).bearer(USER).header("X-Request-Id", id);
    let mut connection = server.connect().await?;
    connection.send_head(&request).await?;
    let mut report = Report::default();
    match timeout(AT_ONCE, connection.response("GET")).await {
        Ok(answer) => {
            report.content("GET beside a stalled PUT", &answer?, &block.data);
            report.better("it does not have to wait for a stalled upload");
            return Ok(report);
        }
        Err(_still_waiting) => drop(connection),
    }
    let logged = || async { Ok(response_status(&log.records(), id).is_some()) };
    report.require(eventually(logged).await?, || "no response was logged for it".to_owned());
    let status = response_status(&log.records(), id);
    report.saw(format!("{status:?} logged"));
    report.require(status == Some(499), || format!("{status:?} was logged, not 499"));
    Ok(report)
}

fn response_status(records: &[Value], id: &str) -> Option<u64> {
    let response =
        records.iter().find(|record| record["msg"] == "response" && record["RequestID"] == id)?;
    response["respStatusCode"].as_u64()
}

async fn overload(context: &Context<'_>) -> Outcome {
    let setup =
        Setup { concurrent_requests_max: 2, queued_requests_max: 1, ..context.standard_setup()? };
    let server = context.launch(&setup).await?;
    let mut report = Report::default();
    let mut held = Vec::new();
    for number in 0..3 {
        let id = format!("req-overload{number:012}");
        held.push(stalled_put(&server, &context.block(), &id).await?);
    }
    let block = context.block();
    match timeout(AT_ONCE, server.client().send(server.put_request(&block))).await {
        Ok(Ok(answer)) => {
            report.status("one request too many", &answer, 503);
            report.require(answer.body.is_empty(), || {
                format!("one request too many: {}", quote(&answer))
            });
        }
        Ok(Err(error)) => report.wrong(format!("one request too many: {error}")),
        Err(_) => report.wrong("one request too many waits"),
    }
    let metrics = server.send(Request::get("/metrics").bearer(server.management()?)).await?;
    report.status("/metrics meanwhile", &metrics, 200);
    drop(held);
    let again = eventually(|| async {
        match server.client().send(server.put_request(&block)).await {
            Ok(answer) => Ok(answer.status == 200),
            Err(HttpError::NoAnswer) => Ok(false),
            Err(error) => Err(error.into()),
        }
    });
    report
        .require(again.await?, || "no request gets through after the others have left".to_owned());
    Ok(report)
}
