//! Memory with many uploads at once, and what stalled uploads do to others.

use std::io;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use donjon_crash::block::{Block, hash_of};
use donjon_crash::wire::Client;

use crate::Scale;
use crate::large::{LARGE, LargeBlocks, tail};
use crate::stand::{Stand, expect_ok};
use crate::table;
use crate::transfer::SMALL;

/// As many requests as the default configuration lets run.
const UPLOADS: u64 = 64;
/// 96 MiB, and 1 MiB for each request in flight.
const ALLOWED_KIB: u64 = (96 + UPLOADS) * 1024;
/// Sent by all before anyone sends the rest: more than sockets buffer, so that all are really in flight.
const FIRST: usize = 8 * 1024 * 1024;

pub(crate) fn run(scale: Scale) -> io::Result<()> {
    table::head("Memory: peak resident set of the node", &["", "peak", "allowed"]);
    upload_at_once()?;
    table::head("64 stalled uploads: GET of 4 KiB meanwhile", &["", "median", "p99"]);
    stall(scale)
}

fn upload_at_once() -> io::Result<()> {
    let stand = Stand::started()?;
    table::row("at rest", &[table::mebibytes(stand.peak_memory()?), String::new()]);
    let blocks = LargeBlocks::new();
    let all_begun = Barrier::new(usize::try_from(UPLOADS).expect("64"));
    let began = Instant::now();
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for number in 0..UPLOADS {
            let (blocks, all_begun, client) = (&blocks, &all_begun, stand.client());
            threads.push(scope.spawn(move || upload(&client, number, blocks, all_begun)));
        }
        threads.into_iter().try_for_each(|thread| thread.join().expect("a client does not panic"))
    })?;
    let took = began.elapsed();
    let peak = stand.peak_memory()?;
    let verdict = if peak <= ALLOWED_KIB {
        "64 uploads of 64 MiB at once"
    } else {
        "64 uploads of 64 MiB: TOO MUCH"
    };
    table::row(verdict, &[table::mebibytes(peak), table::mebibytes(ALLOWED_KIB)]);
    table::row("  together", &[table::megabytes(UPLOADS * LARGE as u64, took), String::new()]);
    Ok(())
}

fn upload(
    client: &Client,
    number: u64,
    blocks: &LargeBlocks,
    all_begun: &Barrier,
) -> io::Result<()> {
    let (first, rest) = blocks.head().split_at(FIRST);
    let begun = client.begin_put(&format!("/{}", blocks.hash(number)), LARGE as u64, first);
    all_begun.wait();
    let mut upload = begun?;
    upload.send(rest)?;
    upload.send(&tail(number))?;
    let answer = upload.finish()?;
    expect_ok("PUT", answer.status, &answer.text())
}

fn stall(scale: Scale) -> io::Result<()> {
    let stand = Stand::started()?;
    let block = Block::of_size(1, SMALL);
    let mut client = stand.client();
    let answer = client.request("PUT", &format!("/{}", block.hash()), block.data())?;
    expect_ok("PUT", answer.status, &answer.text())?;
    let count = scale.of(2000);
    let show = |what, times: Vec<Duration>| {
        table::row(
            what,
            &[table::time(table::median(times.clone())), table::time(table::percentile_99(times))],
        );
    };
    show("without them", read(&mut client, &block, count)?);

    let path = format!("/{}", hash_of(b"never sent whole"));
    let piece = vec![0; 64 * 1024];
    let stalled = (0..UPLOADS)
        .map(|_| client.begin_put(&path, LARGE as u64, &piece))
        .collect::<io::Result<Vec<_>>>()?;
    show("with them", read(&mut client, &block, count)?);
    drop(stalled);
    Ok(())
}

fn read(client: &mut Client, block: &Block, count: u64) -> io::Result<Vec<Duration>> {
    let path = format!("/{}", block.locator());
    let mut times = Vec::new();
    for _ in 0..count {
        let began = Instant::now();
        let head = client.exchange("GET", &path, b"", &mut io::sink())?;
        expect_ok("GET", head.status, "")?;
        times.push(began.elapsed());
    }
    Ok(times)
}
