//! The project's chores, run as `cargo xtask COMMAND`. Small and quick to build: everything heavy is another program
//! that it starts.

mod bench; // cargo xtask bench
mod check; // cargo xtask check: all of CI
mod clusters; // cargo xtask balance-clusters
mod command; // other programs
mod fuzz; // cargo xtask fuzz
mod tidy; // cargo xtask tidy: what compilers do not check
mod workspace; // what cargo knows of our crates

use std::process::ExitCode;

use command::{Failure, Program};

const HELP: &str = "\
The project's chores.

Usage: cargo xtask COMMAND

  check [STEP…] [--keep-going]   everything that CI does, or only the steps named; ends at the first failure unless told
                                 to go on. `cargo xtask check --list` names the steps
  tidy                           what compilers do not check: paths in the documents, arrows between crates, promises and
                                 their tests, reasons for dependencies, sizes of files
  bench [WHAT] [--quick]         benchmarks: work-list, intake, volume, ledger, list-store, node, balance, or all (the
                                 default); release build. `bench balance --curve` is the memory from 10^6 to 10^8 replicas
  crash [--runs N] [--seed S]    kills real nodes at random points and checks what they promised; see `crash --help`
  balance-clusters [--runs N]    the balancer's decisions over N random clusters (5200000), against a model
  fuzz [TARGET] [--seconds N]    random input against the promises of the parsers; nightly compiler and cargo-fuzz

Exit code: 0 all is well, 1 something is wrong, 2 wrong usage.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let done = match words.as_slice() {
        ["check", rest @ ..] => check::run(rest),
        ["tidy"] => tidy::run(),
        ["bench", rest @ ..] => bench::run(rest),
        ["crash", rest @ ..] => crash(rest),
        ["balance-clusters", rest @ ..] => clusters::run(rest),
        ["fuzz", rest @ ..] => fuzz::run(rest),
        [] | ["help" | "--help" | "-h"] => {
            print!("{HELP}");
            Ok(())
        }
        [unknown, ..] => {
            Err(Failure::Usage(format!("there is no `cargo xtask {unknown}` with these arguments")))
        }
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(Failure::Usage(problem)) => {
            eprintln!("error: {problem}\n\n{HELP}");
            ExitCode::from(2)
        }
        Err(Failure::Failed(problem)) => {
            eprintln!("error: {problem}");
            ExitCode::FAILURE
        }
    }
}

fn crash(arguments: &[&str]) -> Result<(), Failure> {
    Program::cargo(&["run", "--quiet", "--package", "donjon-crash", "--"])
        .arguments(arguments)
        .run()
}
