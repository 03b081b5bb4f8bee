//! `cargo xtask bench`: which benchmark is in which crate.

use crate::command::{Failure, Program};

/// Name, crate, bench target, and what it measures.
const BENCHES: [(&str, &str, &str, &str); 7] = [
    ("work-list", "block-work-list", "work_list", "the work list beside locks and channels"),
    ("intake", "keep-protocol", "intake", "parsing trash and pull lists beside serde_json"),
    ("rules", "keep-rules", "balance", "the balancer's decision beside ranking with the MD5 crate"),
    ("volume", "keep-volume", "directory", "the directory volume: write, trash, touch, index"),
    ("ledger", "ledger", "ledger", "the ledger: append, sync, read, verify"),
    ("list-store", "list-store", "list_store", "durable lists: commit, load, progress"),
    ("node", "donjon", "node", "the real node: GET, PUT, memory, stalled uploads, lists, index"),
];

/// Runs one benchmark or all.
pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    let (options, names): (Vec<&str>, Vec<&str>) =
        arguments.iter().partition(|word| word.starts_with("--"));
    if let Some(unknown) = options.iter().find(|option| **option != "--quick") {
        return Err(Failure::Usage(format!("`bench` knows only `--quick`, not `{unknown}`")));
    }
    let chosen: Vec<_> = match names.as_slice() {
        [] | ["all"] => BENCHES.iter().collect(),
        [name] => BENCHES.iter().filter(|bench| bench.0 == *name).collect(),
        [_, ..] => Vec::new(),
    };
    if chosen.is_empty() {
        let known = BENCHES.map(|bench| bench.0).join(", ");
        return Err(Failure::Usage(format!(
            "`bench {}`: name one of {known}, or all",
            names.join(" ")
        )));
    }
    for (name, package, target, what) in chosen {
        println!("\n== {name}: {what}\n");
        Program::cargo(&["bench", "--quiet", "--package", package, "--bench", target, "--"])
            .arguments(&options)
            .run()?;
    }
    Ok(())
}
