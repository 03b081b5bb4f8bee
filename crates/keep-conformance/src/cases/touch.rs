//! TOUCH (spec section 2.6).

use std::time::SystemTime;

use super::{Case, case};
use crate::context::Context;
use crate::http::Request;
use crate::report::{Outcome, Report};
use crate::server::USER;

pub(super) const CASES: &[Case] = &[
    case!(55, "TOUCH: no / user / M / S token", "401 / 403 / 403 / 200", tokens),
    case!(56, "TOUCH with copies on two mounts", "only first UUID's mtime changes", two_copies),
    case!(57, "TOUCH absent / bad locator", "404 / 400", absent),
];

async fn tokens(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    server.store(&block).await?;
    let path = format!("/{}", block.hash);
    let touch = || Request::new("TOUCH", path.as_str());
    let mut report = Report::default();
    report.refusal("TOUCH without a token", &server.send(touch()).await?, 401, "Unauthorized");
    report.refusal("TOUCH by a user", &server.send(touch().bearer(USER)).await?, 403, "Forbidden");
    let by_management = server.send(touch().bearer(server.management()?)).await?;
    report.refusal("TOUCH with the management token", &by_management, 403, "Forbidden");
    let by_admin = server.admin("TOUCH", &path).await?;
    report.content("TOUCH by the admin", &by_admin, b"");
    Ok(report)
}

async fn two_copies(context: &Context<'_>) -> Outcome {
    let server = context.launch(&context.standard_setup()?).await?;
    let block = context.block();
    let volumes = server.volumes(2)?; // in the order of their UUIDs
    let old = server.old();
    for volume in volumes {
        volume.plant(block.hash, &block.data, old)?;
    }
    let asked = SystemTime::now() - std::time::Duration::from_millis(50);
    let mut report = Report::default();
    report.status("TOUCH", &server.admin("TOUCH", &format!("/{}", block.hash)).await?, 200);
    let mtimes = [volumes[0].replica(block.hash)?, volumes[1].replica(block.hash)?];
    let [first, second] = mtimes.map(|replica| replica.map(|replica| replica.mtime));
    report.require(first >= Some(asked), || "the first mount's mtime was not renewed".to_owned());
    report.require(second == Some(old), || "the second mount's mtime changed".to_owned());
    Ok(report)
}

async fn absent(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    let mut report = Report::default();
    report.status(
        "TOUCH of an absent block",
        &server.admin("TOUCH", &format!("/{}", block.hash)).await?,
        404,
    );
    let bad = server.admin("TOUCH", &format!("/{}+3+3", block.hash)).await?;
    report.refusal("TOUCH of a bad locator", &bad, 400, "invalid locator");
    Ok(report)
}
