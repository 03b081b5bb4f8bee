//! A run on a generated cluster, from the first record to the plan, beside the same blocks in a map:
//! `cargo bench -p donjon-balance --bench scale [-- [--quick] [--curve] [SERVERS REPLICAS]]`.
//!
//! Without arguments 4, 16 and 64 servers with 10^7 replicas; `--quick` with 10^6; `--curve` 4 servers with 10^6 to 10^8
//! (3.5 GB of runs); or one row. Each row is a process of its own, so that its peak of memory is its own. Works in a
//! temporary directory, so `TMPDIR` chooses the disk.

use std::error::Error;
use std::process::{Command, Stdio};

mod baseline; // the same in a map
mod cluster; // what there is, from numbers
mod figures; // what is measured
mod whole; // feed, finish, decide, plan

use figures::Figures;

/// As many as the machine has cores.
const THREADS: u32 = 2;
/// The first word of a child's arguments.
const CHILD: &str = "--in-this-process";

type Outcome<T = ()> = Result<T, Box<dyn Error>>;

fn main() -> Outcome {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    let words: Vec<&str> = arguments.iter().map(String::as_str).collect();
    if let [CHILD, how, servers, replicas] = words.as_slice() {
        let (servers, replicas) = (servers.parse()?, replicas.parse()?);
        let figures = match *how {
            "runs" => whole::run(servers, replicas)?,
            "map" => baseline::run(servers, replicas)?,
            _ => return Err(format!("there is no way {how}").into()),
        };
        println!("{}", figures.to_line());
        return Ok(());
    }
    let has = |word| words.contains(&word);
    let numbers: Vec<u64> = words.iter().filter_map(|word| word.parse().ok()).collect();
    println!(
        "{THREADS} threads, {} MiB for sorting. Sorted runs, and as a baseline (`map`) the",
        whole::MEMORY >> 20
    );
    println!("same blocks in a hash map, which is decided alike but writes no plan.\n");
    println!("{}", Figures::HEADINGS);
    if let [servers, replicas] = *numbers.as_slice() {
        return rows(u16::try_from(servers)?, replicas, Beside::Map);
    }
    if has("--curve") {
        let counts: &[u64] = if has("--quick") {
            &[100_000, 1_000_000]
        } else {
            &[1_000_000, 3_000_000, 10_000_000, 30_000_000, 100_000_000]
        };
        return counts.iter().try_for_each(|count| rows(4, *count, Beside::Nothing));
    }
    let replicas = if has("--quick") { 1_000_000 } else { 10_000_000 };
    [4, 16, 64].into_iter().try_for_each(|servers| rows(servers, replicas, Beside::Map))
}

/// What stands below a row.
#[derive(Clone, Copy)]
enum Beside {
    Nothing,
    Map,
}

fn rows(servers: u16, replicas: u64, beside: Beside) -> Outcome {
    println!("{}", child("runs", servers, replicas)?.row("runs"));
    match beside {
        Beside::Nothing => {}
        Beside::Map => println!("{}", child("map", servers, replicas)?.row("map")),
    }
    Ok(())
}

fn child(how: &str, servers: u16, replicas: u64) -> Outcome<Figures> {
    let mut command = Command::new(std::env::current_exe()?);
    command.args([CHILD, how, &servers.to_string(), &replicas.to_string()]);
    let output = command.stderr(Stdio::inherit()).output()?;
    if !output.status.success() {
        return Err(format!("{how} with {servers} servers: {}", output.status).into());
    }
    Figures::from_line(&String::from_utf8(output.stdout)?)
}
