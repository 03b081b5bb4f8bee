//! Trash lists (spec sections 2.9, 5.1, 5.2).

use std::time::{Duration, SystemTime};

use serde_json::{Value, json};

use super::{Case, case};
use crate::block::Block;
use crate::context::{Context, eventually};
use crate::report::{Outcome, Report, Stop, quote};
use crate::server::Server;
use crate::setup::{Access, Setup, Trash, VolumeSetup};
use crate::signature::unix_seconds;
use crate::volume::{Volume, nanoseconds};

pub(super) const CASES: &[Case] = &[
    case!(73, "trash list: exact mtime, old", "trashed", exact),
    case!(74, "mtime 1 ns off / whole seconds / 0", "kept", other_mtime),
    case!(75, "mtime matches, but new", "kept", too_new),
    case!(76, "no mount_uuid", "every matching AllowTrash mount", any_mount),
    case!(77, "unknown or read-only mount", "kept", wrong_mount),
    case!(78, "[] or null", "queue empty", cleared),
    case!(79, "BlobTrash off", "200, pending gauge stays", trash_off),
    case!(80, "malformed JSON", "500; 400 preferable; list stays", malformed),
];

const PENDING: &str = "arvados_keepstore_trash_queue_pending_entries";
const IN_PROGRESS: &str = "arvados_keepstore_trash_queue_inprogress_entries";
const SECOND: u64 = 1_000_000_000;

fn item(block: &Block, mtime: u64, mount: &str) -> Value {
    json!({ "locator": block.locator(), "block_mtime": mtime, "mount_uuid": mount })
}

/// Stores a block of its own on `volume`, as old as need be, and gives its mtime.
fn plant(context: &Context<'_>, volume: &Volume, mtime: SystemTime) -> Result<(Block, u64), Stop> {
    let block = context.block();
    volume.plant(block.hash, &block.data, mtime)?;
    Ok((block, nanoseconds(mtime)))
}

/// Sends a list that ends with an item sure to be trashed, and waits until all of it is worked off.
///
/// A launched server has one worker, so that what follows in the list is done last.
async fn work_off(
    context: &Context<'_>,
    server: &Server,
    volume: &Volume,
    mut items: Vec<Value>,
) -> Result<(), Stop> {
    server.management()?;
    let (last, mtime) = plant(context, volume, server.old())?;
    items.push(item(&last, mtime, &volume.uuid));
    let answer = server.admin_put("/trash", &json!(items).to_string()).await?;
    if answer.status != 200 || !answer.body.is_empty() {
        return Err(Stop::Wrong(format!("PUT /trash: {}, not an empty 200", quote(&answer))));
    }
    let done = || async {
        Ok(!volume.has(last.hash)?
            && server.gauge(PENDING).await? == 0.0
            && server.gauge(IN_PROGRESS).await? == 0.0)
    };
    if !eventually(done).await? {
        return Err(Stop::Wrong(
            "the list was not worked off: an old block with its exact mtime stayed".to_owned(),
        ));
    }
    Ok(())
}

fn kept(report: &mut Report, volume: &Volume, block: &Block, what: &str) -> Result<(), Stop> {
    let kept = volume.has(block.hash)?;
    report.saw(if kept { "kept" } else { "gone" });
    report.require(kept, || format!("{what}: the block is gone"));
    Ok(())
}

fn trashed(report: &mut Report, volume: &Volume, block: &Block, what: &str) -> Result<(), Stop> {
    let (gone, in_trash) = (!volume.has(block.hash)?, volume.trashed(block.hash)?.len());
    report.saw(if gone { "trashed" } else { "kept" });
    report.require(gone && in_trash == 1, || {
        format!("{what}: it is not trashed ({in_trash} trash files)")
    });
    Ok(())
}

async fn exact(context: &Context<'_>) -> Outcome {
    let server = context.standard().await?;
    let volume = &server.volumes(1)?[0];
    let (block, mtime) = plant(context, volume, server.old())?;
    let items = vec![item(&block, mtime, &volume.uuid)];
    work_off(context, &server, volume, items).await?;
    let mut report = Report::default();
    trashed(&mut report, volume, &block, "exact mtime")?;
    Ok(report)
}

async fn other_mtime(context: &Context<'_>) -> Outcome {
    let server = context.standard().await?;
    let volume = &server.volumes(1)?[0];
    let mut listed = Vec::new();
    for what in ["1 ns later", "1 ns earlier", "whole seconds", "0"] {
        let (block, mtime) = plant(context, volume, server.old())?;
        let told = match what {
            "1 ns later" => mtime + 1,
            "1 ns earlier" => mtime - 1,
            "whole seconds" => mtime / SECOND * SECOND,
            _ => 0,
        };
        listed.push((what, block, told));
    }
    let items = listed.iter().map(|(_, block, told)| item(block, *told, &volume.uuid)).collect();
    work_off(context, &server, volume, items).await?;
    let mut report = Report::default();
    for (what, block, _) in &listed {
        kept(&mut report, volume, block, what)?;
    }
    Ok(report)
}

async fn too_new(context: &Context<'_>) -> Outcome {
    let server = context.standard().await?;
    let volume = &server.volumes(1)?[0];
    let (block, mtime) = plant(context, volume, SystemTime::now() - Duration::from_secs(5))?;
    let items = vec![item(&block, mtime, &volume.uuid)];
    work_off(context, &server, volume, items).await?;
    let mut report = Report::default();
    kept(&mut report, volume, &block, "a new block")?;
    Ok(report)
}

