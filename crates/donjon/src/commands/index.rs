//! `donjon index`

use keep_protocol::client::{IndexScope, IndexStream};
use keep_protocol::index::IndexLine;
use keep_rules::HashPrefix;
use serde::Serialize;

use crate::counted::counted;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::NodeArgs;
use crate::output::{Format, Output, print};
use crate::table;

/// List the blocks of a node
///
/// A line for each block on each mount, as the protocol has them: hash+size and mtime in nanoseconds since 1970.
/// An index that ends early is an error (exit status 1): what was printed is then not all.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon index --data /srv/keep
  donjon index --data /srv/keep --prefix acb --json
  donjon index --data /srv/keep --count

With --json: one object a line, {\"hash\": …, \"size\": …, \"mtime_ns\": …}.")]
pub(crate) struct IndexArgs {
    /// Only blocks whose hash begins with these digits
    #[arg(long, value_name = "DIGITS", default_value_t = HashPrefix::ALL, hide_default_value = true)]
    prefix: HashPrefix,

    /// Only the blocks of this mount
    #[arg(long, value_name = "UUID")]
    mount: Option<String>,

    /// Print how many blocks and bytes there are, not the blocks
    #[arg(long)]
    count: bool,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    node: NodeArgs,
}

#[derive(Default, Serialize)]
struct Totals {
    replicas: u64,
    bytes: u64,
}

pub(crate) async fn run(args: IndexArgs) -> Result<Exit, Failure> {
    let connection = args.node.connect()?;
    let scope = args.mount.as_deref().map_or(IndexScope::Node, IndexScope::Mount);
    let index =
        connection.client.index(scope, args.prefix).await.map_err(Failure::node("index"))?;
    if args.count {
        count(index, args.format).await?
    } else {
        lines(index, args.format).await?
    }
    Ok(Exit::Done)
}

async fn lines(mut index: IndexStream, format: Format) -> Result<(), Failure> {
    let mut output = Output::stdout();
    while let Some(line) = index.next().await {
        match line {
            Ok(line) if format.json => output.json(&json(&line))?,
            Ok(line) => output.line(line)?,
            Err(error) => {
                output.flush()?;
                return Err(Failure::node("index")(error));
            }
        }
    }
    output.flush()
}

async fn count(mut index: IndexStream, format: Format) -> Result<(), Failure> {
    let mut totals = Totals::default();
    while let Some(line) = index.next().await {
        totals.replicas += 1;
        totals.bytes += line.map_err(Failure::node("index"))?.size;
    }
    print(format, &totals, |totals| {
        format!("{}, {}", counted(totals.replicas, "replica"), table::bytes(totals.bytes))
    })
}

fn json(line: &IndexLine) -> serde_json::Value {
    serde_json::json!({ "hash": line.hash.to_string(), "size": line.size, "mtime_ns": line.mtime.as_nanos() })
}
