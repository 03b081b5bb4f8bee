//! The crash campaign of the test command: hundreds of kills, a new seed each time, printed on failure. And that the
//! campaign finds out a node that breaks its promises.

use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::time::{SystemTime, UNIX_EPOCH};

use donjon_crash::campaign::{self, Plan};
use donjon_crash::process;

#[test]
fn what_was_acknowledged_outlives_sigkill() {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let plan = Plan { binary: process::binary().unwrap(), runs: 200, seed, lanes: 4 };
    let report = campaign::run(&plan).unwrap();
    println!("seed {seed}\n{report}");
    assert!(
        report.faults.is_empty(),
        "{report}\nrepeat with: cargo xtask crash --runs {} --seed {seed}",
        plan.runs
    );

    // A campaign in which nothing happened proves nothing.
    let done = &report.done;
    assert_eq!(done.kills, plan.runs);
    assert!(done.killed_starts > 0, "no node was killed while it started");
    assert!(done.written.puts > plan.runs, "hardly a PUT was acknowledged: {report}");
    assert!(done.written.touches > 0, "no TOUCH was acknowledged: {report}");
    assert!(done.checked.right > 0, "nothing was read back: {report}");
    assert!(done.checked.trashed > 0, "no trash list was worked off: {report}");
    assert!(done.checked.temps > 0, "no kill met a write in the middle: {report}");
}

#[test]
fn a_node_that_loses_blocks_is_found_out() {
    check_that_it_is_found_out("rm $blocks", "LOST: block");
}

#[test]
fn a_node_that_damages_blocks_is_found_out() {
    check_that_it_is_found_out("for block in $blocks; do echo damage > $block; done", "block");
}

#[test]
fn a_node_that_leaves_temp_files_is_found_out() {
    let leave = "(sleep 0.2; for n in 1 2 3 4 5 6 7 8; do mkdir -p $place/volume-0/abc; \
                 : > $place/volume-0/abc/tmpabc$n; sleep 1; done) &";
    check_that_it_is_found_out(leave, "temp files stay");
}

/// Runs the campaign against the real node, started through a shell script that first does something bad to its disk.
#[track_caller]
fn check_that_it_is_found_out(misdeed: &str, expected: &str) {
    let place = tempfile::tempdir().unwrap();
    let binary = bad_node(place.path(), misdeed);
    let report = campaign::run(&Plan { binary, runs: 20, seed: 1, lanes: 1 }).unwrap();
    assert!(report.faults.iter().any(|fault| fault.contains(expected)), "not found out: {report}");
}

fn bad_node(place: &Path, misdeed: &str) -> PathBuf {
    let real = process::binary().unwrap();
    let script = place.join("bad-node");
    let name = "[0-9a-f]".repeat(32);
    let text = format!(
        "#!/bin/sh\nplace=$(dirname \"$3\")\nif [ -d $place/volume-0 ]; then\n\
         blocks=$(find $place/volume-0 $place/volume-1 -type f -name '{name}' | head -20)\n{misdeed}\nfi\n\
         exec {} \"$@\"\n",
        real.display()
    );
    std::fs::write(&script, text).unwrap();
    std::fs::set_permissions(&script, std::fs::Permissions::from_mode(0o755)).unwrap();
    script
}
