//! `cargo xtask bench node`: the real node in a process of its own, driven over loopback by blocking clients that share
//! its two cores. Medians; baselines from the same run, because figures of different runs or machines say little.

mod baseline; // what the machine can do without a node
mod index; // a listing of a million blocks
mod large; // blocks of the largest size
mod lists; // trash lists worked off, lists taken in
mod memory; // many uploads at once, and stalled ones
mod stand; // a node on fresh volumes
mod table; // plain tables and medians
mod transfer; // GET and PUT

use std::io;
use std::process::ExitCode;

/// How much to do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Scale {
    /// The figures worth quoting.
    Full,
    /// A twentieth: does it run, and is the order of magnitude right?
    Quick,
}

impl Scale {
    const fn of(self, full: u64) -> u64 {
        match self {
            Self::Full => full,
            Self::Quick => full.div_ceil(20),
        }
    }

    /// How often something is measured for one median.
    const fn rounds(self) -> usize {
        match self {
            Self::Full => 5,
            Self::Quick => 2,
        }
    }
}

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let scale =
        if arguments.iter().any(|word| word == "--quick") { Scale::Quick } else { Scale::Full };
    let lists_only = arguments.iter().any(|word| word == "--lists");
    match if lists_only { lists::run(scale) } else { run(scale) } {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn run(scale: Scale) -> io::Result<()> {
    baseline::run(scale)?;
    transfer::run(scale)?;
    memory::run(scale)?;
    lists::run(scale)?;
    index::run(scale)
}
