//! `donjon block put`

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use keep_protocol::client::{KeepClient, PutBlock, Stored};
use keep_rules::{BLOCK_SIZE_MAX, BlockHash};
use md5::{Digest, Md5};
use serde::Serialize;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::NodeArgs;
use crate::output::{Format, Output};

/// Store files as blocks; print their locators
///
/// A file longer than 64 MiB becomes several blocks, in order: `block get` with all of them gives the file again.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon block put --data /srv/keep genome.fa > genome.locators
  donjon block get --data /srv/keep $(cat genome.locators) > copy.fa
  tar c . | donjon block put --data /srv/keep --json

With --json: one object a line for each block,
with file, offset, size, locator, replicas and classes.")]
pub(crate) struct PutArgs {
    /// The files; - is standard input
    #[arg(value_name = "FILE", default_value = "-", hide_default_value = true)]
    files: Vec<PathBuf>,

    /// Storage classes that should hold the blocks, separated by commas
    #[arg(long, value_name = "CLASSES", value_delimiter = ',')]
    classes: Vec<String>,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Serialize)]
struct Put<'a> {
    file: String,
    offset: u64,
    size: u64,
    locator: &'a str,
    replicas: u64,
    classes: BTreeMap<&'a str, u64>,
}

pub(crate) async fn run(args: PutArgs) -> Result<Exit, Failure> {
    let client = args.node.connect()?.client;
    let mut output = Output::stdout();
    for path in &args.files {
        put_file(&client, path, &args.classes, args.format, &mut output).await?;
    }
    Ok(Exit::Done)
}

async fn put_file(
    client: &KeepClient,
    path: &Path,
    classes: &[String],
    format: Format,
    output: &mut Output,
) -> Result<(), Failure> {
    let file = path.display().to_string();
    let mut source = open(path)?;
    let mut offset = 0;
    loop {
        let data = next_block(&mut source, &file)?;
        let size = data.len() as u64;
        // An empty file is one empty block, so that it has a locator too.
        if size == 0 && offset > 0 {
            return Ok(());
        }
        let hash = BlockHash::from_bytes(Md5::digest(&data).into());
        let stored = client
            .put_block(PutBlock { hash, size, classes, not_on: &[] }, data)
            .await
            .map_err(Failure::node(file.as_str()))?;
        tell(&stored, &file, offset, size, format, output)?;
        offset += size;
        if size < BLOCK_SIZE_MAX {
            return Ok(());
        }
    }
}

fn tell(
    stored: &Stored,
    file: &str,
    offset: u64,
    size: u64,
    format: Format,
    output: &mut Output,
) -> Result<(), Failure> {
    let locator = stored.locator.as_str();
    if format.json {
        let classes =
            stored.classes.iter().map(|(class, replicas)| (class.as_str(), *replicas)).collect();
        output.json(&Put {
            file: file.to_owned(),
            offset,
            size,
            locator,
            replicas: stored.replicas,
            classes,
        })?;
    } else {
        output.line(locator)?;
    }
    output.flush()
}

fn open(path: &Path) -> Result<Box<dyn Read>, Failure> {
    if path.as_os_str() == "-" {
        return Ok(Box::new(io::stdin().lock()));
    }
    let file =
        File::open(path).map_err(Failure::local(format!("cannot open {}", path.display())))?;
    Ok(Box::new(file))
}

/// The next 64 MiB, or what is left; nothing at the end.
fn next_block(source: &mut impl Read, file: &str) -> Result<Vec<u8>, Failure> {
    let mut data = Vec::new();
    source
        .take(BLOCK_SIZE_MAX)
        .read_to_end(&mut data)
        .map_err(Failure::local(format!("cannot read {file}")))?;
    Ok(data)
}
