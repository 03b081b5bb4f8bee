//! GET and PUT of large and small blocks, with one connection and with eight.

use std::io;
use std::sync::Barrier;
use std::time::{Duration, Instant};

use crate::Scale;
use crate::large::{LARGE, LargeBlocks};
use crate::stand::{Stand, expect_ok};
use crate::table;
use donjon_crash::block::{Block, hash_of};
use donjon_crash::wire::Client;

/// A small block.
pub(crate) const SMALL: usize = 4096;
const CONNECTIONS: [usize; 2] = [1, 8];

pub(crate) fn run(scale: Scale) -> io::Result<()> {
    table::head(
        "GET and PUT over loopback, every PUT a new block, synced",
        &["", "1 connection", "8 connections"],
    );
    let large = |time| table::megabytes(LARGE as u64, time);
    let small = |time| table::rate(1, time);
    row("PUT 64 MiB", &large, |connections| put_large(connections, scale))?;
    row("GET 64 MiB", &large, |connections| get(connections, LARGE, 4, scale))?;
    row("PUT 4 KiB", &small, |connections| put_small(connections, scale))?;
    row("GET 4 KiB", &small, |connections| get(connections, SMALL, scale.of(4000), scale))
}

/// One row: `measure` gives the time for one block.
fn row(
    what: &str,
    show: &dyn Fn(Duration) -> String,
    measure: impl Fn(usize) -> io::Result<Duration>,
) -> io::Result<()> {
    let cells = CONNECTIONS
        .iter()
        .map(|connections| Ok(show(measure(*connections)?)))
        .collect::<io::Result<Vec<_>>>()?;
    table::row(what, &cells);
    Ok(())
}

fn put_large(connections: usize, scale: Scale) -> io::Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..scale.rounds() {
        let stand = Stand::started()?;
        times.push(in_parallel(&stand, connections, 2, |connection| {
            let mut blocks = LargeBlocks::new();
            move |client: &mut Client, number| {
                let (hash, data) = blocks.make(((connection as u64) << 32) | number);
                let answer = client.request("PUT", &format!("/{hash}"), data)?;
                expect_ok("PUT", answer.status, &answer.text())
            }
        })?);
    }
    Ok(table::median(times))
}

fn put_small(connections: usize, scale: Scale) -> io::Result<Duration> {
    let mut times = Vec::new();
    for _ in 0..scale.rounds() {
        let stand = Stand::started()?;
        times.push(in_parallel(&stand, connections, scale.of(400), |connection| {
            let mut data = vec![0; SMALL];
            move |client: &mut Client, number| {
                data[..8].copy_from_slice(&(((connection as u64) << 32) | number).to_le_bytes());
                let answer = client.request("PUT", &format!("/{}", hash_of(&data)), &data)?;
                expect_ok("PUT", answer.status, &answer.text())
            }
        })?);
    }
    Ok(table::median(times))
}

fn get(connections: usize, size: usize, count: u64, scale: Scale) -> io::Result<Duration> {
    let stand = Stand::started()?;
    let block = Block::of_size(1, size);
    let answer = stand.client().request("PUT", &format!("/{}", block.hash()), block.data())?;
    expect_ok("PUT", answer.status, &answer.text())?;
    let path = format!("/{}", block.locator());
    let mut times = Vec::new();
    for _ in 0..scale.rounds() {
        times.push(in_parallel(&stand, connections, count, |_| {
            let path = path.clone();
            move |client: &mut Client, _| {
                let head = client.exchange("GET", &path, b"", &mut io::sink())?;
                expect_ok("GET", head.status, "")
            }
        })?);
    }
    Ok(table::median(times))
}

/// Each connection does what `prepare` made for it `count` times; the time for one, over all connections.
fn in_parallel<F>(
    stand: &Stand,
    connections: usize,
    count: u64,
    prepare: impl Fn(usize) -> F + Sync,
) -> io::Result<Duration>
where
    F: FnMut(&mut Client, u64) -> io::Result<()>,
{
    let start = Barrier::new(connections + 1);
    std::thread::scope(|scope| {
        let mut threads = Vec::new();
        for connection in 0..connections {
            let (start, prepare, mut client) = (&start, &prepare, stand.client());
            threads.push(scope.spawn(move || {
                let mut act = prepare(connection);
                start.wait();
                (0..count).try_for_each(|number| act(&mut client, number))
            }));
        }
        start.wait();
        let began = Instant::now();
        for thread in threads {
            thread.join().expect("a client does not panic")?;
        }
        let all = u32::try_from(connections as u64 * count).expect("few enough");
        Ok(began.elapsed() / all)
    })
}
