//! The crash campaign of the test command: hundreds of kills, a new seed each time, printed on failure.

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
