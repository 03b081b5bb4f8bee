//! `cargo xtask balance-clusters`: the balancer's decisions over more random clusters than the tests take.

use crate::command::{Failure, Program};

/// How many unless told otherwise: ten times as many as the test takes by itself.
const RUNS: u64 = 5_200_000;
/// Read by `crates/keep-rules/tests/balance/rounds.rs`.
const VARIABLE: &str = "DONJON_BALANCE_CLUSTERS";
/// The test that reads it.
const TEST: &str = "a_million_random_clusters_keep_every_promise_and_come_to_rest";

/// Runs the test, in a release build.
pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    let runs = runs(arguments)?;
    println!(
        "{runs} random clusters with two blocks each, but no fewer than the test takes by itself"
    );
    Program::cargo(&["test", "--release", "--package", "keep-rules", "--test", "balance", "--"])
        .arguments(&[TEST, "--nocapture"])
        .environment(VARIABLE, &runs.to_string())
        .run()
}

fn runs(arguments: &[&str]) -> Result<u64, Failure> {
    match arguments {
        [] => Ok(RUNS),
        ["--runs", number] => number.parse().map_err(|error| {
            Failure::Usage(format!("`balance-clusters --runs {number}`: {error}"))
        }),
        _ => Err(Failure::Usage("`balance-clusters` knows only `--runs N`".to_owned())),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_is_taken_and_nothing_else() {
        assert_eq!(runs(&[]).unwrap(), RUNS);
        assert_eq!(runs(&["--runs", "7"]).unwrap(), 7);
        for wrong in [&["--runs"][..], &["--runs", "many"], &["7"], &["--runs", "7", "8"]] {
            assert!(matches!(runs(wrong), Err(Failure::Usage(_))), "{wrong:?}");
        }
    }
}
