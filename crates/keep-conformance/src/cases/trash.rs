//! DELETE and untrash (spec section 2.6, 6).

use std::time::{Duration, SystemTime};

use super::{Case, case};
use crate::block::Block;
use crate::context::Context;
use crate::report::{Outcome, Report, Stop};
use crate::server::Server;
use crate::setup::{Access, Setup, Trash, VolumeSetup};
use crate::signature::unix_seconds;
use crate::volume::Volume;

pub(super) const CASES: &[Case] = &[
    case!(58, "DELETE of an old block", "200, renamed to trash, GET 404", old_block),
    case!(59, "DELETE of a new block", "200, unchanged", new_block),
    case!(60, "DELETE, one replica old, one new", "old trashed, new kept", old_and_new),
    case!(61, "DELETE absent / BlobTrash off", "404 / 405", absent_or_off),
    case!(62, "DELETE with read-only mounts", "kept, but AllowTrashWhenReadOnly", read_only),
    case!(63, "untrash a trashed block; again", "200, readable; 404", untrash),
    case!(64, "untrash, all mounts read-only", "404", untrash_read_only),
];

const SLACK_SECONDS: u64 = 60;
const HOUR: Duration = Duration::from_secs(3600);

async fn delete(server: &Server, block: &Block) -> Result<crate::http::Response, Stop> {
    server.admin("DELETE", &format!("/{}", block.hash)).await
}

/// Stores a block on one volume, old enough to be trashed.
fn plant_old<'s>(server: &'s Server, block: &Block) -> Result<&'s Volume, Stop> {
    let volume = server.volumes_for(block, 1)?[0];
    volume.plant(block.hash, &block.data, server.old())?;
    Ok(volume)
}

async fn old_block(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    let volume = plant_old(&server, &block)?;
    let mut report = Report::default();
    report.content("DELETE", &delete(&server, &block).await?, b"");
    report.require(!volume.has(block.hash)?, || "the block is still there".to_owned());
    let deadlines = volume.trashed(block.hash)?;
    report.require(deadlines.len() == 1, || format!("{} trash files, not 1", deadlines.len()));
    if let (Some(lifetime), [deadline]) = (server.trash_lifetime, deadlines.as_slice()) {
        let promised = unix_seconds(SystemTime::now() + lifetime);
        report.require(promised.abs_diff(*deadline) < SLACK_SECONDS, || {
            format!("the trash file's deadline is {deadline}, not about {promised}")
        });
    }
    if server.known_key().is_some() {
        report.status("GET of it", &server.get_block(&block).await?, 404);
    }
    Ok(report)
}

async fn new_block(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    server.store(&block).await?;
    let locator = server.signed(&block).await?;
    let mut report = Report::default();
    report.content("DELETE", &delete(&server, &block).await?, b"");
    report.content("GET of it", &server.get(&format!("/{locator}")).await?, &block.data);
    Ok(report)
}

async fn old_and_new(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    let volumes = server.volumes_for(&block, 2)?;
    volumes[0].plant(block.hash, &block.data, server.old())?;
    volumes[1].plant(block.hash, &block.data, SystemTime::now())?;
    let mut report = Report::default();
    report.status("DELETE", &delete(&server, &block).await?, 200);
    report.require(!volumes[0].has(block.hash)?, || "the old replica is still there".to_owned());
    report.require(volumes[0].trashed(block.hash)?.len() == 1, || {
        "the old replica is not in the trash".to_owned()
    });
    report.require(volumes[1].has(block.hash)?, || "the new replica is gone".to_owned());
    Ok(report)
}

async fn absent_or_off(context: &Context<'_>) -> Outcome {
    let server = context.standard().await?;
    let mut report = Report::default();
    report.status("DELETE of an absent block", &delete(&server, &context.block()).await?, 404);
    let off = context
        .launch(&Setup { trash: Trash::Off, ..context.setup(vec![context.volume(3)?]) })
        .await?;
    let block = context.block();
    let volume = plant_old(&off, &block)?;
    report.refusal(
        "DELETE with BlobTrash off",
        &delete(&off, &block).await?,
        405,
        "method not allowed",
    );
    report.require(volume.has(block.hash)?, || "the block is gone with BlobTrash off".to_owned());
    Ok(report)
}

async fn read_only(context: &Context<'_>) -> Outcome {
    let kept = VolumeSetup { access: Access::ReadOnly, ..context.volume(3)? };
    let trashed = VolumeSetup { access: Access::ReadAndTrash, ..context.volume(4)? };
    let server = context.launch(&context.setup(vec![kept, trashed])).await?;
    let block = context.block();
    let volumes = server.volumes(2)?;
    for volume in volumes {
        volume.plant(block.hash, &block.data, server.old())?;
    }
    let mut report = Report::default();
    report.status("DELETE", &delete(&server, &block).await?, 200);
    report.require(volumes[0].has(block.hash)?, || {
        "the replica on the read-only mount is gone".to_owned()
    });
    report.require(!volumes[1].has(block.hash)?, || {
        "AllowTrashWhenReadOnly was not heeded".to_owned()
    });
    Ok(report)
}

async fn untrash(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    let volume = plant_old(&server, &block)?;
    let path = format!("/untrash/{}", block.hash);
    let mut report = Report::default();
    report.status("DELETE", &delete(&server, &block).await?, 200);
    report.content("untrash", &server.admin_put(&path, "").await?, b"");
    let mtime = volume.replica(block.hash)?.map(|replica| replica.mtime);
    if mtime > Some(SystemTime::now() - HOUR / 2) {
        report.better("untrash renews the mtime");
    }
    if server.known_key().is_some() {
        report.content("GET of it", &server.get_block(&block).await?, &block.data);
    }
    report.status("untrash again", &server.admin_put(&path, "").await?, 404);
    Ok(report)
}

async fn untrash_read_only(context: &Context<'_>) -> Outcome {
    let volume = VolumeSetup { access: Access::ReadOnly, ..context.volume(3)? };
    let server = context.launch(&context.setup(vec![volume])).await?;
    let block = context.block();
    let volume = &server.volumes(1)?[0];
    volume.plant_trashed(block.hash, &block.data, SystemTime::now() + HOUR)?;
    let mut report = Report::default();
    report.status(
        "untrash",
        &server.admin_put(&format!("/untrash/{}", block.hash), "").await?,
        404,
    );
    report.require(volume.trashed(block.hash)?.len() == 1, || "the trash file is gone".to_owned());
    report
        .require(!volume.has(block.hash)?, || "the block is back on a read-only mount".to_owned());
    Ok(report)
}
