//! Manifests: how fast references are found, beside a plain split of the same text, and the MD5 alone.
//! `cargo bench -p keep-manifest --bench manifest [-- --quick]`.

use std::fmt::Write;
use std::hint::black_box;
use std::time::{Duration, Instant};

use keep_manifest::{BlockRef, Blocks, PdhHasher, PdhRead, PortableDataHash, Streams, Tree};
use md5::{Digest, Md5};

type Outcome<T = ()> = Result<T, Box<dyn std::error::Error>>;

const SIGNATURE: &str = "+A1f27a35dd9af37191d63ad8eb8985624451e7b79@5835c8bc";
const ROUNDS: usize = 3;
/// Trees need much more memory than their text.
const TREE_BYTES: usize = 32 << 20;

fn main() -> Outcome {
    let quick = std::env::args().any(|argument| argument == "--quick");
    let bytes = if quick { 32 << 20 } else { 256 << 20 };
    for (what, hint, file_every) in [
        ("unsigned, a file for each 16 blocks", "", 16),
        ("signed, a file for each 16 blocks", SIGNATURE, 16),
        ("unsigned, a file for each block", "", 1),
    ] {
        let text = manifest(bytes, hint, file_every)?;
        println!("\n{what}: {} MB, 100 000 blocks in a line", text.len() / 1_000_000);
        measure(&text)?;
    }
    Ok(())
}

fn measure(text: &str) -> Outcome {
    let naive = row("naive split (baseline)", text, naive_split)?;
    let blocks = row("Blocks", text, blocks)?;
    assert_eq!(blocks, naive, "the same blocks");
    row("md5 alone", text, |text| Ok(u64::from(Md5::digest(text)[0])))?;
    let hash = row("PdhHasher", text, |text| Ok(hash(text)))?;
    let verified = row("Blocks while hashed", text, blocks_and_hash)?;
    assert_eq!(verified, (naive, hash));
    row("Streams", text, |text| {
        Streams::new(text.as_bytes())
            .try_fold(0, |count, stream| Ok(count + stream?.files().count()))
    })?;
    let end = text[..text.len().min(TREE_BYTES)].rfind('\n').map_or(0, |at| at + 1);
    let tree = Tree::read(&text.as_bytes()[..end], usize::MAX)?;
    row("Tree::write", &text[..end], |_text| Ok(tree.portable_data_hash()))?;
    Ok(())
}

/// How many blocks there are, and the exclusive or of their hashes.
type Found = (u64, u128);

fn add((count, all): Found, hash: u128) -> Found {
    (count + 1, all ^ hash)
}

/// What somebody would write in a few lines: no checks, nothing strict.
fn naive_split(text: &str) -> Outcome<Found> {
    let mut found = (0, 0);
    for token in text.split('\n').flat_map(|line| line.split(' ').skip(1)) {
        let mut parts = token.split('+');
        let (Some(hash), Some(size)) = (parts.next(), parts.next()) else { continue };
        black_box(size.parse::<u64>()?);
        found = add(found, u128::from_str_radix(hash, 16)?);
    }
    Ok(found)
}

fn blocks(text: &str) -> Outcome<Found> {
    let mut blocks = Blocks::new(text.as_bytes());
    let found =
        blocks.by_ref().try_fold((0, 0), |found, block| block.map(|it| add(found, number(it))))?;
    blocks.finish()?;
    Ok(found)
}

fn blocks_and_hash(text: &str) -> Outcome<(Found, PortableDataHash)> {
    let mut blocks = Blocks::new(PdhRead::new(text.as_bytes()));
    let found =
        blocks.by_ref().try_fold((0, 0), |found, block| block.map(|it| add(found, number(it))))?;
    let (_summary, source) = blocks.finish_into_source()?;
    Ok((found, source.finish()))
}

fn number(block: BlockRef) -> u128 {
    u128::from_be_bytes(*block.hash().as_bytes())
}

fn hash(text: &str) -> PortableDataHash {
    let mut hasher = PdhHasher::new();
    text.as_bytes().chunks(64 << 10).for_each(|piece| hasher.update(piece));
    hasher.finish()
}

/// The best of some rounds.
fn row<T>(what: &str, text: &str, act: impl Fn(&str) -> Outcome<T>) -> Outcome<T> {
    let mut best = Duration::MAX;
    let mut outcome = None;
    for _ in 0..ROUNDS {
        let start = Instant::now();
        outcome = Some(act(black_box(text))?);
        best = best.min(start.elapsed());
    }
    println!("{what:28} {:8.0} MB/s", text.len() as f64 / 1e6 / best.as_secs_f64());
    outcome.ok_or_else(|| "no round was run".into())
}

/// A manifest of about so many bytes: blocks of 64 MiB, 100 000 in a line.
fn manifest(bytes: usize, hint: &str, file_every: u64) -> Outcome<String> {
    const LINE_BLOCKS: u64 = 100_000;
    const SIZE: u64 = 64 << 20;
    let mut text = String::with_capacity(bytes + (16 << 20));
    let (mut line, mut block) = (0, 0_u64);
    while text.len() < bytes {
        write!(text, "./run{line:06}")?;
        for _ in 0..LINE_BLOCKS {
            block += 1;
            let mixed = u128::from(block).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835);
            write!(text, " {mixed:032x}+{SIZE}{hint}")?;
        }
        for file in 0..LINE_BLOCKS / file_every {
            let length = file_every * SIZE;
            write!(text, " {}:{length}:sample-{file:06}.fastq.gz", file * length)?;
        }
        text.push('\n');
        line += 1;
    }
    Ok(text)
}
