//! Programs that are killed in the middle of their work: what they had been told was stored is stored.
//!
//! A program of its own, because it starts itself: with `work DIRECTORY` it ends items, with `replace DIRECTORY` it stores
//! list after list, and says what was stored as soon as it was. With `--list` it lists its tests, as test runners expect.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[path = "store/given.rs"]
mod given;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};

use given::{Outcome, Store, resumed, sent, waiting};
use list_store::Ending;

const TESTS: [(&str, fn()); 2] = [
    ("what_ended_before_a_kill_has_ended", what_ended_before_a_kill_has_ended),
    ("what_was_stored_before_a_kill_is_stored", what_was_stored_before_a_kill_is_stored),
];
const ITEMS: u32 = 100_000;
const KILLS: usize = 8;

fn main() {
    let arguments: Vec<_> = std::env::args().skip(1).collect();
    let arguments: Vec<_> = arguments.iter().map(String::as_str).collect();
    match arguments[..] {
        ["work", directory] => work(Path::new(directory)),
        ["replace", directory] => replace(Path::new(directory)),
        _ if arguments.contains(&"--list") => {
            TESTS.iter().for_each(|(name, _)| println!("{name}: test"));
        }
        _ => TESTS.iter().for_each(|(name, test)| {
            test();
            println!("test {name} ... ok");
        }),
    }
}

/// Ends every item that waits, and says so.
fn work(directory: &Path) {
    let loaded = resumed(&Store::open(directory).unwrap());
    let mut out = std::io::stdout();
    for index in waiting(&loaded) {
        loaded.list.ended(&[Ending { index, outcome: Outcome::Done }]).unwrap();
        writeln!(out, "{index}").unwrap();
    }
}

/// Stores lists until it is killed: that of generation n has n times a hundred items.
fn replace(directory: &Path) {
    let store = Store::open(directory).unwrap();
    loop {
        let generation = store.last_generation() + 1;
        let items = u32::try_from(generation).unwrap() * 100;
        sent(0..items).put(&store).unwrap();
        println!("{generation}");
    }
}

/// Starts this program in a role, kills it after so many lines, and gives the lines.
fn killed_after(lines: usize, role: &str, directory: &Path) -> Vec<u64> {
    let mut child = Command::new(std::env::current_exe().unwrap())
        .args([role, directory.to_str().unwrap()])
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let mut said = BufReader::new(child.stdout.take().unwrap()).lines();
    let mut before: Vec<_> = said.by_ref().take(lines).map(Result::unwrap).collect();
    assert_eq!(before.len(), lines, "{role} ended before it was killed");
    child.kill().unwrap();
    child.wait().unwrap();
    // What it said between the last line and its end. Of a line that was cut nothing is known.
    before.extend(said.map(Result::unwrap));
    before.iter().map(|line| line.parse().unwrap()).collect()
}

fn what_ended_before_a_kill_has_ended() {
    let directory = tempfile::tempdir().unwrap();
    sent(0..ITEMS).put(&Store::open(directory.path()).unwrap()).unwrap();
    let mut said = 0;
    for kill in 0..KILLS {
        let ended = killed_after(500 + 37 * kill, "work", directory.path());
        said += ended.len() as u64;
        let loaded = resumed(&Store::open(directory.path()).unwrap());
        assert!(loaded.repair.is_none(), "a kill tears nothing: {:?}", loaded.repair);
        let waiting = waiting(&loaded);
        assert!(ended.iter().all(|index| !waiting.iter().any(|w| u64::from(*w) == *index)));
        // Ended and killed before it was said: at most one item for each kill.
        let unsaid = loaded.ended[&Outcome::Done] - said;
        assert!(unsaid <= kill as u64 + 1, "{unsaid} items ended of which nothing was said");
    }
}

fn what_was_stored_before_a_kill_is_stored() {
    let directory = tempfile::tempdir().unwrap();
    for kill in 0..KILLS {
        let stored = killed_after(1 + kill, "replace", directory.path());
        let last = stored.into_iter().max().unwrap();
        let loaded = resumed(&Store::open(directory.path()).unwrap());
        let found = loaded.list.receipt().generation;
        assert!((last..=last + 1).contains(&found), "{found} is stored, {last} was said to be");
        assert_eq!(loaded.waiting.len() as u64, found * 100);
        drop(loaded);
        let files = std::fs::read_dir(directory.path()).unwrap().count();
        assert_eq!(files, 4, "nothing of other lists is left");
    }
}
