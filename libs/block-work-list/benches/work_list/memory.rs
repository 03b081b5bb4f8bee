//! Bytes an item, by the resident memory of this process.

use crate::Effort;
use crate::designs::{NAMES, OURS, build, items};
use crate::figures::Report;

const COUNT: usize = 1_000_000;

pub(crate) fn measure(_: Effort, report: &mut Report) {
    for name in NAMES {
        let before = resident();
        let queue = build(name);
        queue.load(items(COUNT));
        let full = resident().saturating_sub(before);
        report.add("memory", name, "full", full as f64 / COUNT as f64);

        for _ in 0..COUNT {
            assert!(queue.work_one(&mut |_| ()), "{name} lost an item");
        }
        queue.end();
        assert!(!queue.work_one(&mut |_| ()), "{name} has an item too many");
        let drained = resident().saturating_sub(before);
        report.add("memory", name, "drained", drained as f64 / COUNT as f64);
    }
    report.print("memory", "bytes of resident memory per item of 40 bytes, 1 M items");
    report.goal("1 M items of 40 bytes: bytes an item", report.get("memory", OURS, "full"), 48.0);
}

/// Resident memory in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status")
        .expect("Linux tells how much memory is resident");
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).expect("a VmRSS line");
    let kib = line.split_whitespace().nth(1).expect("a number after VmRSS:");
    kib.parse::<u64>().expect("VmRSS is a number of KiB") * 1024
}
