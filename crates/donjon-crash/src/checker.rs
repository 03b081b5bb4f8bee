//! What must hold after a node was killed: on the disk, before it is started again, and over the wire, after.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use crate::block::Block;
use crate::books::Books;
use crate::disk::{self, Found};
use crate::fault::Fault;
use crate::lister::parse_index;
use crate::run::{Presence, judge_absence, judge_read, lock, unexpected};
use crate::wire::Client;

/// A node may take so long after its start to sweep the temp files of its predecessor.
const SWEEP_PATIENCE: Duration = Duration::from_secs(5);

/// What a check found, for the report.
#[derive(Clone, Copy, Debug, Default)]
pub struct Checked {
    /// Blocks read back and compared.
    pub right: u64,
    /// Acknowledged blocks that were trashed, with good reason.
    pub trashed: u64,
    /// Temp files that the killed process left behind: kills in the middle of a write.
    pub temps: u64,
}

impl Checked {
    /// Adds what another thread or lane did.
    pub(crate) const fn add(&mut self, more: Self) {
        self.right += more.right;
        self.trashed += more.trashed;
        self.temps += more.temps;
    }
}

/// The state of the volumes while the node is dead: every file under a block's name has that MD5.
pub(crate) fn check_disk(
    volumes: &[PathBuf],
    checked: &mut Checked,
    faults: &mut Vec<Fault>,
) -> Vec<Found> {
    let mut found = Vec::new();
    for root in volumes {
        match disk::scan(root) {
            Ok(mut scanned) => {
                faults.extend(scanned.damaged.drain(..).map(Fault::Damaged));
                checked.temps += scanned.temps.len() as u64;
                found.push(scanned);
            }
            Err(error) => {
                faults.push(Fault::Stuck(format!("cannot read {}: {error}", root.display())))
            }
        }
    }
    found
}

/// Every acknowledged block can be read and is right, or is absent with good reason.
pub(crate) fn check_blocks(
    client: &mut Client,
    blocks: &[Block],
    books: &Mutex<Books>,
    checked: &mut Checked,
) -> Result<HashSet<String>, Fault> {
    let mut there = HashSet::new();
    for block in blocks {
        let path = format!("/{}", block.locator());
        let answer = client.request("GET", &path, b"").map_err(|error| broken(&path, error))?;
        match judge_read(block, &answer, &lock(books))? {
            Presence::There => {
                checked.right += 1;
                there.insert(block.hash().to_owned());
            }
            Presence::Trashed => checked.trashed += 1,
            Presence::NeverPromised => {}
        }
    }
    Ok(there)
}

/// The index is complete, knows only blocks that somebody stored, and lists every block that can be read.
pub(crate) fn check_index(
    client: &mut Client,
    blocks: &[Block],
    there: &HashSet<String>,
    books: &Mutex<Books>,
) -> Result<(), Fault> {
    let answer = client.request("GET", "/index", b"").map_err(|error| broken("/index", error))?;
    if answer.status != 200 {
        return Err(unexpected("GET", "/index", &answer));
    }
    let mut listed = HashSet::new();
    for entry in parse_index(&answer.body)? {
        let block = blocks.iter().find(|block| block.hash() == entry.hash);
        if block.is_none_or(|block| block.data().len() as u64 != entry.size) {
            return Err(Fault::BadIndex(format!(
                "it lists {}+{}, which nobody stored",
                entry.hash, entry.size
            )));
        }
        listed.insert(entry.hash);
    }
    let missing =
        blocks.iter().find(|block| there.contains(block.hash()) && !listed.contains(block.hash()));
    match missing {
        // A list that was resumed after the restart may have taken it since it was read.
        Some(block) => judge_absence(block, &lock(books)).map(drop),
        None => Ok(()),
    }
}

/// What was trashed with a lifetime of hours is in the trash.
pub(crate) fn check_trash(
    volumes: &[Found],
    blocks: &[Block],
    books: &Mutex<Books>,
) -> Result<(), Fault> {
    let books = lock(books);
    let unrecoverable =
        blocks.iter().map(Block::hash).filter(|hash| books.was_promised(hash)).find(|hash| {
            !volumes
                .iter()
                .any(|volume| volume.live.contains(*hash) || volume.trashed.contains(*hash))
        });
    unrecoverable.map_or(Ok(()), |hash| Err(Fault::NotInTrash { hash: hash.to_owned() }))
}

/// The temp files of the killed process go away. No request is running meanwhile.
pub(crate) fn check_temps(volumes: &[PathBuf]) -> Result<(), Fault> {
    let began = Instant::now();
    loop {
        let mut left = Vec::new();
        for root in volumes {
            let temps = disk::temps(root);
            left.extend(temps.map_err(|error| {
                Fault::Stuck(format!("cannot read {}: {error}", root.display()))
            })?);
        }
        if left.is_empty() {
            return Ok(());
        }
        if began.elapsed() > SWEEP_PATIENCE {
            return Err(Fault::TempsStay(left));
        }
        std::thread::sleep(Duration::from_millis(10));
    }
}

fn broken(path: &str, error: std::io::Error) -> Fault {
    Fault::Broken { request: format!("GET {path}"), error }
}
