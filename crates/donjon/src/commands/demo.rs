//! `donjon demo`: three real nodes, real files, the whole life of a block.
//!
//! The steps stand in `perform`, top to bottom.

mod cluster;
mod comparison;
mod file_choice;
mod garbage;
mod lists;
mod new_disk;
mod process;
mod references;
mod shell;
mod staged;
mod story;
mod summary;
mod undo;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, print};

use cluster::Cluster;
use shell::Shell;
use staged::Staged;
use story::Story;
use summary::{Done, Summary};

/// The signature TTL of the demonstration's nodes: how long what was removed stays wanted, and how old a replica must be
/// before it may be trashed. Short, so that nobody has to wait two weeks.
const TTL: Duration = Duration::from_secs(6);

/// See three nodes at work: put, replicate, rm, balance, trash, explain, undo, get
///
/// Starts three nodes of this program on loopback with volumes in a temporary directory, and lives the life of a store
/// in front of you, with the very commands that you would type: files are put; a disk dies, and pull lists restore every
/// second copy; collections are removed, and nothing happens to their blocks until the signature TTL is over; a plan is
/// made and applied, though somebody has stored some of it again meanwhile; what was trashed is explained, untrashed,
/// restored and compared byte by byte. Nothing is faked: these are processes, disks and sockets. It takes some fifteen
/// seconds and leaves nothing behind.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon demo                      the files of the repository around the current directory
  donjon demo ~/photos --keep      other files; leaves the volumes and logs to look at
  donjon demo --json               the summary for scripts

Exit status: 0 everything happened as it should, 1 something did not")]
pub(crate) struct DemoArgs {
    /// Files or directories to store, two files at least. Otherwise the repository, or directory, that you are in
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,

    /// Leave the directory with volumes, configuration and logs
    #[arg(long)]
    keep: bool,

    /// How many lines of each command's output to show
    #[arg(long, value_name = "N", default_value_t = 24)]
    lines: usize,

    #[command(flatten)]
    format: Format,
}

pub(crate) async fn run(args: DemoArgs) -> Result<Exit, Failure> {
    tokio::select! {
        ended = show(args) => ended,
        // What was begun is dropped: the nodes are killed, and the directory is removed.
        _interrupt = tokio::signal::ctrl_c() => Err(Failure::Other("interrupted".to_owned())),
    }
}

async fn show(args: DemoArgs) -> Result<Exit, Failure> {
    let begun = Instant::now();
    let files = file_choice::chosen(&args.files)?;
    let mut story = Story::new(args.format, args.lines);
    let mut cluster = Cluster::start(TTL, &mut story).await?;
    let done = match perform(&mut cluster, files, &mut story).await {
        Ok(done) => done,
        Err(failure) => {
            let failure = cluster.explain(failure);
            return Err(match cluster.leave(args.keep) {
                Some(kept) => Failure::Other(format!("{failure}\nkept: {}", kept.display())),
                None => failure,
            });
        }
    };
    cluster.stop(&mut story).await?;
    let summary = Summary::new(done, story.checks(), begun.elapsed(), cluster.leave(args.keep));
    print(args.format, &summary, Summary::text)?;
    Ok(if summary.ok { Exit::Done } else { Exit::Failed })
}

/// Everything between the nodes' start and their stop.
async fn perform(
    cluster: &mut Cluster,
    files: Vec<PathBuf>,
    story: &mut Story,
) -> Result<Done, Failure> {
    let shell = Shell::new(cluster.directory())?;
    let staged = Staged::copy(files, cluster.directory())?;
    let stored = staged.put(cluster, &shell, story).await?;
    let pulled = new_disk::replace(cluster, &shell, story).await?;
    let removed = garbage::remove(&staged, cluster, &shell, story).await?;
    garbage::protection_ends(cluster, story).await?;
    let plan = garbage::plan(&removed, &shell, story).await?;
    garbage::rescue(&removed, &shell, story).await?;
    let trashed = garbage::apply(cluster, &removed, &plan, &shell, story).await?;
    garbage::explain(cluster, &trashed, &shell, story).await?;
    let untrashed = undo::untrash(cluster, &trashed, &shell, story).await?;
    let read_back = undo::get_all(cluster, &staged, &removed, &shell, story).await?;
    Ok(Done { stored, pulled, trashed: trashed.lists, untrashed, read_back })
}
