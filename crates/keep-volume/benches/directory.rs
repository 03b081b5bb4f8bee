//! How fast a directory volume is: `cargo bench -p keep-volume --bench directory [-- --quick]`.
//!
//! Works in a temporary directory, so `TMPDIR` chooses the disk. Names are random, as hashes are, unless a line says that
//! all go to one sub-directory.

use std::fs::{self, File};
use std::hint::black_box;
use std::io::Write;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use bytes::Bytes;
use keep_rules::trash::Fate;
use keep_rules::{BlockHash, HashPrefix, Timestamp};
use keep_volume::directory::{Directory, DirectoryConfig, Durability, Identity, Serialize};
use keep_volume::{EmptyOrder, Error, Operation, Round, Volume};
use tokio::runtime::Runtime;

const T0: Timestamp = Timestamp::from_seconds(1_700_000_000);
const LATER: Timestamp = Timestamp::from_seconds(1_900_000_000);
const SMALL: usize = 4096;
const LARGE: usize = 64 << 20;
/// As the node hands on what it receives.
const PIECE: usize = 64 << 10;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let scale = if quick { Scale::QUICK } else { Scale::FULL };
    let bench = Bench { runtime: Runtime::new()?, directory: tempfile::tempdir()? };
    println!("directory volume in {}", bench.directory.path().display());
    bench.small_writes(scale.writes)?;
    bench.large_blocks(scale.large)?;
    bench.many_blocks(scale.blocks)?;
    Ok(())
}

struct Scale {
    writes: usize,
    large: usize,
    blocks: usize,
}

impl Scale {
    const FULL: Scale = Scale { writes: 4000, large: 16, blocks: 100_000 };
    const QUICK: Scale = Scale { writes: 400, large: 4, blocks: 5_000 };
}

/// Which names blocks get.
#[derive(Clone, Copy)]
enum Spread {
    Random,
    OneDirectory,
}

impl Spread {
    fn hash(self, number: usize) -> BlockHash {
        let number = number as u64;
        let mut digest = [0xab; 16];
        digest[8..].copy_from_slice(&number.to_be_bytes());
        if let Spread::Random = self {
            let mixed = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
            digest[..8].copy_from_slice(&mixed.to_be_bytes());
        }
        BlockHash::from_bytes(digest)
    }
}

struct Bench {
    runtime: Runtime,
    directory: tempfile::TempDir,
}

type Outcome = Result<(), Box<dyn std::error::Error>>;

impl Bench {
    fn volume(
        &self,
        name: &str,
        durability: Durability,
    ) -> Result<Directory, Box<dyn std::error::Error>> {
        let root = self.directory.path().join(name);
        fs::create_dir_all(&root)?;
        Ok(Directory::open(DirectoryConfig {
            root,
            uuid: "zzzzz-nyw5e-000000000000000".parse()?,
            device_id: "bench".parse()?,
            durability,
            serialize: Serialize::No,
            identity: Identity::Adopt,
        })?)
    }