async fn any_mount(context: &Context<'_>) -> Outcome {
    let mut volumes = vec![context.volume(3)?, context.volume(4)?, context.volume(5)?];
    volumes.push(VolumeSetup { access: Access::ReadOnly, ..context.volume(6)? });
    let server = context.launch(&context.setup(volumes)).await?;
    let volumes = server.volumes(4)?;
    let (empty_text, missing_key) = (context.block(), context.block());
    let old = server.old();
    for block in [&empty_text, &missing_key] {
        for volume in volumes {
            volume.plant(block.hash, &block.data, old)?;
        }
        volumes[2].set_mtime(block.hash, old - Duration::from_secs(1))?;
    }
    let mtime = nanoseconds(old);
    let bare = json!({ "locator": missing_key.locator(), "block_mtime": mtime });
    work_off(context, &server, &volumes[0], vec![item(&empty_text, mtime, ""), bare]).await?;
    let mut report = Report::default();
    for block in [&empty_text, &missing_key] {
        trashed(&mut report, &volumes[0], block, "first matching mount")?;
        trashed(&mut report, &volumes[1], block, "second matching mount")?;
        kept(&mut report, &volumes[2], block, "mount with another mtime")?;
        kept(&mut report, &volumes[3], block, "read-only mount")?;
    }
    Ok(report)
}

async fn wrong_mount(context: &Context<'_>) -> Outcome {
    let read_only = VolumeSetup { access: Access::ReadOnly, ..context.volume(4)? };
    let server = context.launch(&context.setup(vec![context.volume(3)?, read_only])).await?;
    let volumes = server.volumes(2)?;
    let (first, first_mtime) = plant(context, &volumes[0], server.old())?;
    let (second, second_mtime) = plant(context, &volumes[1], server.old())?;
    let items = vec![
        item(&first, first_mtime, "zzzzz-nyw5e-nosuchmount0000"),
        item(&second, second_mtime, &volumes[1].uuid),
    ];
    work_off(context, &server, &volumes[0], items).await?;
    let mut report = Report::default();
    kept(&mut report, &volumes[0], &first, "unknown mount")?;
    kept(&mut report, &volumes[1], &second, "read-only mount")?;
    Ok(report)
}

/// A server that takes trash lists and never works on them, and a list of two items for it.
async fn idle_server(context: &Context<'_>) -> Result<(Server, String), Stop> {
    let setup = Setup { trash_workers: 0, ..context.setup(vec![context.volume(3)?]) };
    let server = context.launch(&setup).await?;
    let mtime = nanoseconds(server.old());
    let list = json!([item(&context.block(), mtime, ""), item(&context.block(), mtime, "")]);
    Ok((server, list.to_string()))
}

async fn pending_becomes(server: &Server, count: f64) -> Result<bool, Stop> {
    eventually(|| async { Ok(server.gauge(PENDING).await? == count) }).await
}

async fn cleared(context: &Context<'_>) -> Outcome {
    let (server, list) = idle_server(context).await?;
    let mut report = Report::default();
    for clearing in ["[]", "null"] {
        report.content("PUT /trash of two items", &server.admin_put("/trash", &list).await?, b"");
        report.require(pending_becomes(&server, 2.0).await?, || {
            "two items are listed and not pending".to_owned()
        });
        report.content(
            &format!("PUT /trash {clearing}"),
            &server.admin_put("/trash", clearing).await?,
            b"",
        );
        report.require(pending_becomes(&server, 0.0).await?, || {
            format!("items are pending after {clearing}")
        });
        report.content(
            &format!("PUT /pull {clearing}"),
            &server.admin_put("/pull", clearing).await?,
            b"",
        );
    }
    Ok(report)
}

async fn trash_off(context: &Context<'_>) -> Outcome {
    let setup = Setup { trash: Trash::Off, ..context.setup(vec![context.volume(3)?]) };
    let server = context.launch(&setup).await?;
    let volume = &server.volumes(1)?[0];
    let (block, mtime) = plant(context, volume, server.old())?;
    let list = json!([item(&block, mtime, &volume.uuid)]).to_string();
    let mut report = Report::default();
    report.content("PUT /trash", &server.admin_put("/trash", &list).await?, b"");
    report.require(pending_becomes(&server, 1.0).await?, || "the item is not pending".to_owned());
    server.store(&context.block()).await?; // some time passes, in which a worker would have begun
    report.require(server.gauge(PENDING).await? == 1.0, || {
        "the item is no longer pending".to_owned()
    });
    kept(&mut report, volume, &block, "BlobTrash off")?;
    Ok(report)
}

async fn malformed(context: &Context<'_>) -> Outcome {
    let (server, list) = idle_server(context).await?;
    let mut report = Report::default();
    report.content("PUT /trash of two items", &server.admin_put("/trash", &list).await?, b"");
    let good_first = format!("{},{{\"locator\":", list.trim_end_matches(']'));
    let now = unix_seconds(SystemTime::now());
    let wrong_type = json!([{ "locator": now }]).to_string();
    for path in ["/trash", "/pull"] {
        for body in ["", "{}", "[{\"locator\":", good_first.as_str(), wrong_type.as_str()] {
            let answer = server.admin_put(path, body).await?;
            report.saw(answer.status.to_string());
            match answer.status {
                500 => {}
                400 => report.better("a malformed list is the sender's mistake: 400"),
                _ => report.wrong(format!(
                    "PUT {path} of {} malformed bytes: {}",
                    body.len(),
                    quote(&answer)
                )),
            }
        }
    }
    report.require(server.gauge(PENDING).await? == 2.0, || {
        "a malformed list changed the old one".to_owned()
    });
    Ok(report)
}
