//! `cargo xtask bench`: which benchmark is in which crate.

use crate::command::{Failure, Program};

/// Name, crate, bench target, and what it measures. Several may have one name.
const BENCHES: [(&str, &str, &str, &str); 12] = [
    ("work-list", "block-work-list", "work_list", "the work list beside locks and channels"),
    ("intake", "keep-protocol", "intake", "parsing trash and pull lists beside serde_json"),
    ("volume", "keep-volume", "directory", "the directory volume: write, trash, touch, index"),
    ("ledger", "ledger", "ledger", "the ledger: append, sync, read, verify"),
    ("list-store", "list-store", "list_store", "durable lists: commit, load, progress"),
    ("node", "donjon", "node", "the real node: GET, PUT, memory, stalled uploads, lists, index"),
    ("files", "donjon", "files", "put and get of 100 000 small files beside cp -r and a PUT each"),
    ("balance", "keep-rules", "balance", "decisions beside ranking with the MD5 crate"),
    ("balance", "donjon-balance", "sort", "sorting on the disk beside a vector"),
    ("balance", "donjon-balance", "plan", "plans: write, read, look up, lists, compare"),
    ("balance", "donjon-balance", "confirm", "confirmed columns: counting copies beside maps"),
    ("balance", "donjon-balance", "scale", "a whole run on a generated cluster beside a hash map"),
];
/// The option of one benchmark alone: how its memory grows.
const CURVE: &str = "--curve";
const CURVED: &str = "scale";

/// Runs one benchmark or all.
pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    let (options, names): (Vec<&str>, Vec<&str>) =
        arguments.iter().partition(|word| word.starts_with("--"));
    if let Some(unknown) = options.iter().find(|option| !["--quick", CURVE].contains(*option)) {
        return Err(Failure::Usage(format!(
            "`bench` knows only `--quick` and `{CURVE}`, not `{unknown}`"
        )));
    }
    let curve = options.contains(&CURVE);
    let chosen = BENCHES.iter().filter(|(name, _, target, _)| {
        let named = match names.as_slice() {
            [] | ["all"] => true,
            [wanted] => wanted == name,
            [_, ..] => false,
        };
        named && (!curve || *target == CURVED)
    });
    let chosen: Vec<_> = chosen.collect();
    if chosen.is_empty() {
        let mut known: Vec<&str> = BENCHES.iter().map(|bench| bench.0).collect();
        known.dedup();
        return Err(Failure::Usage(format!(
            "`bench {}`: name one of {}, or all; only `balance` has a curve",
            names.join(" "),
            known.join(", ")
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
