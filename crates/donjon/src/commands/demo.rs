//! `donjon demo`: two real nodes, real files, real lists.
//!
//! The steps stand in `perform`, top to bottom.

mod cluster;
mod file_choice;
mod lists;
mod process;
mod read_back;
mod store;
mod story;
mod summary;

use std::path::PathBuf;
use std::time::{Duration, Instant};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, print};

use cluster::Cluster;
use store::{Catalogue, put_all};
use story::Story;
use summary::Summary;

/// The signature TTL of the demonstration's nodes: how old a replica must be before it may be trashed. Short, so that
/// nobody has to wait two weeks; long enough for the steps between storing a block and refusing to trash it.
const TTL: Duration = Duration::from_secs(3);

/// See two nodes at work: store files, pull, trash, untrash, read everything back
///
/// Starts two nodes of this program on loopback with volumes in a temporary directory, stores real files in the first
/// one, has the second one pull them, has the first one trash them, shows what became of every item, untrashes a block,
/// reads everything back and compares it. Nothing is faked: these are processes, disks and sockets. It takes some ten
/// seconds and leaves nothing behind.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon demo                      the files of the repository around the current directory
  donjon demo ~/photos --keep      other files; leaves the volumes and logs to look at
  donjon demo --json               the summary for scripts

Exit status: 0 everything happened as it should, 1 something did not")]
pub(crate) struct DemoArgs {
    /// Files or directories to store. Otherwise the repository, or directory, that you are in
    #[arg(value_name = "FILES")]
    files: Vec<PathBuf>,

    /// Leave the directory with volumes, configuration and logs
    #[arg(long)]
    keep: bool,

    /// How many items of each list to show; those that were not done come first
    #[arg(long, value_name = "N", default_value_t = 8)]
    items: usize,

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
    let mut story = Story::new(args.format, args.items);
    let mut cluster = Cluster::start(TTL, &mut story).await?;
    let mut summary = match perform(&cluster, files, &mut story).await {
        Ok(summary) => summary,
        Err(failure) => return Err(cluster.explain(failure)),
    };
    cluster.stop(&mut story).await?;
    summary.seconds = begun.elapsed().as_secs_f64();
    summary.directory = cluster.leave(args.keep);
    print(args.format, &summary, Summary::text)?;
    Ok(if summary.ok { Exit::Done } else { Exit::Failed })
}

/// Everything between the nodes' start and their stop.
async fn perform(
    cluster: &Cluster,
    files: Vec<PathBuf>,
    story: &mut Story,
) -> Result<Summary, Failure> {
    let catalogue: Catalogue = put_all(cluster, files, story).await?;
    let stored_at = Instant::now();
    let pull = lists::pull(cluster, &catalogue, story).await?;
    let listed = lists::balance(cluster, story).await?;
    lists::age(stored_at + TTL, story).await;
    let late = lists::meanwhile(cluster, &catalogue, listed, story).await?;
    let trash = lists::trash(cluster, late, story).await?;
    let untrashed = read_back::untrash_one(cluster, &catalogue, &trash, story).await?;
    let read_back = read_back::everything(cluster, &catalogue, story).await?;
    Ok(Summary::of(&catalogue, pull, trash, untrashed, read_back))
}
