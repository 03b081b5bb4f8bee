//! What is measured.

use std::time::Instant;

use crate::{Outcome, THREADS};

/// The figures of one row: what a child hands to its parent.
#[derive(Clone, Debug, Default)]
pub(crate) struct Figures {
    pub(crate) servers: u16,
    pub(crate) replicas: u64,
    pub(crate) blocks: u64,
    /// Seconds to make up the cluster without keeping anything; part of `feed`.
    pub(crate) generate: f64,
    /// Seconds to feed the sorters, or to fill the map.
    pub(crate) feed: f64,
    /// Seconds to finish sorting.
    pub(crate) finish: f64,
    /// Seconds to decide every block and to write the plan.
    pub(crate) decide: f64,
    /// The same in seconds of a core.
    pub(crate) decide_cpu: f64,
    /// MiB that were resident at most.
    pub(crate) peak: f64,
    /// Bytes of runs on the disk.
    pub(crate) runs: u64,
    /// Bytes of the plan.
    pub(crate) plan: u64,
}

impl Figures {
    pub(crate) const HEADINGS: &str = "how   servers    replicas      blocks | generate     feed   finish   decide    total (s) | blocks/s   by wall/core  by core second | peak MiB  runs MB  plan MB";

    pub(crate) fn row(&self, how: &str) -> String {
        let Figures { servers, replicas, blocks, generate, feed, finish, decide, peak, .. } = self;
        let total = feed + finish + decide;
        let [runs, plan] = [self.runs, self.plan].map(|bytes| bytes / 1_000_000);
        #[expect(clippy::cast_precision_loss, reason = "for people to read")]
        let blocks_f = *blocks as f64;
        let (all, wall, core) =
            (blocks_f / decide, blocks_f / decide / f64::from(THREADS), blocks_f / self.decide_cpu);
        format!(
            "{how:5} {servers:7} {replicas:11} {blocks:11} | {generate:8.2} {feed:8.2} {finish:8.2} {decide:8.2} {total:12.2} | {all:8.0} {wall:14.0} {core:15.0} | {peak:8.0} {runs:8} {plan:8}"
        )
    }

    /// One line for the parent.
    pub(crate) fn to_line(&self) -> String {
        let Figures {
            servers, replicas, blocks, generate, feed, finish, decide, decide_cpu, ..
        } = self;
        let Figures { peak, runs, plan, .. } = self;
        format!(
            "{servers} {replicas} {blocks} {generate} {feed} {finish} {decide} {decide_cpu} {peak} {runs} {plan}"
        )
    }

    pub(crate) fn from_line(line: &str) -> Outcome<Self> {
        let words: Vec<&str> = line.split_whitespace().collect();
        let [
            servers,
            replicas,
            blocks,
            generate,
            feed,
            finish,
            decide,
            decide_cpu,
            peak,
            runs,
            plan,
        ] = *words.as_slice()
        else {
            return Err(format!("a child says {line:?}").into());
        };
        Ok(Figures {
            servers: servers.parse()?,
            replicas: replicas.parse()?,
            blocks: blocks.parse()?,
            generate: generate.parse()?,
            feed: feed.parse()?,
            finish: finish.parse()?,
            decide: decide.parse()?,
            decide_cpu: decide_cpu.parse()?,
            peak: peak.parse()?,
            runs: runs.parse()?,
            plan: plan.parse()?,
        })
    }
}

/// Does the work, and says how many seconds it took.
pub(crate) fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
    let start = Instant::now();
    let result = work();
    (start.elapsed().as_secs_f64(), result)
}

/// The most memory that was resident, in MiB.
pub(crate) fn peak() -> Outcome<f64> {
    let status = std::fs::read_to_string("/proc/self/status")?;
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).ok_or("no VmHWM")?;
    let kibibytes: f64 = line.trim().trim_end_matches(" kB").parse()?;
    Ok(kibibytes / 1024.0)
}

/// Seconds that cores have worked for this process.
pub(crate) fn core_seconds() -> Outcome<f64> {
    /// Linux counts in these on every platform that we run on.
    const TICKS_IN_A_SECOND: f64 = 100.0;
    let stat = std::fs::read_to_string("/proc/self/stat")?;
    let (_, fields) = stat.rsplit_once(") ").ok_or("no fields in /proc/self/stat")?;
    let ticks: f64 =
        fields.split(' ').skip(11).take(2).map(str::parse::<f64>).sum::<Result<f64, _>>()?;
    Ok(ticks / TICKS_IN_A_SECOND)
}
