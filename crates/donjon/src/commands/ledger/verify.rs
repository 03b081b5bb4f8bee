//! `donjon ledger verify`

use keep_protocol::client::{LedgerCheck, LedgerProblem};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::NodeArgs;
use crate::output::{Format, print};

/// Verify that no record of the ledger was changed, taken out or put in. Needs the admin token
///
/// Each record holds a hash of everything before it. Note the last chain value somewhere else: with --head the ledger
/// must lead through it, so that it cannot be rewritten as a whole either.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon ledger verify --data /srv/keep
  donjon ledger verify --data /srv/keep --json | jq -r .last_chain > /somewhere/else/head
  donjon ledger verify --data /srv/keep --head \"$(cat /somewhere/else/head)\"

With --json: {\"files\": …, \"records\": …, \"first_chain\": …, \"last_chain\": …, \"problems\": […]}.
Exit status: 0 the chain is whole, 4 it is not: the output says where, 1 an error")]
pub(crate) struct VerifyArgs {
    /// A chain value of an earlier verification or record, in hex, that the chain must lead through
    #[arg(long, value_name = "CHAIN")]
    head: Option<String>,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    node: NodeArgs,
}

pub(super) async fn run(args: VerifyArgs) -> Result<Exit, Failure> {
    let client = args.node.connect()?.client;
    let check =
        client.verify_ledger(args.head.as_deref()).await.map_err(Failure::node("ledger"))?;
    print(args.format, &check, drawn)?;
    Ok(if check.problems.is_empty() { Exit::Done } else { Exit::Partly })
}

fn drawn(check: &LedgerCheck) -> String {
    let mut lines: Vec<String> = check.problems.iter().map(problem).collect();
    lines.push(format!("records: {}, files: {}", check.records, check.files));
    if let Some(last) = &check.last_chain {
        lines.push(format!("last chain value: {last}"));
    }
    lines.push(match check.problems.len() {
        0 => "The chain is whole.".to_owned(),
        1 => "The chain is broken: one problem.".to_owned(),
        many => format!("The chain is broken: {many} problems."),
    });
    lines.join("\n")
}

fn problem(problem: &LedgerProblem) -> String {
    let mut place = problem.file.clone();
    if let Some(line) = problem.line {
        place.push_str(&format!(", line {line}"));
    }
    if let Some(byte) = problem.byte {
        place.push_str(&format!(", byte {byte}"));
    }
    format!("{place}: {}", problem.what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_problem_is_told_with_its_place() {
        let check = LedgerCheck {
            files: 1,
            records: 2,
            first_chain: None,
            last_chain: Some("ab".to_owned()),
            problems: vec![LedgerProblem {
                file: "ledger-1".to_owned(),
                line: Some(2),
                byte: Some(180),
                what: "the chain value is not that of the records before it".to_owned(),
            }],
        };
        let expected = "\
ledger-1, line 2, byte 180: the chain value is not that of the records before it
records: 2, files: 1
last chain value: ab
The chain is broken: one problem.";
        assert_eq!(drawn(&check), expected);
    }
}
