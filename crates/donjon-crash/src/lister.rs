//! The balancer's part: trash lists and pull lists, one after the other, each replacing what is left of the last.

use std::collections::HashMap;
use std::fmt::Write as _;
use std::net::SocketAddr;
use std::time::Duration;

use crate::block::Block;
use crate::books::Nanos;
use crate::fault::Fault;
use crate::random::Random;
use crate::run::{Run, Stop, unexpected};
use crate::wire::Client;

/// The longest pause between two lists, so that some are worked off and some are replaced.
const PAUSE_MAX: Duration = Duration::from_millis(20);

/// What the lister sent, for the report.
#[derive(Clone, Copy, Debug, Default)]
pub struct Listed {
    /// Trash items with the mtime that a replica had.
    pub condemned: u64,
    /// Trash items whose mtime no replica has: they must do nothing.
    pub off_by_one: u64,
    /// Pull items.
    pub pulls: u64,
}

impl Listed {
    /// Adds what another thread or lane did.
    pub(crate) const fn add(&mut self, more: Self) {
        self.condemned += more.condemned;
        self.off_by_one += more.off_by_one;
        self.pulls += more.pulls;
    }
}

/// Makes lists for one node. Remembers the mtimes of the runs before, to send them again when they are outdated.
#[derive(Debug)]
pub(crate) struct Lister {
    pub(crate) mounts: Vec<String>,
    pub(crate) peer: SocketAddr,
    pub(crate) earlier: HashMap<String, Nanos>,
}

impl Lister {
    /// Works until the node is killed.
    pub(crate) fn work(
        &mut self,
        run: &Run<'_>,
        mut client: Client,
        at_peer: &[&Block],
        mut random: Random,
    ) -> (Listed, Stop) {
        let mut listed = Listed::default();
        loop {
            let sent = if random.percent(60) {
                self.send_trash_list(run, &mut client, &mut random, &mut listed)
            } else {
                self.send_pull_list(run, &mut client, at_peer, &mut random, &mut listed)
            };
            if let Err(stop) = sent {
                return (listed, stop);
            }
            std::thread::sleep(random.duration_up_to(PAUSE_MAX));
            if run.is_over() {
                return (listed, Stop::Killed);
            }
        }
    }

    fn send_trash_list(
        &mut self,
        run: &Run<'_>,
        client: &mut Client,
        random: &mut Random,
        listed: &mut Listed,
    ) -> Result<(), Stop> {
        let mount = self.any_mount(random);
        let path =
            if mount.is_empty() { "/index".to_owned() } else { format!("/mounts/{mount}/blocks") };
        let answer = run.ask(client, "GET", &path, b"")?;
        if answer.status != 200 {
            return Err(Stop::Fault(unexpected("GET", &path, &answer)));
        }
        let mut items = Vec::new();
        for entry in parse_index(&answer.body).map_err(Stop::Fault)? {
            let current = entry.mtime;
            let earlier = self.earlier.insert(entry.hash.to_owned(), current);
            if random.percent(50) {
                continue;
            }
            let mtime = match (random.below(10), earlier) {
                (0, _) => current + 1,
                (1, _) => current - 1,
                (2, Some(earlier)) => earlier,
                (_, _) => current,
            };
            if (mtime - current).abs() == 1 {
                listed.off_by_one += 1;
            } else {
                run.books().condemn(entry.hash, mtime);
                listed.condemned += 1;
            }
            items.push(format!(
                r#"{{"locator":"{}+{}","block_mtime":{mtime},"mount_uuid":"{mount}"}}"#,
                entry.hash, entry.size
            ));
        }
        put_list(run, client, "/trash", &items)
    }

    /// One of the mounts, or none: the item is about all of them, or about the best.
    fn any_mount(&self, random: &mut Random) -> String {
        if random.percent(40) { String::new() } else { random.pick(&self.mounts).clone() }
    }

    fn send_pull_list(
        &self,
        run: &Run<'_>,
        client: &mut Client,
        at_peer: &[&Block],
        random: &mut Random,
        listed: &mut Listed,
    ) -> Result<(), Stop> {
        let mut items = Vec::new();
        for block in at_peer {
            if random.percent(30) {
                let mount = self.any_mount(random);
                items.push(format!(
                    r#"{{"locator":"{}","servers":["http://{}"],"mount_uuid":"{mount}"}}"#,
                    block.locator(),
                    self.peer
                ));
            }
        }
        listed.pulls += items.len() as u64;
        put_list(run, client, "/pull", &items)
    }
}

fn put_list(run: &Run<'_>, client: &mut Client, path: &str, items: &[String]) -> Result<(), Stop> {
    let mut body = String::from("[");
    for (index, item) in items.iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        write!(body, "{comma}{item}").expect("writing to a string cannot fail");
    }
    body.push(']');
    let answer = run.ask(client, "PUT", path, body.as_bytes())?;
    if answer.status == 200 { Ok(()) } else { Err(Stop::Fault(unexpected("PUT", path, &answer))) }
}

/// One line of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Entry<'a> {
    pub(crate) hash: &'a str,
    pub(crate) size: u64,
    pub(crate) mtime: Nanos,
}

/// The lines of a complete index (spec section 2.7).
pub(crate) fn parse_index(body: &[u8]) -> Result<Vec<Entry<'_>>, Fault> {
    let text =
        std::str::from_utf8(body).map_err(|error| Fault::BadIndex(format!("no UTF-8: {error}")))?;
    let lines = match text {
        "\n" => "",
        _ => text
            .strip_suffix("\n\n")
            .ok_or_else(|| Fault::BadIndex("no empty line at the end".to_owned()))?,
    };
    lines
        .lines()
        .map(|line| parse_line(line).ok_or_else(|| Fault::BadIndex(format!("line {line:?}"))))
        .collect()
}

fn parse_line(line: &str) -> Option<Entry<'_>> {
    let (locator, mtime) = line.split_once(' ')?;
    let (hash, size) = locator.split_once('+')?;
    Some(Entry { hash, size: size.parse().ok()?, mtime: mtime.parse().ok()? })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_index_has_lines_and_an_empty_line() {
        let entries = parse_index(b"abc+3 17\n\n").unwrap();
        assert_eq!(entries, [Entry { hash: "abc", size: 3, mtime: 17 }]);
        assert!(parse_index(b"\n").unwrap().is_empty());
    }

    #[test]
    fn an_index_that_just_ends_is_a_fault() {
        assert!(parse_index(b"abc+3 17\n").is_err());
        assert!(parse_index(b"").is_err());
    }
}
