//! Which paths are locators, and which hints pass (spec sections 1, 2.2, 3.2).

use super::{Case, case};
use crate::context::Context;
use crate::http::{Body, Request};
use crate::report::{Outcome, Report};
use crate::server::USER;

pub(super) const CASES: &[Case] = &[
    case!(7, "GET without a size", "405, before auth", no_size),
    case!(11, "+K@xyzzy before, +Zfoo after signature", "200", other_hints),
    case!(12, "lower-case hint +zbad", "400 invalid signature", lower_case_hint),
    case!(13, "+3+, ++3, +3+3, +A+3, 33 hex digits", "400 invalid locator", invalid_locators),
    case!(14, "31 hex digits, upper case, /xyz", "400 Bad Request", no_route),
    case!(54, "POST, PATCH, PUT //hash", "400 Bad Request", no_method),
];

const BAD_REQUEST: &str = "Bad Request";

async fn no_size(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    server.store(&block).await?;
    let hash = block.hash.to_string();
    let signed = format!("/{hash}+{}", server.hint(&block, USER).await?);
    let mut report = Report::default();
    let text = "method not allowed";
    report.refusal("GET of the bare hash", &server.get(&format!("/{hash}")).await?, 405, text);
    report.refusal("GET signed, no size", &server.get(&signed).await?, 405, text);
    report.refusal(
        "GET without a token",
        &server.send(Request::get(format!("/{hash}"))).await?,
        405,
        text,
    );
    Ok(report)
}

async fn other_hints(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    server.store(&block).await?;
    let hint = server.hint(&block, USER).await?;
    let locator = block.locator();
    let mut report = Report::default();
    let before = server.get(&format!("/{locator}+K@xyzzy+{hint}")).await?;
    report.content("GET, K hint before the signature", &before, &block.data);
    let after = server.get(&format!("/{locator}+{hint}+Zfoo")).await?;
    report.content("GET, Z hint after the signature", &after, &block.data);
    Ok(report)
}

async fn lower_case_hint(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    server.store(&block).await?;
    let locator = server.signed(&block).await?;
    let mut report = Report::default();
    let answer = server.get(&format!("/{locator}+zbad")).await?;
    report.refusal("GET with +zbad", &answer, 400, "invalid signature");
    Ok(report)
}

async fn invalid_locators(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    let mut report = Report::default();
    for rest in ["+3+", "++3", "+3+3", "+A+3", "0"] {
        let answer = server.get(&format!("/{}{rest}", block.hash)).await?;
        report.refusal(&format!("GET hash{rest}"), &answer, 400, "invalid locator");
    }
    Ok(report)
}

async fn no_route(context: &Context<'_>) -> Outcome {
    let server = context.standard().await?;
    let hash = context.block().hash.to_string();
    let short = hash.get(1..).unwrap_or_default();
    // Some digit must be a letter, or upper case would change nothing.
    let upper = format!("A{}", short.to_uppercase());
    let mut report = Report::default();
    for path in [format!("/{short}+3"), format!("/{upper}+3"), "/xyz".to_owned()] {
        report.refusal(&format!("GET {path}"), &server.get(&path).await?, 400, BAD_REQUEST);
    }
    Ok(report)
}

async fn no_method(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    let path = format!("/{}", block.hash);
    let mut report = Report::default();
    for (method, path) in
        [("POST", path.clone()), ("PATCH", path.clone()), ("PUT", format!("/{path}"))]
    {
        let request = Request::new(method, path).bearer(USER).body(Body::Sized(block.data.clone()));
        report.refusal(method, &server.send(request).await?, 400, BAD_REQUEST);
    }
    Ok(report)
}
