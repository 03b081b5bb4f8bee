//! A command of the program, its time and its memory.

use std::io;
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use serde_json::Value;

/// How often its memory is looked at: the peak is that of the last look.
const LOOK_EVERY: Duration = Duration::from_millis(5);

pub(crate) struct Ran {
    pub(crate) time: Duration,
    /// Peak resident memory, in KiB (`VmHWM`).
    pub(crate) peak_kib: u64,
    said: Value,
}

impl Ran {
    /// A number of what it said with `--json`.
    pub(crate) fn number(&self, name: &str) -> String {
        self.said[name].to_string()
    }
}

/// Runs it to its end; a failure is an error.
pub(crate) fn run(arguments: &[&str]) -> io::Result<Ran> {
    let begun = Instant::now();
    let mut child = Command::new(env!("CARGO_BIN_EXE_donjon"))
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .spawn()?;
    let mut peak_kib = 0;
    while child.try_wait()?.is_none() {
        peak_kib = peak_kib.max(peak_of(&child));
        std::thread::sleep(LOOK_EVERY);
    }
    let time = begun.elapsed();
    let output = child.wait_with_output()?;
    if !output.status.success() {
        return Err(io::Error::other(format!("donjon {} failed", arguments.join(" "))));
    }
    Ok(Ran { time, peak_kib, said: serde_json::from_slice(&output.stdout)? })
}

fn peak_of(child: &Child) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", child.id()));
    let status = status.unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(0)
}
