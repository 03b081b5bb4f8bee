//! `cargo xtask check`: everything that CI does, and in the same way.

mod setup; // what a machine must have first
mod steps; // what is checked, in order

use std::time::{Duration, Instant};

use crate::command::Failure;
use steps::{STEPS, Step};

/// What to run, and what a failure means for the rest.
#[derive(Debug)]
struct Choice {
    steps: Vec<&'static Step>,
    after_failure: AfterFailure,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum AfterFailure {
    Stop,
    GoOn,
}

/// How a step ended.
#[derive(Debug)]
struct Ended {
    name: &'static str,
    took: Duration,
    failure: Option<Failure>,
}

/// Runs the steps named, or all.
pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    if arguments == ["--list"] {
        for step in &STEPS {
            println!("{:12} {}", step.name, step.what);
        }
        return Ok(());
    }
    let choice = choose(arguments)?;
    let began = Instant::now();
    let mut ended = Vec::new();
    for step in &choice.steps {
        heading(step);
        let began = Instant::now();
        let failure = (step.run)().err();
        let stop = failure.is_some() && choice.after_failure == AfterFailure::Stop;
        if let Some(Failure::Failed(why) | Failure::Usage(why)) = &failure {
            eprintln!("error: {why}");
        }
        ended.push(Ended { name: step.name, took: began.elapsed(), failure });
        if stop {
            break;
        }
    }
    summarize(&ended, choice.steps.len(), began.elapsed())
}

fn choose(arguments: &[&str]) -> Result<Choice, Failure> {
    let mut choice = Choice { steps: Vec::new(), after_failure: AfterFailure::Stop };
    for argument in arguments {
        if *argument == "--keep-going" {
            choice.after_failure = AfterFailure::GoOn;
            continue;
        }
        let step = STEPS.iter().find(|step| step.name == *argument);
        choice.steps.push(step.ok_or_else(|| {
            Failure::Usage(format!(
                "`check` has no step `{argument}`; `cargo xtask check --list` names them"
            ))
        })?);
    }
    if choice.steps.is_empty() {
        choice.steps = STEPS.iter().collect();
    }
    Ok(choice)
}

fn heading(step: &Step) {
    println!("\n=== {}: {}\n", step.name, step.what);
}

fn summarize(ended: &[Ended], wanted: usize, took: Duration) -> Result<(), Failure> {
    println!("\n=== summary");
    for step in ended {
        let word = if step.failure.is_none() { "ok" } else { "FAILED" };
        println!("{:12} {word:6} {:>7.1} s", step.name, step.took.as_secs_f64());
    }
    let failed = ended.iter().filter(|step| step.failure.is_some()).count();
    let (passed, not_run) = (ended.len() - failed, wanted - ended.len());
    println!("all together        {:>7.1} s", took.as_secs_f64());
    if not_run > 0 {
        println!("{not_run} steps were not run, because of the failure before them");
    }
    // The closing line that CI reads: how many steps there were, whatever the language of their tests.
    println!("{passed} passed, {failed} failed");
    if failed == 0 { Ok(()) } else { Err(Failure::failed("the check failed")) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_name_means_every_step() {
        assert_eq!(choose(&[]).unwrap().steps.len(), STEPS.len());
        assert_eq!(choose(&["--keep-going"]).unwrap().steps.len(), STEPS.len());
    }

    #[test]
    fn steps_are_run_as_named() {
        let choice = choose(&["tidy", "fmt"]).unwrap();
        assert_eq!(choice.steps.iter().map(|step| step.name).collect::<Vec<_>>(), ["tidy", "fmt"]);
        assert_eq!(choice.after_failure, AfterFailure::Stop);
    }

    #[test]
    fn an_unknown_step_is_refused() {
        assert!(matches!(choose(&["tests", "x"]), Err(Failure::Usage(_))));
    }

    #[test]
    fn one_failed_step_fails_the_check() {
        let ended = |failure| Ended { name: "one", took: Duration::ZERO, failure };
        assert!(summarize(&[ended(None)], 1, Duration::ZERO).is_ok());
        assert!(
            summarize(&[ended(None), ended(Some(Failure::failed("x")))], 2, Duration::ZERO)
                .is_err()
        );
    }
}
