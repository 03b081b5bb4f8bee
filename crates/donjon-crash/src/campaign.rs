//! Lanes, runs, the report.

use std::fmt;
use std::io;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use tempfile::TempDir;

pub use crate::checker::Checked;
use crate::fault::Fault;
use crate::lane::{Fate, Lane, LaneReport, TTL};
pub use crate::lister::Listed;
use crate::process::{Node, Settings, free_address};
use crate::random::Random;
pub use crate::writer::Written;

/// What to do.
#[derive(Clone, Debug)]
pub struct Plan {
    /// The `donjon` program.
    pub binary: PathBuf,
    /// How many times a node is killed while it works, in all lanes together.
    pub runs: u64,
    /// Decides every choice: blocks, requests, lists, and how long a node lives. Not what else the machine does.
    pub seed: u64,
    /// Nodes killed side by side.
    pub lanes: u64,
}

/// What was done, and what was wrong.
#[derive(Debug, Default)]
pub struct Report {
    /// The sum of all lanes.
    pub done: LaneReport,
    /// What was wrong, with the place where it happened.
    pub faults: Vec<String>,
    /// How long it took.
    pub took: Duration,
}

/// Kills nodes `plan.runs` times. A lane ends at its first fault and leaves its directories behind, named in the fault.
///
/// # Errors
/// The campaign could not begin: no directory, no address, or the node to pull from did not start.
pub fn run(plan: &Plan) -> io::Result<Report> {
    let began = Instant::now();
    let mut peer = Peer::start(plan)?;
    let mut lanes = Vec::new();
    for number in 0..plan.lanes {
        let fate = [Fate::Kept, Fate::Deleted, Fate::Emptied]
            [usize::try_from(number % 3).expect("less than 3")];
        let lane = Lane::new(
            &plan.binary,
            fate,
            Random::new(plan.seed).split(number),
            peer.settings.address,
        )?;
        peer.store(&lane)?;
        lanes.push(lane);
    }
    let mut report = Report::default();
    std::thread::scope(|scope| {
        let threads: Vec<_> = lanes
            .into_iter()
            .zip(0..)
            .map(|(lane, number)| scope.spawn(move || work_through(lane, number, plan)))
            .collect();
        for thread in threads {
            let (done, faults) = thread.join().expect("a lane does not panic");
            report.add(done, faults);
        }
    });
    report.took = began.elapsed();
    Ok(report)
}

fn work_through(mut lane: Lane, number: u64, plan: &Plan) -> (LaneReport, Vec<String>) {
    let runs = plan.runs / plan.lanes + u64::from(number < plan.runs % plan.lanes);
    for run in 0..runs {
        let faults = lane.run_once();
        if !faults.is_empty() {
            let report = lane.report().clone();
            let place = lane.keep();
            return (
                report,
                faults.iter().map(|fault| at(plan.seed, number, run, fault, &place)).collect(),
            );
        }
    }
    (lane.report().clone(), Vec::new())
}

fn at(seed: u64, lane: u64, run: u64, fault: &Fault, place: &std::path::Path) -> String {
    format!(
        "seed {seed}, lane {lane}, run {run}: {fault} (its files are kept in {})",
        place.display()
    )
}

/// The second node: it is not killed, and has the blocks that the others pull.
struct Peer {
    settings: Settings,
    node: Node,
    _place: TempDir,
}

impl Peer {
    fn start(plan: &Plan) -> io::Result<Self> {
        let place = tempfile::tempdir()?;
        let volume = place.path().join("volume");
        std::fs::create_dir(&volume)?;
        let settings = Settings {
            ttl: TTL,
            requests_max: 256,
            ..Settings::new(free_address()?, vec![volume])
        };
        let config = place.path().join("config.yml");
        std::fs::write(&config, settings.to_yaml())?;
        let log = place.path().join("log");
        let mut node = Node::spawn(&plan.binary, &config, settings.address, &log)?;
        if let Err(failure) = node.wait_until_ready() {
            let logged = std::fs::read_to_string(&log)?;
            return Err(io::Error::other(format!(
                "the node to pull from: {failure}; it said:\n{logged}"
            )));
        }
        Ok(Self { settings, node, _place: place })
    }

    fn store(&mut self, lane: &Lane) -> io::Result<()> {
        let mut client = self.node.client();
        for block in lane.blocks_at_peer() {
            let answer = client.request("PUT", &format!("/{}", block.hash()), block.data())?;
            if answer.status != 200 {
                return Err(io::Error::other(format!(
                    "a PUT was answered with {}: {}",
                    answer.status,
                    answer.text()
                )));
            }
        }
        Ok(())
    }
}

impl Report {
    fn add(&mut self, lane: LaneReport, faults: Vec<String>) {
        let sum = &mut self.done;
        sum.kills += lane.kills;
        sum.killed_starts += lane.killed_starts;
        sum.written.add(lane.written);
        sum.listed.add(lane.listed);
        sum.checked.add(lane.checked);
        sum.starts.extend(lane.starts);
        self.faults.extend(faults);
    }

    /// The middle one of the times from a start until the node answered.
    pub fn median_start(&self) -> Option<Duration> {
        let mut starts = self.done.starts.clone();
        starts.sort_unstable();
        starts.get(starts.len() / 2).copied()
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let LaneReport { kills, killed_starts, written, listed, checked, .. } = &self.done;
        writeln!(
            f,
            "{kills} kills under load, {killed_starts} during start-up, in {:.1} s",
            self.took.as_secs_f64()
        )?;
        if let Some(start) = self.median_start() {
            writeln!(f, "  a start took {:.0} ms (median)", start.as_secs_f64() * 1e3)?;
        }
        writeln!(
            f,
            "  acknowledged: {} PUT ({} more refused), {} TOUCH, {} untrash; {} GET right, {} absent with good reason",
            written.puts,
            written.refusals,
            written.touches,
            written.untrashes,
            written.reads,
            written.absences
        )?;
        writeln!(
            f,
            "  listed: {} trash items with a true mtime, {} with a wrong one, {} pull items",
            listed.condemned, listed.off_by_one, listed.pulls
        )?;
        writeln!(
            f,
            "  after the restarts: {} blocks read back right, {} trashed with good reason, {} temp files found and swept",
            checked.right, checked.trashed, checked.temps
        )?;
        match self.faults.as_slice() {
            [] => write!(f, "  no fault"),
            faults => write!(f, "  {} FAULTS\n{}", faults.len(), faults.join("\n")),
        }
    }
}
