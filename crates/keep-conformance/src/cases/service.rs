//! CORS, health, metrics, request ids, starting (spec sections 2.1, 8, 9).

use super::read::CORS;
use super::{Case, case};
use crate::context::Context;
use crate::http::Request;
use crate::launcher::StartFailure;
use crate::report::{Outcome, Report, quote};
use crate::server::{USER, skipped};
use crate::setup::{ServedBy, Setup, Signing, VolumeSetup};

pub(super) const CASES: &[Case] = &[
    case!(84, "OPTIONS any path", "200, empty, CORS", options),
    case!(85, "/metrics: no / wrong / M token", "401 / 403 / 200", metrics),
    case!(86, "/_health/ping: no / wrong / M / HEAD", "401 / 403 / 200 / 405", ping),
    case!(87, "/_inspect/requests: wrong / M", "401 / 200", inspect),
    case!(89, "X-Request-Id sent / absent", "echoed / req- and 20 characters", request_id),
    case!(90, "start: no key, buffer, volume, class", "exit 1", refused_settings),
    case!(91, "start: unknown flag / extra argument", "exit 2", refused_arguments),
];

async fn options(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    let mut report = Report::default();
    for path in [
        format!("/{}", block.locator()),
        "/".to_owned(),
        "/index".to_owned(),
        "/xyz/abc".to_owned(),
    ] {
        let answer = server.send(Request::new("OPTIONS", path.as_str())).await?;
        report.content(&format!("OPTIONS {path}"), &answer, b"");
        for (name, value) in CORS {
            report.header(&format!("OPTIONS {path}"), &answer, name, value);
        }
    }
    Ok(report)
}

async fn metrics(context: &Context<'_>) -> Outcome {
    let server = context.standard().await?;
    let management = server.management()?;
    let mut report = Report::default();
    for path in ["/metrics", "/metrics.json"] {
        report.status(path, &server.send(Request::get(path)).await?, 401);
        report.status(path, &server.send(Request::get(path).bearer(USER)).await?, 403);
        let answer = server.send(Request::get(path).bearer(management)).await?;
        report.status(path, &answer, 200);
        let text = answer.text();
        let readable = match path {
            "/metrics" => text.contains("arvados_keepstore_trash_queue_pending_entries"),
            _ => serde_json::from_str::<Vec<serde_json::Value>>(&text)
                .is_ok_and(|families| !families.is_empty()),
        };
        report.require(readable, || format!("{path}: the body has no metrics"));
    }
    Ok(report)
}

async fn ping(context: &Context<'_>) -> Outcome {
    let server = context.standard().await?;
    let management = server.management()?;
    let path = "/_health/ping";
    let mut report = Report::default();
    report.status("ping without a token", &server.send(Request::get(path)).await?, 401);
    report.status(
        "ping with a wrong token",
        &server.send(Request::get(path).bearer(USER)).await?,
        403,
    );
    let answer = server.send(Request::get(path).bearer(management)).await?;
    report.content("ping", &answer, b"{\"health\":\"OK\"}\n");
    report.header("ping", &answer, "Content-Type", "application/json");
    report.status("HEAD of ping", &server.send(Request::head(path).bearer(management)).await?, 405);
    Ok(report)
}

async fn inspect(context: &Context<'_>) -> Outcome {
    let server = context.standard().await?;
    let management = server.management()?;
    let path = "/_inspect/requests";
    let mut report = Report::default();
    let refused = server.send(Request::get(path).bearer(USER)).await?;
    report.status("inspect with a wrong token", &refused, 401);
    let errors = serde_json::from_str::<serde_json::Value>(&refused.text()).unwrap_or_default();
    report.require(errors == serde_json::json!({ "errors": ["unauthorized"] }), || {
        format!("inspect with a wrong token: {}", quote(&refused))
    });
    let answer = server.send(Request::get(path).bearer(management)).await?;
    report.status("inspect", &answer, 200);
    report.require(serde_json::from_str::<Vec<serde_json::Value>>(&answer.text()).is_ok(), || {
        format!("inspect: {} is no JSON array", quote(&answer))
    });
    Ok(report)
}

async fn request_id(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    server.store(&block).await?;
    let path = format!("/{}", server.signed(&block).await?);
    let mut report = Report::default();
    let own = "req-conformance000000000";
    let echoed =
        server.send(Request::get(path.as_str()).bearer(USER).header("X-Request-Id", own)).await?;
    report.status("GET with an id", &echoed, 200);
    report.header("GET with an id", &echoed, "X-Request-Id", own);
    let made = server.get(&path).await?;
    report.status("GET without an id", &made, 200);
    let random =
        made.header("X-Request-Id").and_then(|id| id.strip_prefix("req-")).unwrap_or_default();
    let well_formed =
        random.len() == 20 && random.bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase());
    report.require(well_formed, || {
        format!("GET without an id: X-Request-Id is {:?}", made.header("X-Request-Id"))
    });
    Ok(report)
}

async fn refused_settings(context: &Context<'_>) -> Outcome {
    let standard = || context.standard_setup();
    // A program that cannot start at all refuses nothing.
    context.launch(&standard()?).await?;
    let elsewhere = VolumeSetup { served_by: ServedBy::AnotherService, ..context.volume(3)? };
    let bad_class =
        VolumeSetup { storage_classes: vec!["unheard-of".to_owned()], ..context.volume(4)? };
    let setups = [
        ("signing on, no key", Setup { signing: Signing::OnWithoutKey, ..standard()? }),
        ("no buffers", Setup { buffers: 0, ..standard()? }),
        ("no volume for this service", context.setup(vec![elsewhere])),
        ("a class that does not exist", context.setup(vec![bad_class])),
    ];
    let mut report = Report::default();
    for (what, setup) in setups {
        match context.refusal_to_start(&setup).await? {
            None => report.wrong(format!("{what}: it started")),
            Some(StartFailure::Exited { code: Some(1), .. }) => report.saw("exit 1"),
            Some(StartFailure::Unsupported(why)) => return Err(skipped(why)),
            Some(
                other @ (StartFailure::Exited { .. }
                | StartFailure::NotReady(_)
                | StartFailure::Io { .. }),
            ) => {
                report.wrong(format!("{what}: {other}"));
            }
        }
    }
    Ok(report)
}

async fn refused_arguments(context: &Context<'_>) -> Outcome {
    let launcher = context.launcher()?;
    let setup = context.standard_setup()?;
    context.launch(&setup).await?;
    let mut report = Report::default();
    for (what, arguments) in [("unknown flag", ["-no-such-flag"]), ("extra argument", ["extra"])] {
        match launcher.refused_arguments(&setup, &arguments).await {
            StartFailure::Exited { code: Some(2), .. } => report.saw("exit 2"),
            StartFailure::Unsupported(why) => return Err(skipped(why)),
            other @ (StartFailure::Exited { .. }
            | StartFailure::NotReady(_)
            | StartFailure::Io { .. }) => {
                report.wrong(format!("{what}: {other}"));
            }
        }
    }
    Ok(report)
}
