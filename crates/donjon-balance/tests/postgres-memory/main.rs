//! A hundred thousand collections, read in memory that does not grow with them. A process of its own, because what a process
//! has used at most is counted by process.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

#[path = "../postgres/server.rs"]
mod server;

use std::convert::Infallible;
use std::time::Instant;

use server::Cluster;

const ROWS: u64 = 100_000;
/// Manifests of this many bytes: 200 MB in all.
const MANIFEST: usize = 2000;
/// So much more than before may be in use at the worst moment.
const GROWTH_MAX_KIB: u64 = 16 * 1024;

fn main() {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(read());
}

async fn read() {
    let cluster = Cluster::new();
    cluster.sql(&format!(
        "INSERT INTO collections (uuid, manifest_text, portable_data_hash, modified_at)
         SELECT 'zzzzz-4zz18-' || lpad(i::text, 15, '0'), rpad(md5(i::text), {MANIFEST}, 'x'), md5(i::text), now()
         FROM generate_series(1, {ROWS}) i"
    ));
    let database = cluster.connect().await;
    let before = peak_kib();
    let began = Instant::now();
    let mut bytes = 0;
    let read = database.read_collections(|row| {
        bytes += row.manifest_text.len() as u64;
        Ok::<_, Infallible>(())
    });
    let read = read.await.unwrap();
    let seconds = began.elapsed().as_secs_f64();
    assert_eq!((read.count, bytes), (ROWS, ROWS * MANIFEST as u64));
    let growth = peak_kib() - before;
    println!(
        "{ROWS} collections, {} MB: {:.0} rows/s, {:.0} MB/s; memory grew by {growth} KiB",
        bytes / 1_000_000,
        ROWS as f64 / seconds,
        bytes as f64 / 1e6 / seconds
    );
    assert!(growth < GROWTH_MAX_KIB, "{growth} KiB, at most {GROWTH_MAX_KIB} are allowed");
}

/// What this process has had in memory at most.
fn peak_kib() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
    line.trim().trim_end_matches(" kB").parse().unwrap()
}
