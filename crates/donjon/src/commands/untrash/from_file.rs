//! Blocks that a file names.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{self, BufRead, BufReader};
use std::path::Path;

use keep_protocol::status::LedgerEntry;
use keep_rules::Locator;

use super::{Selection, Wanted};
use crate::failure::Failure;

/// The longest line. Records and locators with all their hints are far shorter.
const LINE_MAX: usize = 64 << 10;

/// Every line is checked before anything is done to any block.
pub(super) fn read(path: &Path) -> Result<Selection, Failure> {
    let name = path.display().to_string();
    let wanted = if path.as_os_str() == "-" {
        lines(io::stdin().lock(), "standard input")?
    } else {
        let file = File::open(path).map_err(Failure::local(format!("cannot open {name}")))?;
        lines(BufReader::new(file), &name)?
    };
    Ok(Selection { wanted: wanted.into_iter().collect(), back_before: 0 })
}

fn lines(input: impl BufRead, name: &str) -> Result<BTreeSet<Wanted>, Failure> {
    let mut wanted = BTreeSet::new();
    for (line, number) in input.lines().zip(1_u64..) {
        let line = line.map_err(Failure::local(format!("cannot read {name}")))?;
        let problem =
            |what: &dyn std::fmt::Display| Failure::Usage(format!("{name}, line {number}: {what}"));
        if line.len() > LINE_MAX {
            return Err(problem(&format_args!("longer than {LINE_MAX} bytes")));
        }
        wanted.extend(one(&line).map_err(|what| problem(&what))?);
    }
    Ok(wanted)
}

/// What a line names: nothing, if it is empty or a record of something else than a trashing that was done.
fn one(line: &str) -> Result<Option<Wanted>, String> {
    if line.starts_with('{') {
        let entry: LedgerEntry = serde_json::from_str(line)
            .map_err(|error| format!("this is no record of a ledger: {error}"))?;
        if entry.operation != "trash" || entry.outcome != "done" {
            return Ok(None);
        }
        let hash = entry.hash.parse().map_err(|error| format!("{error}"))?;
        let mount = Some(entry.mount_uuid).filter(|uuid| !uuid.is_empty());
        return Ok(Some(Wanted { hash, mount }));
    }
    let Some(word) = line.split_whitespace().next() else { return Ok(None) };
    let locator: Locator = word.parse().map_err(|error| format!("{error}"))?;
    Ok(Some(Wanted { hash: locator.hash(), mount: None }))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";

    fn record(operation: &str) -> String {
        serde_json::json!({
            "number": 1, "time_ns": 0, "operation": operation, "hash": FOO, "size": 3, "mtime_ns": 0,
            "mount_uuid": "m", "list_id": 7, "outcome": "done", "reason": null, "chain": "00",
        })
        .to_string()
    }

    #[test]
    fn hashes_locators_and_index_lines_name_a_block_on_any_mount() {
        let text = format!("{FOO}\n\n{FOO}+3 1700000000000000000\n{FOO}+3+Asig@1\n");
        let wanted = lines(text.as_bytes(), "f").unwrap();
        assert_eq!(Vec::from_iter(wanted), [Wanted { hash: FOO.parse().unwrap(), mount: None }]);
    }

    #[test]
    fn records_of_trashing_name_the_mount_too() {
        let text = format!("{}\n{}\n", record("trash"), record("untrash"));
        let wanted = lines(text.as_bytes(), "f").unwrap();
        let expected = Wanted { hash: FOO.parse().unwrap(), mount: Some("m".to_owned()) };
        assert_eq!(Vec::from_iter(wanted), [expected]);
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = lines("\nrubbish\n".as_bytes(), "f").unwrap_err().to_string();
        assert!(error.starts_with("f, line 2: "), "{error}");
        let error = lines("{}\n".as_bytes(), "f").unwrap_err().to_string();
        assert!(error.starts_with("f, line 1: this is no record"), "{error}");
    }
}
