//! `donjon ledger export`

use std::io::{BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};

use keep_protocol::client::LedgerStream;
use serde::Serialize;

use super::filters::FilterArgs;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::NodeArgs;
use crate::output::{Format, Output, print};

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
            print(args.format, &exported, |it| format!("{} records in {}", it.records, it.file))?;
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

/// Everything or nothing: the file gets its name when it is complete and on the disk.
async fn to_file(mut ledger: LedgerStream, path: &Path) -> Result<u64, Failure> {
    let failed = || Failure::local(format!("cannot write {}", path.display()));
    let directory =
        path.parent().filter(|parent| !parent.as_os_str().is_empty()).unwrap_or(Path::new("."));
    // The umask decides, as for any new file.
    let permissions = std::fs::Permissions::from_mode(0o666);
    let file = tempfile::Builder::new()
        .permissions(permissions)
        .tempfile_in(directory)
        .map_err(failed())?;
    let mut to = BufWriter::new(file);
    let mut records = 0;
    while let Some(entry) = ledger.next().await {
        let entry = entry.map_err(Failure::node("ledger"))?;
        serde_json::to_writer(&mut to, &entry).map_err(|error| failed()(error.into()))?;
        to.write_all(b"\n").map_err(failed())?;
        records += 1;
    }
    let file = to.into_inner().map_err(|error| failed()(error.into_error()))?;
    file.as_file().sync_all().map_err(failed())?;
    file.persist(path).map_err(|error| failed()(error.error))?;
    Ok(records)
}
