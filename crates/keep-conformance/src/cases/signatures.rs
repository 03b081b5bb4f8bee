//! Who may read: tokens and signatures (spec sections 2.1, 2.3, 3.2).

use std::time::{Duration, SystemTime};

use base64::Engine;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};

use super::{Case, case};
use crate::block::Block;
use crate::context::Context;
use crate::http::Request;
use crate::report::{Outcome, Report, Stop};
use crate::server::{OTHER_USER, Server, USER, USER_SECRET};
use crate::setup::{Setup, Signing};
use crate::signature::{SigningKey, unix_seconds};

pub(super) const CASES: &[Case] = &[
    case!(2, "GET signed, without a token", "401 no token", no_token),
    case!(3, "GET signed, with another token", "400 invalid signature", other_token),
    case!(4, "GET unsigned", "400 invalid signature", unsigned),
    case!(5, "GET with an expired signature", "401 expired signature", expired),
    case!(6, "GET, signature of another TTL", "400 invalid signature", other_ttl),
    case!(9, "HEAD unsigned, no token / token", "401 / 400", head_unsigned),
    case!(24, "token: OAuth2, Basic, query, cookie", "200", token_sources),
    case!(25, "Authorization: bearer (lower case)", "401", lower_case_scheme),
    case!(26, "signed for v2 text, bare secret sent", "400 invalid signature", bare_secret),
    case!(29, "signing off: any token, any A hint", "200", signing_off),
];

pub(super) const NO_TOKEN: &str = "no token provided in Authorization header";
const INVALID: &str = "invalid signature";
const EXPIRED: &str = "expired signature";

async fn stored(context: &Context<'_>) -> Result<(Server, Block), Stop> {
    let (server, block) = (context.standard().await?, context.block());
    server.store(&block).await?;
    Ok((server, block))
}

async fn no_token(context: &Context<'_>) -> Outcome {
    let (server, block) = stored(context).await?;
    let answer = server.send(Request::get(format!("/{}", server.signed(&block).await?))).await?;
    let mut report = Report::default();
    report.refusal("GET without a token", &answer, 401, NO_TOKEN);
    Ok(report)
}

async fn other_token(context: &Context<'_>) -> Outcome {
    let (server, block) = stored(context).await?;
    let request = Request::get(format!("/{}", server.signed(&block).await?)).bearer(OTHER_USER);
    let mut report = Report::default();
    report.refusal("GET with another token", &server.send(request).await?, 400, INVALID);
    Ok(report)
}

async fn unsigned(context: &Context<'_>) -> Outcome {
    let (server, block) = stored(context).await?;
    let mut report = Report::default();
    report.refusal(
        "GET unsigned",
        &server.get(&format!("/{}", block.locator())).await?,
        400,
        INVALID,
    );
    Ok(report)
}

async fn expired(context: &Context<'_>) -> Outcome {
    let (server, block) = stored(context).await?;
    let mut report = Report::default();
    if let Some(key) = server.known_key() {
        let hint = key.hint(&block.hash.to_string(), USER, unix_seconds(SystemTime::now()) - 5);
        let answer = server.get(&format!("/{}+{hint}", block.locator())).await?;
        report.refusal("GET, five seconds too late", &answer, 401, EXPIRED);
    }
    // The expiry is looked at before the signature is (spec section 3.2).
    let forged = format!("/{}+A{}@00000001", block.locator(), "0".repeat(40));
    report.refusal("GET, expired and forged", &server.get(&forged).await?, 401, EXPIRED);
    Ok(report)
}

async fn other_ttl(context: &Context<'_>) -> Outcome {
    let (server, block) = stored(context).await?;
    let key = server.key()?;
    let other = SigningKey { key: key.key.clone(), ttl: key.ttl + Duration::from_secs(1) };
    let hint = other.hint(&block.hash.to_string(), USER, unix_seconds(SystemTime::now() + key.ttl));
    let mut report = Report::default();
    let answer = server.get(&format!("/{}+{hint}", block.locator())).await?;
    report.refusal("GET, signature of another TTL", &answer, 400, INVALID);
    Ok(report)
}

async fn head_unsigned(context: &Context<'_>) -> Outcome {
    let (server, block) = stored(context).await?;
    let path = format!("/{}", block.hash);
    let mut report = Report::default();
    report.status(
        "HEAD unsigned without a token",
        &server.send(Request::head(path.as_str())).await?,
        401,
    );
    report.status("HEAD unsigned with a token", &server.head(&path).await?, 400);
    Ok(report)
}

async fn token_sources(context: &Context<'_>) -> Outcome {
    let (server, block) = stored(context).await?;
    let path = format!("/{}", server.signed(&block).await?);
    let basic = STANDARD.encode(format!("anybody:{USER}"));
    let cookie = URL_SAFE.encode(USER);
    let sources = [
        ("OAuth2", Request::get(path.as_str()).header("Authorization", format!("OAuth2 {USER}"))),
        (
            "Basic password",
            Request::get(path.as_str()).header("Authorization", format!("Basic {basic}")),
        ),
        ("?api_token=", Request::get(format!("{path}?api_token={USER}"))),
        (
            "cookie",
            Request::get(path.as_str()).header("Cookie", format!("arvados_api_token={cookie}")),
        ),
    ];
    let mut report = Report::default();
    for (source, request) in sources {
        report.content(
            &format!("GET with the token as {source}"),
            &server.send(request).await?,
            &block.data,
        );
    }
    Ok(report)
}

async fn lower_case_scheme(context: &Context<'_>) -> Outcome {
    let (server, block) = stored(context).await?;
    let path = format!("/{}", server.signed(&block).await?);
    let request = Request::get(path).header("authorization", format!("bearer {USER}"));
    let mut report = Report::default();
    report.refusal("GET with 'bearer'", &server.send(request).await?, 401, NO_TOKEN);
    Ok(report)
}

async fn bare_secret(context: &Context<'_>) -> Outcome {
    let (server, block) = stored(context).await?;
    let request = Request::get(format!("/{}", server.signed(&block).await?)).bearer(USER_SECRET);
    let mut report = Report::default();
    report.refusal("GET with the secret alone", &server.send(request).await?, 400, INVALID);
    Ok(report)
}

async fn signing_off(context: &Context<'_>) -> Outcome {
    let standard = context.standard_setup()?;
    let key = match &standard.signing {
        Signing::On(key) | Signing::Off(key) => Signing::Off(key.clone()),
        Signing::OnWithoutKey => Signing::OnWithoutKey,
    };
    let server = context.launch(&Setup { signing: key, ..standard }).await?;
    let block = context.block();
    server.store(&block).await?;
    let expired = format!("/{}+A{}@00000001", block.locator(), "0".repeat(40));
    let unsigned = format!("/{}", block.locator());
    let requests = [
        ("no token", Request::get(unsigned.as_str())),
        ("any token", Request::get(unsigned.as_str()).bearer("anything")),
        ("an A hint that is none", Request::get(format!("{unsigned}+Abc")).bearer("anything")),
        ("an expired A hint", Request::get(expired)),
    ];
    let mut report = Report::default();
    for (with, request) in requests {
        report.content(&format!("GET with {with}"), &server.send(request).await?, &block.data);
    }
    Ok(report)
}
