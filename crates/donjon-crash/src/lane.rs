//! One node with two volumes, killed again and again. Its disks, its blocks and the books outlive each kill.

use std::collections::HashMap;
use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::time::Duration;

use tempfile::TempDir;

use crate::block::Block;
use crate::books::Books;
use crate::checker::{self, Checked};
use crate::fault::Fault;
use crate::lister::{Listed, Lister};
use crate::process::{Node, Settings, free_address, mount_uuid};
use crate::random::Random;
use crate::run::{Run, Stop};
use crate::wire::Client;
use crate::writer::{self, Written};

/// Short, so that blocks become old enough to be trashed while the campaign runs.
pub(crate) const TTL: Duration = Duration::from_secs(1);
/// Blocks of one lane.
const BLOCKS: u64 = 150;
/// Clients that write at the same time.
const WRITERS: usize = 3;
/// The longest life of a node between ready and killed.
const LIFE_MAX: Duration = Duration::from_millis(200);
/// The longest life of a node that is killed while it starts.
const START_LIFE_MAX: Duration = Duration::from_millis(60);
/// So many of a hundred starts are killed before the node is ready.
const KILLED_STARTS_PERCENT: u64 = 15;

/// What becomes of trashed blocks in a lane.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fate {
    /// They stay in the trash for hours: what was trashed must be there.
    Kept,
    /// They are deleted after a second: the emptier runs all the time.
    Emptied,
    /// They are deleted at once.
    Deleted,
}

impl Fate {
    const fn lifetime(self) -> Duration {
        match self {
            Self::Kept => Duration::from_secs(4 * 3600),
            Self::Emptied => Duration::from_secs(1),
            Self::Deleted => Duration::ZERO,
        }
    }
}

/// What a lane did, for the report.
#[derive(Clone, Debug, Default)]
pub struct LaneReport {
    /// Nodes killed while they worked.
    pub kills: u64,
    /// Nodes killed while they started.
    pub killed_starts: u64,
    /// What the clients did.
    pub written: Written,
    /// What the lister sent.
    pub listed: Listed,
    /// What the checks found.
    pub checked: Checked,
    /// How long each start took until the node answered.
    pub starts: Vec<Duration>,
}

/// One node and everything that outlives it.
pub(crate) struct Lane {
    place: TempDir,
    binary: PathBuf,
    settings: Settings,
    fate: Fate,
    blocks: Vec<Block>,
    books: Mutex<Books>,
    lister: Lister,
    random: Random,
    report: LaneReport,
}

impl Lane {
    /// A lane that has not begun. `peer` is the address of the node to pull from.
    pub(crate) fn new(
        binary: &Path,
        fate: Fate,
        mut random: Random,
        peer: SocketAddr,
    ) -> io::Result<Self> {
        let place = tempfile::tempdir()?;
        let address = free_address()?;
        let volumes = vec![place.path().join("volume-0"), place.path().join("volume-1")];
        for root in &volumes {
            std::fs::create_dir(root)?;
        }
        let mounts = (0..volumes.len()).map(|index| mount_uuid(address.port(), index)).collect();
        let settings = Settings {
            ttl: TTL,
            trash_lifetime: fate.lifetime(),
            trash_check_interval: Duration::from_millis(300),
            ..Settings::new(address, volumes)
        };
        std::fs::write(place.path().join("config.yml"), settings.to_yaml())?;
        Ok(Self {
            place,
            binary: binary.to_owned(),
            settings,
            fate,
            blocks: (0..BLOCKS).map(|_| Block::numbered(random.next_u64())).collect(),
            books: Mutex::new(Books::new(TTL)),
            lister: Lister { mounts, peer, earlier: HashMap::new() },
            random,
            report: LaneReport::default(),
        })
    }

    /// The blocks that the peer must have before the lane begins: half of them.
    pub(crate) fn blocks_at_peer(&self) -> impl Iterator<Item = &Block> {
        self.blocks.iter().step_by(2)
    }

    /// What was done so far.
    pub(crate) const fn report(&self) -> &LaneReport {
        &self.report
    }

    /// Keeps the lane's directories for somebody to look at; says where they are.
    pub(crate) fn keep(self) -> PathBuf {
        self.place.keep()
    }

