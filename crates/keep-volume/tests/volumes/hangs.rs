//! A disk that does not answer.

use std::fs::{self, File};
use std::time::Duration;

use keep_volume::{Operation, Volume};
use rustix::fs::{CWD, FileType, Mode, mknodat};
use testkit::blocks::Block;
use tokio::task::{JoinSet, yield_now};
use tokio::time::timeout;

use crate::disk::{Disk, T0, UUID};

/// More than the threads of the runtime below, and those are more than one volume may take.
const CALLS: u64 = 300;
const THREADS: usize = 256;

/// A pipe in the place of the marker file: whoever reads it hangs until somebody writes.
#[test]
fn a_disk_that_hangs_leaves_threads_to_the_others() {
    let disk = Disk::new();
    let (sick_root, well_root) = (disk.fresh_root(), disk.fresh_root());
    let (sick, well) = (disk.open(&sick_root), disk.open(&well_root));
    let (marker, aside) = (sick_root.join(".donjon-volume"), sick_root.join("aside"));
    fs::rename(&marker, &aside).unwrap();
    mknodat(CWD, &marker, FileType::Fifo, Mode::RUSR | Mode::WUSR, 0).unwrap();
    let mut builder = tokio::runtime::Builder::new_current_thread();
    let runtime = builder.enable_all().max_blocking_threads(THREADS).build().unwrap();
    runtime.block_on(async {
        let (stored, absent) = (Block::of("stored"), Block::of("absent").hash);
        stored.store(&well, T0).await.unwrap();
        let mut calls = JoinSet::new();
        for _call in 0..CALLS {
            let sick = sick.clone();
            calls.spawn(async move { sick.stat(absent).await });
        }
        let hanging = || sick.stats().operations(Operation::Stat);
        while hanging() < 128 {
            yield_now().await;
        }
        let answer = timeout(Duration::from_secs(30), well.stat(stored.hash)).await;
        assert_eq!(answer.expect("it has threads of its own").unwrap().mtime, T0);
        assert_eq!(hanging(), 128);

        let mut pipe = File::options().write(true).open(&marker).unwrap();
        fs::rename(&aside, &marker).unwrap();
        std::io::Write::write_all(&mut pipe, UUID.as_bytes()).unwrap();
        drop(pipe);
        while calls.join_next().await.is_some() {}
        assert_eq!(hanging(), CALLS, "those that waited went on");
    });
}