    /// Runs `step` for the numbers below `count`, `workers` at a time.
    fn run<F: Future<Output = Result<(), Error>> + Send + 'static>(
        &self,
        count: usize,
        workers: usize,
        step: impl Fn(usize) -> F + Clone + Send + 'static,
    ) -> Result<Duration, Error> {
        let next = Arc::new(AtomicUsize::new(0));
        let start = Instant::now();
        self.runtime.block_on(async {
            let mut tasks = tokio::task::JoinSet::new();
            for _worker in 0..workers {
                let (next, step) = (Arc::clone(&next), step.clone());
                tasks.spawn(async move {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            return Ok(());
                        }
                        step(number).await?;
                    }
                });
            }
            tasks.join_all().await.into_iter().collect::<Result<(), Error>>()
        })?;
        Ok(start.elapsed())
    }

    fn small_writes(&self, count: usize) -> Outcome {
        let data = Bytes::from(vec![7; SMALL]);
        for (name, durability) in [("sync", Durability::Sync), ("no sync", Durability::NoSync)] {
            for (place, spread) in
                [("", Spread::Random), (", one sub-directory", Spread::OneDirectory)]
            {
                for writers in [1, 16] {
                    let volume = self.volume(&format!("{name}{place}{writers}"), durability)?;
                    // The sub-directories are there and known to be durable, as in a node at work.
                    self.store_all(&volume, spread, 4096, &Bytes::new())?;
                    let before = volume.stats().operations(Operation::Sync);
                    let (to, content) = (volume.clone(), data.clone());
                    let time = self.run(count, writers, move |number| {
                        let (to, content) = (to.clone(), content.clone());
                        async move { store(&to, spread.hash(number + 4096), content).await }
                    })?;
                    let syncs = volume.stats().operations(Operation::Sync) - before;
                    let title = format!("PUT 4 KiB, {name}, {writers} writers{place}");
                    report(&title, count, time);
                    println!("{:64} {:9.2} syncs each", "", syncs as f64 / count as f64);
                }
            }
        }
        self.small_writes_without_group_commit(count)
    }

    /// The same syscalls from plain threads, every writer with its own sync of the one directory.
    fn small_writes_without_group_commit(&self, count: usize) -> Outcome {
        for writers in [1, 16] {
            let directory = self.directory.path().join(format!("plain{writers}"));
            fs::create_dir(&directory)?;
            let next = AtomicUsize::new(0);
            let start = Instant::now();
            std::thread::scope(|scope| {
                let work = || -> std::io::Result<()> {
                    loop {
                        let number = next.fetch_add(1, Ordering::Relaxed);
                        if number >= count {
                            return Ok(());
                        }
                        write_plainly(&directory, number)?;
                    }
                };
                let threads: Vec<_> = (0..writers).map(|_writer| scope.spawn(work)).collect();
                threads.into_iter().try_for_each(|thread| thread.join().expect("a thread ends"))
            })?;
            let title = format!("plain temp, fsync, rename, fsync directory, {writers} threads");
            report(&title, count, start.elapsed());
        }
        Ok(())
    }

    fn large_blocks(&self, count: usize) -> Outcome {
        let data = Bytes::from(vec![7; LARGE]);
        for (name, durability) in [("sync", Durability::Sync), ("no sync", Durability::NoSync)] {
            let volume = self.volume(&format!("large {name}"), durability)?;
            let (to, content) = (volume.clone(), data.clone());
            let time = self.run(count, 1, move |number| {
                let (to, content) = (to.clone(), content.clone());
                async move { store(&to, Spread::Random.hash(number), content).await }
            })?;
            report_bytes(&format!("PUT 64 MiB, {name}, 1 writer"), count * LARGE, time);
            for readers in [1, 8] {
                let from = volume.clone();
                let time = self.run(count, readers, move |number| {
                    let from = from.clone();
                    async move { read(&from, Spread::Random.hash(number)).await }
                })?;
                report_bytes(
                    &format!("GET 64 MiB, cached, {readers} readers"),
                    count * LARGE,
                    time,
                );
            }
        }
        Ok(())
    }

    fn many_blocks(&self, count: usize) -> Outcome {
        let volume = self.volume("many", Durability::NoSync)?;
        self.store_all(&volume, Spread::Random, count, &Bytes::from_static(b"foo"))?;
        let each = |title: &str, workers, step: fn(Directory, BlockHash) -> Step| -> Outcome {
            let volume = volume.clone();
            let time = self.run(count, workers, move |number| {
                step(volume.clone(), Spread::Random.hash(number))
            })?;
            report(title, count, time);
            Ok(())
        };
        each("GET 3 bytes, cached, 8 readers", 8, |volume, hash| {
            Box::pin(async move { read(&volume, hash).await })
        })?;
        each("stat, 8 at once", 8, |volume, hash| {
            Box::pin(async move { volume.stat(hash).await.map(drop) })
        })?;
        self.index(&volume, count)?;
        each("trash, 4 workers", 4, |volume, hash| {
            Box::pin(async move { trash(&volume, hash).await })
        })?;
        let start = Instant::now();
        let emptied =
            self.runtime.block_on(volume.empty_trash(LATER, EmptyOrder::with_workers(4)))?;
        assert!(matches!(emptied, Round::Complete(emptied) if emptied.deleted == count as u64));
        report("empty the trash, 4 workers", count, start.elapsed());
        Ok(())
    }

    fn index(&self, volume: &Directory, count: usize) -> Outcome {
        let start = Instant::now();
        let listed = self.runtime.block_on(async {
            let mut cursor = volume.index(HashPrefix::ALL).await?;
            let mut listed = 0;
            while let Some(entries) = cursor.next().await? {
                listed += black_box(entries).len();
            }
            Ok::<_, Error>(listed)
        })?;
        assert_eq!(listed, count);
        report("index", count, start.elapsed());
        Ok(())
    }

    fn store_all(&self, volume: &Directory, spread: Spread, count: usize, data: &Bytes) -> Outcome {
        let (volume, data) = (volume.clone(), data.clone());
        self.run(count, 16, move |number| {
            let (volume, data) = (volume.clone(), data.clone());
            async move { store(&volume, spread.hash(number), data).await }
        })?;
        Ok(())
    }
}

type Step = std::pin::Pin<Box<dyn Future<Output = Result<(), Error>> + Send>>;

async fn store(volume: &Directory, hash: BlockHash, mut data: Bytes) -> Result<(), Error> {
    let mut writer = volume.create(hash).await?;
    while !data.is_empty() {
        writer.write(data.split_to(data.len().min(PIECE))).await?;
    }
    writer.commit(T0).await
}

async fn read(volume: &Directory, hash: BlockHash) -> Result<(), Error> {
    let mut reader = volume.open(hash).await?;
    let mut buffer = Vec::with_capacity(256 << 10);
    loop {
        buffer = black_box(reader.read(buffer).await?);
        if buffer.is_empty() {
            return Ok(());
        }
    }
}

/// As the trash worker does it: look, then take away what was seen.
async fn trash(volume: &Directory, hash: BlockHash) -> Result<(), Error> {
    let replica = volume.stat(hash).await?;
    volume.trash(hash, replica.mtime, Fate::Until(T0)).await
}

fn write_plainly(directory: &Path, number: usize) -> std::io::Result<()> {
    let (temp, name) = (directory.join(format!("tmp{number}")), directory.join(number.to_string()));
    let mut file = File::create(&temp)?;
    file.write_all(&[7; SMALL])?;
    file.sync_all()?;
    fs::rename(temp, name)?;
    File::open(directory)?.sync_all()
}

fn report(title: &str, count: usize, time: Duration) {
    let each = time / u32::try_from(count).unwrap_or(u32::MAX);
    let rate = count as f64 / time.as_secs_f64();
    println!("{title:64} {rate:9.0} per second, {each:10.1?} each");
}

fn report_bytes(title: &str, bytes: usize, time: Duration) {
    let rate = bytes as f64 / time.as_secs_f64() / 1e6;
    println!("{title:64} {rate:9.0} MB/s");
}
