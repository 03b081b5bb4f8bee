//! `cargo xtask fuzz`: random input against the promises of the parsers. Needs a nightly compiler and `cargo-fuzz`.

use crate::command::{Failure, Program, root};

/// How long each target runs unless told otherwise.
const SECONDS: u64 = 60;

/// Runs one target or all.
pub(crate) fn run(arguments: &[&str]) -> Result<(), Failure> {
    let (target, seconds) = choose(arguments)?;
    let targets = targets()?;
    let chosen: Vec<&String> =
        targets.iter().filter(|name| target.is_none_or(|target| target == *name)).collect();
    if chosen.is_empty() {
        return Err(Failure::Usage(format!(
            "`fuzz`: name one of {}, or none for all",
            targets.join(", ")
        )));
    }
    if !Program::cargo(&["fuzz", "--version"]).succeeds() {
        return Err(Failure::failed(
            "cargo-fuzz is not here: `cargo install cargo-fuzz --locked`, and a nightly compiler",
        ));
    }
    for target in chosen {
        println!("\n== {target}, {seconds} s\n");
        fuzz(target, seconds)?;
    }
    Ok(())
}

fn choose<'a>(arguments: &[&'a str]) -> Result<(Option<&'a str>, u64), Failure> {
    let (mut target, mut seconds) = (None, SECONDS);
    let mut arguments = arguments.iter();
    while let Some(argument) = arguments.next() {
        match *argument {
            "--seconds" => {
                let value = arguments.next().copied().unwrap_or("");
                seconds = value.parse().map_err(|error| {
                    Failure::Usage(format!("`fuzz --seconds {value}`: {error}"))
                })?;
            }
            option if option.starts_with('-') => {
                return Err(Failure::Usage(format!(
                    "`fuzz` knows only `--seconds`, not `{option}`"
                )));
            }
            name => target = Some(name),
        }
    }
    Ok((target, seconds))
}

/// Every file in `fuzz/fuzz_targets` is a target of its name.
fn targets() -> Result<Vec<String>, Failure> {
    let folder = root().join("fuzz/fuzz_targets");
    let entries = std::fs::read_dir(&folder)
        .map_err(|error| Failure::Failed(format!("{}: {error}", folder.display())))?;
    let mut names: Vec<String> = entries
        .filter_map(|entry| Some(entry.ok()?.path().file_stem()?.to_string_lossy().into_owned()))
        .collect();
    names.sort();
    Ok(names)
}

/// What is found new goes to `corpus`, which git does not keep; `seeds` is kept and only read.
fn fuzz(target: &str, seconds: u64) -> Result<(), Failure> {
    let (corpus, seeds) = (format!("fuzz/corpus/{target}"), format!("fuzz/seeds/{target}"));
    std::fs::create_dir_all(root().join(&corpus))
        .map_err(|error| Failure::Failed(format!("{corpus}: {error}")))?;
    let mut inputs = vec![corpus];
    if root().join(&seeds).exists() {
        inputs.push(seeds);
    }
    // By way of rustup: the cargo that runs this is the stable one, and says so to its children.
    Program::new("rustup")
        .arguments(&["run", "nightly", "cargo", "fuzz", "run", target])
        .arguments(&inputs)
        .arguments(&["--", &format!("-max_total_time={seconds}")])
        .run()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_target_or_one_and_how_long() {
        assert_eq!(choose(&[]).unwrap(), (None, SECONDS));
        assert_eq!(choose(&["locator", "--seconds", "5"]).unwrap(), (Some("locator"), 5));
        assert!(matches!(choose(&["--second", "5"]), Err(Failure::Usage(_))));
        assert!(matches!(choose(&["--seconds"]), Err(Failure::Usage(_))));
    }

    #[test]
    fn targets_are_found() {
        assert!(targets().unwrap().contains(&"locator".to_owned()));
    }
}
