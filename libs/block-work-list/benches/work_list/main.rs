//! What the work list costs, beside what a bare queue and three kinds of channel cost in the same run.
//!
//! `cargo bench -p block-work-list --bench work_list [-- [--quick] [--only PART] [--json FILE]]`
//!
//! The machine is never quiet, so designs take turns in a changing order, and every figure is a median or a percentile
//! over all rounds. Workers check that each item came exactly once.

mod designs;
mod drain;
mod figures;
mod memory;
mod replace;
mod wake;

use std::process::ExitCode;

use figures::Report;

/// How much to measure.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Effort {
    Quick,
    Full,
}

struct Args {
    effort: Effort,
    only: Option<String>,
    json: Option<String>,
}

type Measure = fn(Effort, &mut Report);

/// Memory comes first: freed memory that the allocator keeps would hide what a later design takes.
const PARTS: [(&str, Measure); 4] = [
    ("memory", memory::measure),
    ("drain", drain::measure),
    ("replace", replace::measure),
    ("wake", wake::measure),
];

fn parse(mut args: impl Iterator<Item = String>) -> Result<Args, String> {
    let mut parsed = Args { effort: Effort::Full, only: None, json: None };
    while let Some(arg) = args.next() {
        match arg.as_str() {
            "--quick" => parsed.effort = Effort::Quick,
            "--only" => match args.next() {
                Some(part) if PARTS.iter().any(|(name, _)| *name == part) => {
                    parsed.only = Some(part)
                }
                _ => return Err("--only needs one of memory, drain, replace, wake".into()),
            },
            "--json" => parsed.json = Some(args.next().ok_or("--json needs the name of a file")?),
            "--bench" => {} // cargo says so
            other => {
                return Err(format!(
                    "unknown argument {other:?}: use --quick, --only PART, --json FILE"
                ));
            }
        }
    }
    Ok(parsed)
}

fn main() -> ExitCode {
    let args = match parse(std::env::args().skip(1)) {
        Ok(args) => args,
        Err(mistake) => {
            eprintln!("{mistake}");
            return ExitCode::from(2);
        }
    };
    let mut report = Report::new();
    for (name, measure) in PARTS {
        if args.only.as_deref().is_none_or(|only| only == name) {
            measure(args.effort, &mut report);
        }
    }
    report.print_goals();
    if let Some(file) = args.json
        && let Err(error) = std::fs::write(&file, report.json())
    {
        eprintln!("cannot write the figures to {file}: {error}");
        return ExitCode::FAILURE;
    }
    ExitCode::SUCCESS
}
