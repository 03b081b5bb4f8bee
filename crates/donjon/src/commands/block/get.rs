//! `donjon block get`

use std::path::{Path, PathBuf};

use keep_protocol::client::BlockData;
use keep_rules::Locator;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::locators::{self, LocatorArg};
use crate::node::{Connection, NodeArgs};
use crate::output::Output;
use crate::whole_file::WholeFile;

/// Read blocks; write their data, one after another
///
/// Every block is checked against its hash before its last piece is written. Locators must be signed if the node wants
/// that, as `block put` prints them; with --data or --config they are signed here.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon block get --data /srv/keep acbd18db4cc2f85cedef654fccc4a4d8+3
  donjon block get --data /srv/keep --output copy.fa $(cat genome.locators)

Exit status: 0 all written, 3 a block is not there, 1 an error.
With --output the file is then left as it was; on standard output, what was written is not all.")]
pub(crate) struct GetArgs {
    /// The blocks; - reads locators from standard input, the first word of each line
    #[arg(required = true, value_name = "LOCATOR")]
    locators: Vec<LocatorArg>,

    /// Write to this file, once everything has arrived and is right
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,

    #[command(flatten)]
    node: NodeArgs,
}

pub(crate) async fn run(args: GetArgs) -> Result<Exit, Failure> {
    let connection = args.node.connect()?;
    let locators = locators::all(args.locators)?;
    match args.output {
        Some(path) => to_file(&connection, &locators, &path).await?,
        None => to_stdout(&connection, &locators).await?,
    }
    Ok(Exit::Done)
}

async fn to_stdout(connection: &Connection, locators: &[Locator]) -> Result<(), Failure> {
    let mut output = Output::stdout();
    for locator in locators {
        let mut data = open(connection, locator).await?;
        while let Some(piece) = data.next().await {
            output.bytes(&piece.map_err(Failure::node(format!("block {locator}")))?)?;
        }
        output.flush()?;
    }
    Ok(())
}

async fn to_file(
    connection: &Connection,
    locators: &[Locator],
    path: &Path,
) -> Result<(), Failure> {
    let mut file = WholeFile::begin(path)?;
    for locator in locators {
        let mut data = open(connection, locator).await?;
        while let Some(piece) = data.next().await {
            file.bytes(&piece.map_err(Failure::node(format!("block {locator}")))?)?;
        }
    }
    file.finish()
}

async fn open(connection: &Connection, locator: &Locator) -> Result<BlockData, Failure> {
    let doing = || Failure::node(format!("block {locator}"));
    let sized = match locator.size() {
        Some(_) => locator.clone(),
        None => {
            let size = connection
                .client
                .head_block(&connection.signed(locator.clone()))
                .await
                .map_err(doing())?;
            with_size(locator, size)
        }
    };
    connection.client.get_block(&connection.signed(sized)).await.map_err(doing())
}

/// A GET needs the size, which a signature does not cover (spec sections 2.3, 3.1).
fn with_size(locator: &Locator, size: u64) -> Locator {
    let hints = locator.hints().map(|hint| format!("+{hint}")).collect::<String>();
    format!("{}+{size}{hints}", locator.hash())
        .parse()
        .expect("a hash, a size and a locator's hints are a locator")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_size_goes_between_hash_and_hints() {
        let foo = "acbd18db4cc2f85cedef654fccc4a4d8";
        let sized = with_size(&format!("{foo}+Kzzzzz+A0@1").parse().unwrap(), 3);
        assert_eq!(sized.as_str(), format!("{foo}+3+Kzzzzz+A0@1"));
    }
}
