//! Reading a healthy block (spec sections 2.1, 2.3).

use super::{Case, case};
use crate::block::Block;
use crate::context::Context;
use crate::http::Request;
use crate::report::{Outcome, Report};
use crate::server::USER;

pub(super) const CASES: &[Case] = &[
    case!(1, "GET signed, with its token", "200, Content-Length, Vary, CORS", signed),
    case!(8, "HEAD signed, no size", "200, Content-Length 3", head_without_size),
    case!(10, "GET and HEAD of // signed", "200", two_slashes),
    case!(15, "absent block", "404 file does not exist", absent),
    case!(21, "empty block absent, then stored", "404, then 200 Content-Length 0", empty_block),
    case!(27, "GET with a Range header", "ignored: 200 and the whole block", range),
];

/// The CORS headers of spec section 2.1.
pub(super) const CORS: [(&str, &str); 5] = [
    ("Access-Control-Allow-Methods", "GET, HEAD, PUT, OPTIONS"),
    ("Access-Control-Allow-Origin", "*"),
    (
        "Access-Control-Allow-Headers",
        "Authorization, Content-Length, Content-Type, X-Keep-Desired-Replicas, X-Keep-Signature, X-Keep-Storage-Classes",
    ),
    (
        "Access-Control-Expose-Headers",
        "X-Keep-Locator, X-Keep-Replicas-Stored, X-Keep-Storage-Classes-Confirmed",
    ),
    ("Access-Control-Max-Age", "86486400"),
];

async fn signed(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    server.store(&block).await?;
    let answer = server.get_block(&block).await?;
    let mut report = Report::default();
    report.content("GET", &answer, &block.data);
    report.header("GET", &answer, "Content-Length", &block.data.len().to_string());
    report.header("GET", &answer, "Vary", "X-Keep-Signature");
    for (name, value) in CORS {
        report.header("GET", &answer, name, value);
    }
    Ok(report)
}

async fn head_without_size(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    server.store(&block).await?;
    let hint = server.hint(&block, USER).await?;
    let answer = server.head(&format!("/{}+{hint}", block.hash)).await?;
    let mut report = Report::default();
    report.status("HEAD", &answer, 200);
    report.header("HEAD", &answer, "Content-Length", &block.data.len().to_string());
    Ok(report)
}

async fn two_slashes(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    server.store(&block).await?;
    let locator = server.signed(&block).await?;
    let mut report = Report::default();
    report.content("GET //", &server.get(&format!("//{locator}")).await?, &block.data);
    report.status("HEAD //", &server.head(&format!("//{locator}")).await?, 200);
    Ok(report)
}

async fn absent(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    server.key()?; // without it, only a PUT would give a signature, and then the block is not absent
    let mut report = Report::default();
    report.refusal("GET", &server.get_block(&block).await?, 404, "file does not exist");
    report.status("HEAD", &server.head_block(&block).await?, 404);
    Ok(report)
}

async fn empty_block(context: &Context<'_>) -> Outcome {
    // Somebody's server may have the empty block already.
    let server = context.launch(&context.standard_setup()?).await?;
    let empty = Block::new([]);
    let mut report = Report::default();
    report.refusal(
        "GET of the absent empty block",
        &server.get_block(&empty).await?,
        404,
        "file does not exist",
    );
    report.status("PUT of the empty block", &server.put(&empty).await?, 200);
    let answer = server.get_block(&empty).await?;
    report.content("GET of the stored empty block", &answer, b"");
    report.header("GET", &answer, "Content-Length", "0");
    Ok(report)
}

async fn range(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    server.store(&block).await?;
    let locator = server.signed(&block).await?;
    let request = Request::get(format!("/{locator}")).bearer(USER).header("Range", "bytes=1-2");
    let answer = server.send(request).await?;
    let mut report = Report::default();
    report.content("GET with Range", &answer, &block.data);
    report.require(answer.header("Content-Range").is_none(), || {
        "GET with Range: it has Content-Range".to_owned()
    });
    Ok(report)
}
