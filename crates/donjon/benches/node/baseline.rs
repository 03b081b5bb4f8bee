//! What the machine can do without a node: one MD5 stream, and files written and synced.

use std::fs::File;
use std::io::{self, Write};
use std::time::Instant;

use md5::{Digest, Md5};

use crate::Scale;
use crate::large::LARGE;
use crate::table;
use crate::transfer::SMALL;

pub(crate) fn run(scale: Scale) -> io::Result<()> {
    table::head("Baselines: one thread, no node", &["", "64 MiB", "4 KiB"]);
    let data = vec![7_u8; LARGE];
    let mut hashing = Vec::new();
    for _ in 0..scale.rounds() {
        let began = Instant::now();
        std::hint::black_box(Md5::digest(std::hint::black_box(&data)));
        hashing.push(began.elapsed());
    }
    table::row(
        "MD5, one stream (md-5)",
        &[table::megabytes(LARGE as u64, table::median(hashing)), String::new()],
    );

    let large = write_and_sync(&data, scale.rounds())?;
    let small = write_and_sync(&data[..SMALL], scale.rounds() * 20)?;
    table::row(
        "file written, synced, renamed, directory synced",
        &[table::megabytes(LARGE as u64, large), table::rate(1, small)],
    );
    Ok(())
}

fn write_and_sync(data: &[u8], rounds: usize) -> io::Result<std::time::Duration> {
    let place = tempfile::tempdir()?;
    let mut times = Vec::new();
    for round in 0..rounds {
        let (temp, name) = (place.path().join("temp"), place.path().join(round.to_string()));
        let began = Instant::now();
        let mut file = File::create(&temp)?;
        file.write_all(data)?;
        file.sync_all()?;
        std::fs::rename(&temp, &name)?;
        File::open(place.path())?.sync_all()?;
        times.push(began.elapsed());
    }
    Ok(table::median(times))
}
