//! A listing of a million blocks.

use std::io;
use std::path::Path;
use std::time::{Duration, Instant};

use crate::Scale;
use crate::stand::{Stand, expect_ok};
use crate::table;

pub(crate) fn run(scale: Scale) -> io::Result<()> {
    let count = scale.of(1_000_000);
    table::head(&format!("Index of {count} blocks"), &["", "time", "", "peak memory"]);
    let mut stand = Stand::new()?;
    stand.fill(count, 0)?;
    let started = stand.start()?;
    table::row("start of the node", &[table::time(started)]);
    let plain = walk(stand.volume())?;
    table::row(
        "baseline: readdir and stat, one thread",
        &[table::time(plain), table::each(count, plain)],
    );

    let mut lines = Lines::default();
    let began = Instant::now();
    let head = stand.client().exchange("GET", "/index", b"", &mut lines)?;
    let took = began.elapsed();
    expect_ok("the index", head.status, "")?;
    if lines.count != count + 1 {
        return Err(io::Error::other(format!(
            "the index has {} lines for {count} blocks",
            lines.count
        )));
    }
    let cells =
        [table::time(took), table::each(count, took), table::mebibytes(stand.peak_memory()?)];
    table::row("the node: whole index", &cells);
    Ok(())
}

/// Counts lines and drops them.
#[derive(Default)]
struct Lines {
    count: u64,
}

impl io::Write for Lines {
    fn write(&mut self, data: &[u8]) -> io::Result<usize> {
        self.count += data.iter().filter(|byte| **byte == b'\n').count() as u64;
        Ok(data.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

fn walk(root: &Path) -> io::Result<Duration> {
    let began = Instant::now();
    let mut sizes = 0;
    for directory in std::fs::read_dir(root)? {
        let directory = directory?;
        if !directory.file_type()?.is_dir() {
            continue;
        }
        for file in std::fs::read_dir(directory.path())? {
            sizes += file?.metadata()?.len();
        }
    }
    std::hint::black_box(sizes);
    Ok(began.elapsed())
}
