//! Reading stored copies that are damaged or unreadable (spec section 2.3).

use std::time::SystemTime;

use super::{Case, case};
use crate::block::Block;
use crate::context::Context;
use crate::http::{End, Response};
use crate::report::{Outcome, Report, quote};

pub(super) const CASES: &[Case] = &[
    case!(16, "GET, first copy damaged, second good", "502, no fallback", damaged_small),
    case!(
        17,
        "GET 200 000 bytes, first byte wrong",
        "200, 196 608 bytes, then close",
        damaged_large
    ),
    case!(18, "HEAD of 16 and 17", "502", damaged_head),
    case!(19, "GET, stored shorter than the hint", "200, short body, then close", too_short),
    case!(20, "GET of 3 bytes with hint +2", "200 empty; acceptable: 502", too_long),
    case!(22, "first mount errors, second has it", "200", unreadable_first),
    case!(23, "first mount errors, none has it", "its status; plain error 500", unreadable_only),
];

const MISMATCH: &str = "checksum mismatch in stored data";
/// What the other good copy or an early check makes of a damaged one.
const FELL_BACK: &str = "it read the good copy instead";
const EARLY: &str = "it noticed before it sent anything";
const PIECE: usize = 65_536;

async fn damaged_small(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    let volumes = server.volumes_for(&block, 2)?;
    volumes[0].plant(block.hash, &block.damaged(), SystemTime::now())?;
    volumes[1].plant(block.hash, &block.data, SystemTime::now())?;
    let mut report = Report::default();
    let answer = server.get_block(&block).await?;
    if answer.status == 200 && is_whole(&answer, &block) {
        report.saw("200");
        report.better(FELL_BACK);
    } else {
        report.refusal("GET", &answer, 502, MISMATCH);
    }
    Ok(report)
}

async fn damaged_large(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block_of(200_000));
    let volumes = server.volumes_for(&block, 1)?;
    let damaged = block.damaged();
    volumes[0].plant(block.hash, &damaged, SystemTime::now())?;
    let mut report = Report::default();
    let answer = server.get_block(&block).await?;
    let withheld = damaged.len() / PIECE * PIECE;
    if answer.status == 502 {
        report.refusal("GET", &answer, 502, MISMATCH);
        report.better(EARLY);
    } else {
        cut_off(&mut report, &answer, &damaged, block.data.len());
        let sent = answer.body.len();
        report.require(sent <= withheld, || {
            format!("{sent} bytes of a damaged copy were sent, more than {withheld}")
        });
        if sent < withheld {
            report.better("it sent less of the damaged copy");
        }
    }
    Ok(report)
}

/// Checks for a 200 that promises `promised` bytes, sends a beginning of `stored`, and drops the connection.
fn cut_off(report: &mut Report, answer: &Response, stored: &[u8], promised: usize) {
    let sent = answer.body.len();
    report.saw(format!(
        "{}, {sent} bytes, {}",
        answer.status,
        if answer.end == End::CutShort { "close" } else { "whole" }
    ));
    report.require(answer.status == 200, || format!("GET: {}, not 200", quote(answer)));
    report.header("GET", answer, "Content-Length", &promised.to_string());
    report.require(answer.end == End::CutShort, || {
        "GET: the wrong data came as a whole answer".to_owned()
    });
    report.require(stored.starts_with(&answer.body), || {
        "GET: other bytes than the stored ones".to_owned()
    });
}

async fn damaged_head(context: &Context<'_>) -> Outcome {
    let server = context.standard().await?;
    let mut report = Report::default();
    for block in [context.block(), context.block_of(200_000)] {
        let volumes = server.volumes_for(&block, 1)?;
        volumes[0].plant(block.hash, &block.damaged(), SystemTime::now())?;
        report.status("HEAD of a damaged block", &server.head_block(&block).await?, 502);
    }
    Ok(report)
}

async fn too_short(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    let volumes = server.volumes_for(&block, 1)?;
    let short = &block.data[..block.data.len() / 2];
    volumes[0].plant(block.hash, short, SystemTime::now())?;
    let mut report = Report::default();
    let answer = server.get_block(&block).await?;
    if answer.status == 502 {
        report.refusal("GET", &answer, 502, MISMATCH);
        report.better(EARLY);
    } else {
        cut_off(&mut report, &answer, short, block.data.len());
    }
    Ok(report)
}

async fn too_long(context: &Context<'_>) -> Outcome {
    let server = context.standard().await?;
    let block = context.block();
    server.store(&block).await?;
    let hint = server.hint(&block, crate::server::USER).await?;
    let answer = server.get(&format!("/{}+2+{hint}", block.hash)).await?;
    let mut report = Report::default();
    if answer.status == 502 {
        report.refusal("GET", &answer, 502, MISMATCH);
        report.better("it does not answer 200 without the data");
    } else {
        report.content("GET with a hint too small", &answer, b"");
    }
    Ok(report)
}

async fn unreadable_first(context: &Context<'_>) -> Outcome {
    let server = context.launch(&context.standard_setup()?).await?;
    let block = context.block();
    let volumes = server.volumes_for(&block, 2)?;
    volumes[0].break_replica(block.hash)?;
    volumes[1].plant(block.hash, &block.data, SystemTime::now())?;
    let mut report = Report::default();
    report.content("GET", &server.get_block(&block).await?, &block.data);
    Ok(report)
}

async fn unreadable_only(context: &Context<'_>) -> Outcome {
    let server = context.launch(&context.standard_setup()?).await?;
    let (broken, oversized) = (context.block(), context.block());
    server.volumes_for(&broken, 1)?[0].break_replica(broken.hash)?;
    server.volumes_for(&oversized, 1)?[0].plant_sparse(oversized.hash, (64 << 20) + 1)?;
    let mut report = Report::default();
    // A Directory volume has one error with a status of its own: a file longer than a block.
    let answer = server.get_block(&oversized).await?;
    report.refusal("GET of a file of 64 MiB + 1", &answer, 413, "request entity too large");
    let answer = server.get_block(&broken).await?;
    report.status("GET of an unreadable copy", &answer, 500);
    report.require(!answer.body.is_empty(), || {
        "GET of an unreadable copy: no text says why".to_owned()
    });
    Ok(report)
}

fn is_whole(answer: &Response, block: &Block) -> bool {
    answer.end == End::Complete && *answer.body == *block.data
}
