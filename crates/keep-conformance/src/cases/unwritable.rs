//! Writing when volumes hold a wrong copy, are full, broken or read-only (spec section 4.2).

use std::time::SystemTime;

use super::{Case, case};
use crate::context::Context;
use crate::report::{Outcome, Report};
use crate::setup::{Access, VolumeSetup};

pub(super) const CASES: &[Case] = &[
    case!(46, "PUT, stored copy wrong / short / empty", "500; opportunity: heal it", wrong_copy),
    case!(47, "PUT, v1 marked full", "goes to v2", one_full),
    case!(48, "PUT, all full, absent / present", "507 / 200", all_full),
    case!(49, "PUT, only mount broken / another there", "503 / 200 on the other", broken),
    case!(50, "PUT, all volumes read-only", "507", all_read_only),
];

const FULL: &str = "insufficient storage";

async fn wrong_copy(context: &Context<'_>) -> Outcome {
    let server = context.standard().await?;
    let mut report = Report::default();
    for kind in ["different", "truncated", "empty"] {
        let block = context.block();
        let stored = match kind {
            "different" => block.damaged(),
            "truncated" => block.data[..block.data.len() / 2].to_vec(),
            _ => Vec::new(),
        };
        let volume = server.volumes_for(&block, 1)?[0];
        volume.plant(block.hash, &stored, SystemTime::now())?;
        let answer = server.put(&block).await?;
        if answer.status == 200 {
            report.better("the damaged copy is replaced by the right one");
            report.content(
                &format!("GET after a PUT over a {kind} copy"),
                &server.get_block(&block).await?,
                &block.data,
            );
        } else {
            report.refusal(&format!("PUT over a {kind} copy"), &answer, 500, "hash collision");
            report.require(volume.read(block.hash)? == stored, || {
                format!("the {kind} copy was changed")
            });
        }
    }
    Ok(report)
}

async fn one_full(context: &Context<'_>) -> Outcome {
    let server = context.launch(&context.standard_setup()?).await?;
    let block = context.block_first_on(&server, 0)?;
    let volumes = server.volumes(2)?;
    volumes[0].mark_full()?;
    let mut report = Report::default();
    report.status("PUT", &server.put(&block).await?, 200);
    report.require(volumes[1].has(block.hash)?, || "it is not on v2".to_owned());
    report.require(!volumes[0].has(block.hash)?, || "it is on v1, which is full".to_owned());
    Ok(report)
}

async fn all_full(context: &Context<'_>) -> Outcome {
    let server = context.launch(&context.standard_setup()?).await?;
    let (absent, present) = (context.block(), context.block());
    server.store(&present).await?;
    for volume in server.volumes(2)? {
        volume.mark_full()?;
    }
    let mut report = Report::default();
    report.refusal("PUT of an absent block", &server.put(&absent).await?, 507, FULL);
    report.status("PUT of a stored block", &server.put(&present).await?, 200);
    Ok(report)
}

async fn broken(context: &Context<'_>) -> Outcome {
    let mut report = Report::default();
    let alone = context.launch(&context.setup(vec![context.volume(3)?])).await?;
    let block = context.block();
    alone.volumes(1)?[0].break_directory(block.hash)?;
    report.refusal(
        "PUT, the only mount broken",
        &alone.put(&block).await?,
        503,
        "volume unavailable",
    );

    let pair = context.launch(&context.standard_setup()?).await?;
    let block = context.block_first_on(&pair, 0)?;
    let volumes = pair.volumes(2)?;
    volumes[0].break_directory(block.hash)?;
    report.status("PUT, another mount there", &pair.put(&block).await?, 200);
    report.require(volumes[1].has(block.hash)?, || "it is not on the other mount".to_owned());
    Ok(report)
}

async fn all_read_only(context: &Context<'_>) -> Outcome {
    let volume = VolumeSetup { access: Access::ReadOnly, ..context.volume(3)? };
    let server = context.launch(&context.setup(vec![volume])).await?;
    let mut report = Report::default();
    report.refusal("PUT", &server.put(&context.block()).await?, 507, FULL);
    Ok(report)
}
