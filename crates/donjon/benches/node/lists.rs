//! Trash lists worked off by the node, and long lists taken in over HTTP.

use std::fmt::Write as _;
use std::io;
use std::time::{Duration, Instant, SystemTime, UNIX_EPOCH};

use donjon_crash::random::Random;
use donjon_crash::wire::Client;
use keep_protocol::status::ListStatus;
use serde::Deserialize;

use crate::Scale;
use crate::stand::{Stand, expect_ok};
use crate::table;

pub(crate) fn run(scale: Scale) -> io::Result<()> {
    trash(scale)?;
    take_in(scale.of(1_000_000))?;
    take_in(scale.of(10_000_000))
}

fn trash(scale: Scale) -> io::Result<()> {
    let count = scale.of(100_000);
    table::head(&format!("Trashing {count} blocks"), &["", "time", "rate"]);
    let plain = rename_all(count)?;
    table::row(
        "baseline: stat and rename, one thread",
        &[table::time(plain), table::rate(count, plain)],
    );
    // Interleaved: the machine's mood changes.
    let (mut forgetful, mut whole) = (Vec::new(), Vec::new());
    for _ in 0..scale.rounds().min(3) {
        forgetful.push(trash_all(Stand::forgetful()?, count)?);
        whole.push(trash_all(Stand::new()?, count)?);
    }
    let (forgetful, whole) = (table::median(forgetful), table::median(whole));
    table::row(
        "the node, remembering nothing",
        &[table::time(forgetful), table::rate(count, forgetful)],
    );
    table::row(
        "the node, with durable list and ledger",
        &[table::time(whole), table::rate(count, whole)],
    );
    println!(
        "durable list and ledger cost a factor of {:.2}",
        whole.as_secs_f64() / forgetful.as_secs_f64()
    );
    Ok(())
}

/// From sending the list until it is worked off.
fn trash_all(mut stand: Stand, count: u64) -> io::Result<Duration> {
    let hashes = stand.fill(count, 1)?;
    let mut items = String::from("[");
    for hash in &hashes {
        let comma = if items.len() == 1 { "" } else { "," };
        let mtime = nanos(std::fs::metadata(stand.path_of(hash))?.modified()?);
        write!(items, r#"{comma}{{"locator":"{hash}+1","block_mtime":{mtime},"mount_uuid":""}}"#)
            .expect("a string");
    }
    items.push(']');
    stand.start()?;
    let mut client = stand.client();
    let began = Instant::now();
    put_list(&mut client, "/trash", items.as_bytes())?;
    let status = wait_until_done(&mut client)?;
    let took = began.elapsed();
    if status.done != count {
        return Err(io::Error::other(format!("not every item was done: {status:?}")));
    }
    Ok(took)
}

fn rename_all(count: u64) -> io::Result<Duration> {
    let stand = Stand::new()?;
    let hashes = stand.fill(count, 1)?;
    let began = Instant::now();
    for hash in &hashes {
        let path = stand.path_of(hash);
        std::fs::metadata(&path)?;
        std::fs::rename(&path, path.with_extension("trash.1"))?;
    }
    Ok(began.elapsed())
}

fn wait_until_done(client: &mut Client) -> io::Result<ListStatus> {
    loop {
        let answer = client.request("GET", "/donjon/v1/lists/trash", b"")?;
        expect_ok("the status of the list", answer.status, &answer.text())?;
        let status: ListStatus = serde_json::from_slice(&answer.body)?;
        if status.waiting + status.running == 0 {
            return Ok(status);
        }
        std::thread::sleep(Duration::from_millis(5));
    }
}

/// The wanted fields of an item, for the baseline.
#[derive(Deserialize)]
#[expect(dead_code, reason = "only parsed")]
struct Item {
    locator: String,
    #[serde(default)]
    block_mtime: i64,
    mount_uuid: String,
    #[serde(default)]
    servers: Vec<String>,
}

fn take_in(count: u64) -> io::Result<()> {
    table::head(
        &format!("Taking in a list of {count} items"),
        &["", "time", "", "peak memory", "on disk"],
    );
    for (what, path) in [("trash", "/trash"), ("pull", "/pull")] {
        let body = long_list(what, count);
        let began = Instant::now();
        let items: Vec<Item> = serde_json::from_slice(body.as_bytes())?;
        let plain = began.elapsed();
        assert_eq!(items.len() as u64, count, "the baseline parses every item");
        drop(items);
        let stand = Stand::started()?;
        let mut client = stand.client();
        let began = Instant::now();
        put_list(&mut client, path, body.as_bytes())?;
        let took = began.elapsed();
        let size = format!("{what}, {} MB", body.len() / 1_000_000);
        table::row(
            &format!("{size}: serde_json from a slice, typed"),
            &[table::time(plain), table::each(count, plain), String::new(), String::new()],
        );
        table::row(
            &format!("{size}: the node, over HTTP"),
            &[
                table::time(took),
                table::each(count, took),
                table::mebibytes(stand.peak_memory()?),
                table::mebibytes(stand.state_bytes()? / 1024),
            ],
        );
    }
    Ok(())
}

/// Items about blocks that are nowhere: working them off costs little and is not measured.
fn long_list(what: &str, count: u64) -> String {
    let mut random = Random::new(2);
    let mut items = String::from("[");
    for number in 0..count {
        let comma = if number == 0 { "" } else { "," };
        let rest = match what {
            "trash" => format!(r#""block_mtime":{}"#, 1_600_000_000_000_000_000 + number),
            _ => r#""servers":["http://127.0.0.1:1"]"#.to_owned(),
        };
        write!(
            items,
            r#"{comma}{{"locator":"{:016x}{:016x}+67108864",{rest},"mount_uuid":"zzzzz-nyw5e-000000000000000"}}"#,
            random.next_u64(),
            random.next_u64()
        )
        .expect("writing to a string cannot fail");
    }
    items.push(']');
    items
}

fn put_list(client: &mut Client, path: &str, items: &[u8]) -> io::Result<()> {
    let answer = client.request("PUT", path, items)?;
    expect_ok("the list", answer.status, &answer.text())
}

fn nanos(time: SystemTime) -> u128 {
    time.duration_since(UNIX_EPOCH).expect("after 1970").as_nanos()
}
