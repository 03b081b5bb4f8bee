//! `cargo xtask crash` runs this: the crash campaign, as long as one likes.

use std::process::ExitCode;
use std::time::{SystemTime, UNIX_EPOCH};

use donjon_crash::campaign::{self, Plan};
use donjon_crash::process;

const HELP: &str = "\
Kills a real node with SIGKILL at random points and checks what it had promised.

Usage: cargo xtask crash [--runs N] [--seed S] [--lanes L]

  --runs N    how many times a node is killed while it works (default 300)
  --seed S    decides every choice; printed, so that a campaign can be repeated (default: the time)
  --lanes L   nodes killed side by side (default 4)

DONJON_BINARY=PATH tests that program instead of this workspace's debug build.
Exit code: 0 no fault, 1 a fault, 2 wrong usage or the campaign could not begin.
";

fn main() -> ExitCode {
    let arguments: Vec<String> = std::env::args().skip(1).collect();
    if arguments.iter().any(|argument| argument == "--help") {
        print!("{HELP}");
        return ExitCode::SUCCESS;
    }
    let plan = match plan(&arguments) {
        Ok(plan) => plan,
        Err(problem) => {
            eprintln!("error: {problem}\n\n{HELP}");
            return ExitCode::from(2);
        }
    };
    println!("crash campaign: {} runs, seed {}", plan.runs, plan.seed);
    match campaign::run(&plan) {
        Ok(report) => {
            println!("{report}");
            if report.faults.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE }
        }
        Err(error) => {
            eprintln!("error: the campaign could not begin: {error}");
            ExitCode::from(2)
        }
    }
}

fn plan(arguments: &[String]) -> Result<Plan, String> {
    let seed = SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |since| since.as_secs());
    let mut plan = Plan { binary: Default::default(), runs: 300, seed, lanes: 4 };
    let mut arguments = arguments.iter();
    while let Some(name) = arguments.next() {
        let slot = match name.as_str() {
            "--runs" => &mut plan.runs,
            "--seed" => &mut plan.seed,
            "--lanes" => &mut plan.lanes,
            unknown => return Err(format!("unknown argument `{unknown}`")),
        };
        let value = arguments.next().ok_or_else(|| format!("`{name}` needs a number"))?;
        *slot = value.parse().map_err(|error| format!("`{name} {value}`: {error}"))?;
    }
    if plan.lanes == 0 {
        return Err("`--lanes 0` would do nothing".to_owned());
    }
    plan.binary = process::binary().map_err(|error| error.to_string())?;
    Ok(plan)
}
