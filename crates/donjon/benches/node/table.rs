//! Plain tables and medians.

use std::time::Duration;

/// Prints a heading and the names of the columns.
pub(crate) fn head(title: &str, columns: &[&str]) {
    println!("\n{title}");
    row(columns.first().copied().unwrap_or(""), columns.get(1..).unwrap_or(&[]));
}

/// Prints a row: what was measured, and the figures.
pub(crate) fn row<S: AsRef<str>>(what: &str, cells: &[S]) {
    print!("  {what:44}");
    for cell in cells {
        print!(" {:>16}", cell.as_ref());
    }
    println!();
}

/// The middle one.
pub(crate) fn median(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() / 2).copied().unwrap_or_default()
}

/// The one that a hundredth is above.
pub(crate) fn percentile_99(mut times: Vec<Duration>) -> Duration {
    times.sort_unstable();
    times.get(times.len() * 99 / 100).copied().unwrap_or_default()
}

/// Megabytes (10^6) a second.
pub(crate) fn megabytes(bytes: u64, time: Duration) -> String {
    format!("{:.0} MB/s", per_second(bytes, time) / 1e6)
}

/// Things a second.
pub(crate) fn rate(count: u64, time: Duration) -> String {
    format!("{:.0} /s", per_second(count, time))
}

/// Nanoseconds for one.
pub(crate) fn each(count: u64, time: Duration) -> String {
    format!("{:.0} ns each", 1e9 / per_second(count, time))
}

/// A time that people can read.
pub(crate) fn time(time: Duration) -> String {
    match time.as_secs_f64() {
        seconds if seconds < 1e-3 => format!("{:.0} us", seconds * 1e6),
        seconds if seconds < 1.0 => format!("{:.1} ms", seconds * 1e3),
        seconds => format!("{seconds:.2} s"),
    }
}

/// Mebibytes (2^20).
pub(crate) fn mebibytes(kibibytes: u64) -> String {
    format!("{} MiB", kibibytes.div_ceil(1024))
}

#[expect(clippy::cast_precision_loss, reason = "figures of three digits")]
fn per_second(count: u64, time: Duration) -> f64 {
    count as f64 / time.as_secs_f64()
}