    /// Starts the node, works, kills it, looks at its disks, starts it again, and checks what it promised.
    pub(crate) fn run_once(&mut self) -> Vec<Fault> {
        let mut faults = Vec::new();
        match self.start() {
            Ok(node) => self.work_and_kill(node, &mut faults),
            Err(fault) => faults.push(fault),
        }
        if faults.is_empty() {
            self.check(&mut faults);
        }
        faults
    }

    fn start(&mut self) -> Result<Node, Fault> {
        if self.random.percent(KILLED_STARTS_PERCENT) {
            let mut unready = self.spawn()?;
            std::thread::sleep(self.random.duration_up_to(START_LIFE_MAX));
            unready
                .kill()
                .map_err(|error| Fault::Stuck(format!("killing a node that starts: {error}")))?;
            self.report.killed_starts += 1;
        }
        let mut node = self.spawn()?;
        match node.wait_until_ready() {
            Ok(took) => self.report.starts.push(took),
            Err(failure) => {
                let log = self.place.path().join("log");
                return Err(Fault::Stuck(format!("{failure}; its log is {}", log.display())));
            }
        }
        Ok(node)
    }

    fn spawn(&self) -> Result<Node, Fault> {
        let (config, log) = (self.place.path().join("config.yml"), self.place.path().join("log"));
        Node::spawn(&self.binary, &config, self.settings.address, &log).map_err(|error| {
            Fault::Stuck(format!("{} could not be started: {error}", self.binary.display()))
        })
    }

    fn work_and_kill(&mut self, mut node: Node, faults: &mut Vec<Fault>) {
        let run = Run::new(&self.books);
        let life = self.random.duration_up_to(LIFE_MAX);
        let seeds = Random::new(self.random.next_u64());
        let (blocks, lister, report) = (&self.blocks, &mut self.lister, &mut self.report);
        std::thread::scope(|scope| {
            let run = &run;
            let mut writers = Vec::new();
            for number in 0..WRITERS {
                let own: Vec<&Block> = blocks.iter().skip(number).step_by(WRITERS).collect();
                let (client, random) = (node.client(), seeds.split(number as u64));
                writers.push(scope.spawn(move || writer::work(run, client, &own, random)));
            }
            let (client, random) = (node.client(), seeds.split(u64::MAX));
            let at_peer: Vec<&Block> = blocks.iter().step_by(2).collect();
            let lister = scope.spawn(move || lister.work(run, client, &at_peer, random));

            std::thread::sleep(life);
            run.announce_kill();
            if let Err(error) = node.kill() {
                faults.push(Fault::Stuck(format!("the node was to be killed: {error}")));
            }
            for writer in writers {
                let (written, stop) = writer.join().expect("a writer does not panic");
                report.written.add(written);
                note(stop, faults);
            }
            let (listed, stop) = lister.join().expect("the lister does not panic");
            report.listed.add(listed);
            note(stop, faults);
        });
        self.report.kills += 1;
    }

    fn check(&mut self, faults: &mut Vec<Fault>) {
        let found = checker::check_disk(&self.settings.volumes, &mut self.report.checked, faults);
        if self.fate == Fate::Kept {
            faults.extend(checker::check_trash(&found, &self.blocks, &self.books).err());
        }
        let mut node = match self.spawn() {
            Ok(node) => node,
            Err(fault) => return faults.push(fault),
        };
        if let Err(failure) = node.wait_until_ready() {
            return faults.push(Fault::Stuck(format!("after a kill: {failure}")));
        }
        let mut client = node.client();
        faults.extend(self.check_promises(&mut client).err());
        faults.extend(checker::check_temps(&self.settings.volumes).err());
    }

    fn check_promises(&mut self, client: &mut Client) -> Result<(), Fault> {
        let there =
            checker::check_blocks(client, &self.blocks, &self.books, &mut self.report.checked)?;
        checker::check_index(client, &self.blocks, &there, &self.books)
    }
}

fn note(stop: Stop, faults: &mut Vec<Fault>) {
    match stop {
        Stop::Killed => {}
        Stop::Fault(fault) => faults.push(fault),
    }
}
