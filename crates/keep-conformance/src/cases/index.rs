//! Index and mounts (spec sections 2.7, 2.8).

use std::time::{Duration, Instant, SystemTime};

use super::{Case, case};
use crate::block::Block;
use crate::context::Context;
use crate::http::Request;
use crate::report::{Outcome, Report};
use crate::server::{USER, skipped};
use crate::setup::Setup;
use crate::volume::nanoseconds;

pub(super) const CASES: &[Case] = &[
    case!(65, "/index of an empty server", "one empty line", empty),
    case!(66, "/index/acb, ?prefix=, both", "same list, empty line last", prefixes),
    case!(67, "/index, block on two mounts", "two lines", two_mounts),
    case!(68, "/index, trashed and temporary files", "not listed", other_files),
    case!(69, "/index/XYZ, 33 digits", "400", bad_prefix),
    case!(70, "/mounts/X/blocks", "404", unknown_mount),
    case!(71, "/index, /mounts: no / wrong token", "401 / 403", tokens),
    case!(72, "/index slower than RequestTimeout", "completes", slow),
];

/// The lines of an index body; `None` if it does not end with the one empty line.
fn lines(body: &str) -> Option<Vec<&str>> {
    let lines: Vec<&str> = body.strip_suffix('\n')?.split_terminator('\n').collect();
    let complete = body == "\n" || body.ends_with("\n\n");
    (complete && lines.iter().all(|line| !line.is_empty())).then_some(lines)
}

/// The line that stands for a replica.
fn line_of(block: &Block, mtime: SystemTime) -> String {
    format!("{} {}", block.locator(), nanoseconds(mtime))
}

async fn empty(context: &Context<'_>) -> Outcome {
    let server = context.launch(&context.standard_setup()?).await?;
    let mut report = Report::default();
    report.content("/index", &server.admin("GET", "/index").await?, b"\n");
    Ok(report)
}

async fn prefixes(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    server.store(&block).await?;
    let hash = block.hash.to_string();
    let prefix = &hash[..3];
    // Another block, which none of the lists may have.
    let mut other = context.block();
    while other.hash.to_string().starts_with(prefix) {
        other = context.block();
    }
    server.store(&other).await?;
    let mut report = Report::default();
    let mut found = Vec::new();
    for path in [
        format!("/index/{prefix}"),
        format!("/index?prefix={prefix}"),
        format!("/index/?prefix={prefix}"),
    ] {
        let answer = server.admin("GET", &path).await?;
        report.status(&path, &answer, 200);
        let text = answer.text();
        let Some(listed) = lines(&text) else {
            report.wrong(format!("{path}: it does not end with one empty line"));
            continue;
        };
        report.require(listed.iter().all(|line| well_formed(line, prefix)), || {
            format!("{path}: a line is not 'hash+size nanoseconds' of that prefix")
        });
        let own = listed
            .iter()
            .filter(|line| line.starts_with(&block.locator()))
            .map(|&line| line.to_owned());
        found.push(own.collect::<Vec<_>>());
    }
    report.require(found.iter().all(|own| !own.is_empty() && *own == found[0]), || {
        format!("the three lists show the block differently: {found:?}")
    });
    Ok(report)
}

fn well_formed(line: &str, prefix: &str) -> bool {
    let Some((locator, mtime)) = line.split_once(' ') else { return false };
    let Some((hash, size)) = locator.split_once('+') else { return false };
    let digits = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let hex = |text: &str| text.bytes().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'));
    hash.len() == 32
        && hex(hash)
        && hash.starts_with(prefix)
        && digits(size)
        && digits(mtime)
        && mtime.len() > 12
}

async fn two_mounts(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    let volumes = server.volumes_for(&block, 2)?;
    let mtimes = [server.old(), server.old() - Duration::from_secs(5)];
    for (volume, mtime) in volumes.iter().zip(mtimes) {
        volume.plant(block.hash, &block.data, mtime)?;
    }
    let answer = server.admin("GET", &format!("/index/{}", block.hash)).await?;
    let mut report = Report::default();
    report.status("/index", &answer, 200);
    let text = answer.text();
    let mut listed = lines(&text).unwrap_or_default();
    listed.sort_unstable();
    let mut expected = mtimes.map(|mtime| line_of(&block, mtime));
    expected.sort_unstable();
    report.require(listed == expected, || format!("/index has {listed:?}, not {expected:?}"));
    Ok(report)
}

async fn other_files(context: &Context<'_>) -> Outcome {
    let (server, block) = (context.standard().await?, context.block());
    let volume = server.volumes_for(&block, 1)?[0];
    volume.plant_trashed(block.hash, &block.data, SystemTime::now() + Duration::from_secs(3600))?;
    volume.plant_named(
        block.hash,
        &format!("tmp{}123", block.hash),
        &block.data,
        SystemTime::now(),
    )?;
    let answer = server.admin("GET", &format!("/index/{}", block.hash)).await?;
    let mut report = Report::default();
    report.content("/index", &answer, b"\n");
    Ok(report)
}

async fn bad_prefix(context: &Context<'_>) -> Outcome {
    let server = context.standard().await?;
    let mut report = Report::default();
    for path in ["/index/XYZ".to_owned(), format!("/index/{}", "a".repeat(33))] {
        report.refusal(&path, &server.admin("GET", &path).await?, 400, "Bad Request");
    }
    Ok(report)
}

async fn unknown_mount(context: &Context<'_>) -> Outcome {
    let server = context.standard().await?;
    let answer = server.admin("GET", "/mounts/zzzzz-nyw5e-nosuchmount0000/blocks").await?;
    let mut report = Report::default();
    report.status("/mounts/X/blocks", &answer, 404);
    Ok(report)
}

async fn tokens(context: &Context<'_>) -> Outcome {
    let server = context.standard().await?;
    let mut report = Report::default();
    for path in ["/index", "/mounts", "/mounts/zzzzz-nyw5e-000000000000001/blocks"] {
        report.refusal(path, &server.send(Request::get(path)).await?, 401, "Unauthorized");
        report.refusal(
            path,
            &server.send(Request::get(path).bearer(USER)).await?,
            403,
            "Forbidden",
        );
    }
    Ok(report)
}

const TIMEOUT: Duration = Duration::from_millis(1);
const BLOCKS: usize = 5_000; // some 10 ms of work on a fast disk

async fn slow(context: &Context<'_>) -> Outcome {
    let setup = Setup { request_timeout: TIMEOUT, ..context.setup(vec![context.volume(3)?]) };
    let server = context.launch(&setup).await?;
    let volume = &server.volumes(1)?[0];
    for _ in 0..BLOCKS {
        let block = context.block();
        volume.plant(block.hash, &block.data, server.old())?;
    }
    let started = Instant::now();
    let answer = server.admin("GET", "/index").await?;
    let took = started.elapsed();
    if took < 2 * TIMEOUT {
        return Err(skipped(format!("the index took {took:?}, too fast to tell")));
    }
    let mut report = Report::default();
    report.status("/index", &answer, 200);
    let listed = lines(&answer.text()).map(|lines| lines.len());
    report.require(listed == Some(BLOCKS), || {
        format!("/index lists {listed:?} blocks, not {BLOCKS}")
    });
    Ok(report)
}
