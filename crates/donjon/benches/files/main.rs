//! `cargo xtask bench files`: `donjon put` and `get` of very many small files, on two real nodes, each copy on both; beside
//! `cp -r` of the same tree, synced, and a PUT for each file. All of it on the disk that `TMPDIR` is on, two cores for everybody.

mod nodes; // two nodes
mod ran; // a command, its time and its memory
#[path = "../node/table.rs"]
#[expect(dead_code, reason = "the other benchmark prints more kinds of figures")]
mod table;
mod tree; // the files

use std::io;
use std::path::Path;
use std::process::{Command, ExitCode};
use std::time::{Duration, Instant};

use nodes::Nodes;
use ran::{Ran, run};
use tree::Tree;

/// Files of the full run; a quick one has a twentieth.
const FILES: u64 = 100_000;

fn main() -> ExitCode {
    let quick = std::env::args().any(|word| word == "--quick");
    match measure(if quick { FILES / 20 } else { FILES }) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn measure(count: u64) -> io::Result<()> {
    let place = tempfile::tempdir()?;
    let at = |name: &str| place.path().join(name).to_str().unwrap_or_default().to_owned();
    let tree = Tree::plant(&place.path().join("tree"), count)?;
    table::head(
        &format!("{count} files of 200 to 4000 bytes, {} MB, two copies", tree.bytes / 1_000_000),
        &["", "files/s", "time", "requests", "blocks", "peak memory"],
    );
    let copied = copy(&at("tree"), &at("copy"))?;
    show(
        "cp -r, then synced: one copy, no node",
        count,
        copied,
        [String::new(), String::new(), String::new()],
    );

    let nodes = Nodes::start(place.path())?;
    // A tenth is enough to see how long each takes.
    let one_by_one = nodes.put_each(&tree, count / 10)?;
    let requests = format!("{}", 2 * (count / 10));
    show(
        "a tenth of them, a PUT each to both nodes",
        count / 10,
        one_by_one,
        [requests, String::new(), String::new()],
    );

    std::fs::create_dir(at("manifests"))?;
    let named = nodes.arguments(&at("manifests"));
    let donjon = |command: &[&str]| -> io::Result<(Ran, u64)> {
        let before = nodes.requests()?;
        let all: Vec<&str> =
            command.iter().copied().chain(named.iter().map(String::as_str)).collect();
        let ran = run(&all)?;
        Ok((ran, nodes.requests()? - before))
    };
    let put = ["put", &at("tree"), "--replication", "2", "--json"];
    let get = ["get", "tree", &at("back"), "--json"];
    for (what, command) in [
        ("donjon put", &put[..]),
        ("donjon put, once more", &put),
        ("donjon get", &get),
        ("donjon get, once more: all is there", &get),
    ] {
        let (ran, requests) = donjon(command)?;
        let figures = [requests.to_string(), ran.number("blocks"), table::mebibytes(ran.peak_kib)];
        show(what, count, ran.time, figures);
    }
    same(&at("tree"), &at("back"))
}

fn show(what: &str, count: u64, time: Duration, figures: [String; 3]) {
    let [requests, blocks, memory] = figures;
    table::row(what, &[table::rate(count, time), table::time(time), requests, blocks, memory]);
}

fn copy(from: &str, to: &str) -> io::Result<Duration> {
    let begun = Instant::now();
    expect(Command::new("cp").args(["-r", from, to]))?;
    expect(Command::new("sync").args(["-f", to]))?;
    Ok(begun.elapsed())
}

fn same(one: &str, other: &str) -> io::Result<()> {
    expect(Command::new("diff").args(["-r", one, other]))
}

fn expect(command: &mut Command) -> io::Result<()> {
    let program = Path::new(command.get_program()).display().to_string();
    match command.status()?.success() {
        true => Ok(()),
        false => Err(io::Error::other(format!("{program} failed"))),
    }
}
