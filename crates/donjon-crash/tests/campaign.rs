//! The crash campaign of the test command: hundreds of kills, a new seed each time, printed on failure. And that the
//! campaign finds out a node that breaks its promises.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::time::{SystemTime, UNIX_EPOCH};

use donjon_crash::campaign::{self, Plan, Report};
use donjon_crash::process;

#[test]
fn what_was_acknowledged_outlives_sigkill() {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).unwrap().as_secs();
    let plan = Plan { binary: process::binary().unwrap(), runs: 300, seed, lanes: 4 };
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
    assert!(done.written.refusals * 100 < done.written.puts, "too many were refused: {report}");
    assert!(done.written.touches > 0, "no TOUCH was acknowledged: {report}");
    assert!(done.checked.right > 0, "nothing was read back: {report}");
    assert!(done.checked.trashed > 0, "no trash list was worked off: {report}");
    assert!(done.checked.temps > 0, "no kill met a write in the middle: {report}");
}

#[test]
fn a_node_that_loses_blocks_is_found_out() {
    assert_found_out("rm -f $blocks", "LOST: block");
}

#[test]
fn a_node_that_damages_blocks_is_found_out() {
    assert_found_out("for block in $blocks; do echo damage > $block; done", "checksum mismatch");
}

#[test]
fn a_node_that_leaves_temp_files_is_found_out() {
    let leave = "(for n in $(seq 80); do mkdir -p $place/volume-0/abc; : > $place/volume-0/abc/tmpabc$n; \
                 sleep 0.1; done) &";
    assert_found_out(leave, "temp files stay");
}

/// Runs the campaign against the real node, started through a shell script that first does something bad to its disk.
#[track_caller]
fn assert_found_out(misdeed: &str, expected: &str) {
    let report = run_bad_node(misdeed).expect("the campaign can begin");
    assert!(report.faults.iter().any(|fault| fault.contains(expected)), "not found out: {report}");
}

fn run_bad_node(misdeed: &str) -> io::Result<Report> {
    let place = tempfile::tempdir()?;
    let name = "[0-9a-f]".repeat(32);
    let text = format!(
        "#!/bin/sh\nplace=$(dirname \"$3\")\nif [ -d $place/volume-0 ]; then\n\
         blocks=$(find $place/volume-0 $place/volume-1 -type f -name '{name}' | head -20)\n{misdeed}\nfi\n\
         exec {} \"$@\"\n",
        process::binary()?.display()
    );
    let binary = place.path().join("bad-node");
    std::fs::write(&binary, text)?;
    std::fs::set_permissions(&binary, std::fs::Permissions::from_mode(0o755))?;
    campaign::run(&Plan { binary, runs: 20, seed: 1, lanes: 1 })
}
