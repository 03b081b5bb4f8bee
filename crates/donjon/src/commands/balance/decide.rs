//! `donjon balance decide`

use std::fs::File;
use std::io::stdin;
use std::path::PathBuf;

use donjon_balance::cases;
use keep_rules::balance::Policy;

use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::Output;

/// What if: decide blocks that a file describes
///
/// The file has servers, mounts, replicas and wishes, in the format of spec/balance-cases.json. Decided by the same code as a
/// run; nobody is asked and nothing is sent. Prints a JSON object a line for each case: keep, trash, pull and lost, each
/// with its reason.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon balance decide cases.json
  donjon balance decide - < cases.json | jq 'select(.trash != [])'

Exit status: 0 all cases were decided, 1 the file cannot be read, or a case cannot be")]
pub(crate) struct DecideArgs {
    /// The file; - is standard input
    #[arg(value_name = "FILE")]
    file: PathBuf,

    /// Copies in the class come first, though two be on one node
    #[arg(long)]
    class_first: bool,
}

pub(crate) fn run(args: DecideArgs) -> Result<Exit, Failure> {
    let other = |error: cases::CaseError| Failure::Other(error.to_string());
    let file = if args.file.as_os_str() == "-" {
        cases::read(stdin().lock()).map_err(other)?
    } else {
        let opened = File::open(&args.file);
        let opened =
            opened.map_err(Failure::local(format!("cannot open {}", args.file.display())))?;
        cases::read(opened)
            .map_err(|error| Failure::Other(format!("{}: {error}", args.file.display())))?
    };
    let policy = if args.class_first { Policy::ClassFirst } else { Policy::ServerFirst };
    let mut output = Output::stdout();
    for decision in cases::decide(file, policy).map_err(other)? {
        output.json(&decision)?;
    }
    output.flush()?;
    Ok(Exit::Done)
}
