//! `donjon ledger export`

use std::path::{Path, PathBuf};

use keep_protocol::client::LedgerStream;
use serde::Serialize;

use super::filters::FilterArgs;
use crate::counted::counted;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::NodeArgs;
use crate::output::{Format, Output, print};
use crate::whole_file::WholeFile;

/// Write records of the ledger as JSON lines, oldest first. Needs the admin token
///
/// Each line has the chain value of its record, so that an export of everything can be verified without the node.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon ledger export --data /srv/keep --output ledger.jsonl
  donjon ledger export --data /srv/keep --since 24h --operation trash | jq -r .hash
  donjon ledger export --data /srv/keep --list 7 --operation trash --output trashed.jsonl
  donjon untrash --data /srv/keep --from-file trashed.jsonl

With --json and --output: {\"records\": …, \"file\": …}.
Exit status: 0 all written, 1 an error.
With --output the file is then left as it was; on standard output, what was written is not all.")]
pub(crate) struct ExportArgs {
    /// Write to this file, once everything has arrived; otherwise to standard output
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    filters: FilterArgs,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Serialize)]
struct Exported {
    records: u64,
    file: String,
}

pub(super) async fn run(args: ExportArgs) -> Result<Exit, Failure> {
    let client = args.node.connect()?.client;
    let ledger = client.ledger(args.filters.query()).await.map_err(Failure::node("ledger"))?;
    match args.output {
        None => to_stdout(ledger).await?,
        Some(path) => {
            let records = to_file(ledger, &path).await?;
            let exported = Exported { records, file: path.display().to_string() };
            print(args.format, &exported, |it| {
                format!("{} in {}", counted(it.records, "record"), it.file)
            })?;
        }
    }
    Ok(Exit::Done)
}

async fn to_stdout(mut ledger: LedgerStream) -> Result<(), Failure> {
    let mut output = Output::stdout();
    while let Some(entry) = ledger.next().await {
        match entry {
            Ok(entry) => output.json(&entry)?,
            Err(error) => {
                output.flush()?;
                return Err(Failure::node("ledger")(error));
            }
        }
    }
    output.flush()
}

async fn to_file(mut ledger: LedgerStream, path: &Path) -> Result<u64, Failure> {
    let mut file = WholeFile::begin(path)?;
    let mut records = 0;
    while let Some(entry) = ledger.next().await {
        file.json(&entry.map_err(Failure::node("ledger"))?)?;
        records += 1;
    }
    file.finish()?;
    Ok(records)
}
