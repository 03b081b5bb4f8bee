//! What a list costs in memory. The only test of its process: others would disturb the figures.
#![cfg(all(target_os = "linux", not(loom)))]
#![expect(clippy::unwrap_used, reason = "a test fails by panicking, also in its helper functions")]

use block_work_list::{BlockWork, BlockWorkList};

const COUNT: u64 = 1_000_000;
const MB: u64 = 1_000_000;

#[test]
fn case_24_a_million_items_of_40_bytes_take_40_mb_and_a_drained_list_takes_none() {
    let before = resident();
    let list = BlockWorkList::new();
    list.replace(
        (0..COUNT).map(|number| BlockWork { hash: [0_u8; 16], data: [number; 3] }).collect(),
    )
    .unwrap();
    let full = resident() - before;
    assert!((39 * MB..48 * MB).contains(&full), "{full} bytes for a million items of 40 bytes");

    // The worker that finds the list empty frees it, not the next replace.
    while let Ok(claim) = list.try_next() {
        claim.finish();
    }
    let drained = resident().saturating_sub(before);
    assert!(drained < 2 * MB, "{drained} bytes for an empty list");
}

/// Resident memory of this process in bytes.
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse::<u64>().unwrap() * 1024
}
