//! The intake of lists: ns per item and memory, side by side with `serde_json` from a slice into typed records.
//!
//! `cargo bench -p keep-protocol --bench intake [-- --quick]`. Every contender runs in a process of its own, so that its peak
//! memory is its own. All read the same bytes from memory; the push parser gets them in frames of 64 KiB, as from a socket.

use std::fmt::Write as _;
use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use keep_protocol::list::{Limits, PullItem, PullListParser, TrashItem, TrashListParser};
use keep_rules::{BlockHash, Locator};
use serde::Deserialize;

const FRAME: usize = 64 << 10;
const CONTENDERS: [&str; 3] = ["push parser", "serde_json, String", "serde_json, borrowed"];

fn main() {
    let args: Vec<String> = std::env::args().skip(1).filter(|arg| arg != "--bench").collect();
    let items = if args.iter().any(|arg| arg == "--quick") { 100_000 } else { 1_000_000 };
    match args.iter().position(|arg| arg == "--contender") {
        Some(place) => println!("{}", run(&args[place + 1], &args[place + 2], items)),
        None => compare(items, &args),
    }
}

/// Runs every contender on both lists and prints a table.
fn compare(items: usize, args: &[String]) {
    println!(
        "{items} items; time: best of 5 runs; memory: growth of the peak while reading, the body itself not counted"
    );
    println!(
        "{:6} {:22} {:>9} {:>9} {:>11} {:>16}",
        "list", "reader", "ns/item", "MB/s", "growth MB", "holds the body"
    );
    for list in ["trash", "pull"] {
        for contender in CONTENDERS {
            let executable = std::env::current_exe().expect("this program has a path");
            let output = Command::new(executable)
                .args(args)
                .args(["--contender", contender, list])
                .output()
                .expect("it starts");
            assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
            print!("{list:6} {contender:22} {}", String::from_utf8_lossy(&output.stdout));
        }
    }
}

/// Runs one contender; gives the rest of its row.
fn run(contender: &str, list: &str, items: usize) -> String {
    let body = if list == "trash" { trash_body(items) } else { pull_body(items) };
    let read: fn(&[u8]) -> usize = match (contender, list) {
        ("push parser", "trash") => push_trash,
        ("push parser", "pull") => push_pull,
        ("serde_json, String", "trash") => |body| black_box(typed::<TrashItem>(body)).len(),
        ("serde_json, String", "pull") => |body| black_box(typed::<PullItem>(body)).len(),
        ("serde_json, borrowed", "trash") => borrowed_trash,
        ("serde_json, borrowed", "pull") => borrowed_pull,
        _ => panic!("no contender is called {contender}, or no list {list}"),
    };
    reset_peak();
    let before = memory_kib("VmRSS");
    assert_eq!(read(&body), items);
    let growth = memory_kib("VmHWM").saturating_sub(before);
    let best = (0..5).map(|_| time(|| read(&body))).min().expect("five runs");
    let nanos = best.as_nanos() as f64;
    format!(
        "{:9.1} {:9.0} {:11.1} {:>16}",
        nanos / items as f64,
        body.len() as f64 * 1e3 / nanos,
        growth as f64 / 1024.0,
        if contender == "push parser" {
            "no".to_owned()
        } else {
            format!("yes, {} MB", body.len() >> 20)
        },
    )
}

fn time(read: impl Fn() -> usize) -> Duration {
    let start = Instant::now();
    black_box(read());
    start.elapsed()
}

fn push_trash(body: &[u8]) -> usize {
    let mut parser = TrashListParser::new(Limits::default());
    body.chunks(FRAME).try_for_each(|frame| parser.feed(frame)).expect("the list is good");
    black_box(parser.finish().expect("the list is whole")).items.len()
}

fn push_pull(body: &[u8]) -> usize {
    let mut parser = PullListParser::new(Limits::default());
    body.chunks(FRAME).try_for_each(|frame| parser.feed(frame)).expect("the list is good");
    black_box(parser.finish().expect("the list is whole")).items.len()
}

/// The records of the wire, with a `String` for every text.
fn typed<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Vec<T> {
    serde_json::from_slice(body).expect("the list is good")
}

#[derive(Deserialize)]
struct BorrowedTrash<'a> {
    locator: &'a str,
    block_mtime: i64,
    mount_uuid: &'a str,
}

#[derive(Deserialize)]
struct BorrowedPull<'a> {
    locator: &'a str,
    #[serde(borrow)]
    servers: Vec<&'a str>,
    mount_uuid: &'a str,
}

/// As fast as `serde_json` can do it: texts borrowed from the body, then parsed hashes.
fn borrowed_trash(body: &[u8]) -> usize {
    let items: Vec<BorrowedTrash<'_>> = typed(body);
    let records: Vec<(BlockHash, i64, &str)> =
        items.iter().map(|item| (hash(item.locator), item.block_mtime, item.mount_uuid)).collect();
    black_box(records).len()
}

fn borrowed_pull(body: &[u8]) -> usize {
    let items: Vec<BorrowedPull<'_>> = typed(body);
    let records: Vec<(BlockHash, &[&str], &str)> =
        items.iter().map(|item| (hash(item.locator), &*item.servers, item.mount_uuid)).collect();
    black_box(records).len()
}

fn hash(locator: &str) -> BlockHash {
    locator.parse::<Locator>().expect("the locator is good").hash()
}

fn trash_body(items: usize) -> Vec<u8> {
    body(items, |text, random, number| {
        let mtime = 1_700_000_000_000_000_000 + random % 1_000_000_000_000_000;
        write!(text, "\"block_mtime\":{mtime},\"mount_uuid\":\"zzzzz-nyw5e-{:015}\"", number % 8)
    })
}

fn pull_body(items: usize) -> Vec<u8> {
    body(items, |text, random, number| {
        let server = random % 16;
        write!(
            text,
            "\"servers\":[\"http://keep{server}.zzzzz:25107\"],\"mount_uuid\":\"zzzzz-nyw5e-{:015}\"",
            number % 8
        )
    })
}

/// A list as balancers write it: compact, with a mount and a size in every item. The same for every run.
fn body(items: usize, rest: impl Fn(&mut String, u64, usize) -> std::fmt::Result) -> Vec<u8> {
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random
    };
    let mut text = String::with_capacity(items * 140);
    for number in 0..items {
        let (high, low) = (next(), next());
        write!(
            text,
            "{}{{\"locator\":\"{high:016x}{low:016x}+{}\",",
            if number == 0 { '[' } else { ',' },
            low % (64 << 20)
        )
        .expect("strings take everything");
        rest(&mut text, high, number).expect("strings take everything");
        text.push('}');
    }
    text.push_str("]\n");
    text.into_bytes()
}

/// Makes the peak of this process what it uses now (proc(5), `clear_refs`).
fn reset_peak() {
    std::fs::write("/proc/self/clear_refs", "5").expect("Linux lets a process reset its peak");
}

fn memory_kib(key: &str) -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("Linux has /proc");
    let line = status.lines().find(|line| line.starts_with(key)).expect("the kernel reports it");
    line.split_whitespace().nth(1).and_then(|kib| kib.parse().ok()).expect("a number of KiB")
}
