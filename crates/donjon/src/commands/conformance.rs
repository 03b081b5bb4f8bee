//! `donjon conformance`

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use keep_conformance::{
    Origin, ProcessLauncher, RunningServer, Secret, Selection, Summary, Target, VolumeDir, render,
    run as run_cases, to_json,
};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::first_line;
use crate::output::{Format, Output};

/// How many cases there are (spec section 12).
const CASES: u8 = 91;

/// Try the 91 behaviour cases of the Keep protocol on any keepstore
///
/// Without --url every case starts a fresh node of this very program. With it a running server is tried: its lists are
/// replaced by those of the cases, and some small blocks stay behind, so do not name a server that is in use. Cases
/// that need more than is known of the server are skipped.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon conformance
  donjon conformance --only 1,2,35-41 --json
  donjon conformance --keepstore-command 'keepstore -config {config}'
  donjon conformance --url http://127.0.0.1:25107 --token-file root.token \\
    --volume-dir zzzzz-nyw5e-000000000000000=/srv/keep

Verdicts: same (as the Go keepstore), better (otherwise, for the better), WRONG, skipped.
Exit status: 0 nothing is wrong, 1 a row is wrong or nothing was tried")]
pub(crate) struct ConformanceArgs {
    /// A running server to try
    #[arg(long, value_name = "URL", requires = "root_token")]
    url: Option<Origin>,

    #[command(flatten)]
    root: RootToken,

    /// Its ManagementToken
    #[arg(long, value_name = "TOKEN", env = "DONJON_MANAGEMENT_TOKEN", hide_env_values = true)]
    management_token: Option<String>,

    /// A file whose first line is its BlobSigningKey
    #[arg(long, value_name = "FILE", requires = "url")]
    signing_key_file: Option<PathBuf>,

    /// Its BlobSigningTTL, in seconds
    #[arg(long, value_name = "SECONDS", requires = "url", default_value_t = 1_209_600)]
    signing_ttl: u64,

    /// Where the directory volume of a mount lies, if it is on this machine; may be repeated
    #[arg(long, value_name = "UUID=DIR", value_parser = volume_dir, requires = "url")]
    volume_dir: Vec<VolumeDir>,

    /// How to start a keepstore; {config} stands for its configuration file
    #[arg(long, value_name = "COMMAND", value_parser = ProcessLauncher::from_command)]
    keepstore_command: Option<ProcessLauncher>,

    /// Only these cases: numbers and ranges, separated by commas
    #[arg(long, value_name = "N,N-N", value_parser = selection)]
    only: Option<Selection>,

    #[command(flatten)]
    format: Format,
}

#[derive(Debug, clap::Args)]
#[group(id = "root_token", multiple = true)]
struct RootToken {
    /// The SystemRootToken of the running server
    #[arg(long, value_name = "TOKEN", env = "DONJON_TOKEN", hide_env_values = true)]
    token: Option<String>,

    /// A file whose first line is the SystemRootToken. Goes before --token
    #[arg(long, value_name = "FILE")]
    token_file: Option<PathBuf>,
}

pub(crate) async fn run(args: ConformanceArgs) -> Result<Exit, Failure> {
    let format = args.format;
    let selection = args.only.clone().unwrap_or_default();
    let target = target(args)?;
    let progress = progress(&selection);
    let rows = run_cases(&target, &selection, |row| {
        progress.inc(1);
        progress.set_message(format!("{} {}", row.number, row.case));
    })
    .await;
    progress.finish_and_clear();
    let mut output = Output::stdout();
    output.bytes(if format.json { to_json(&rows) } else { render(&rows) }.as_bytes())?;
    output.flush()?;
    Ok(if Summary::of(&rows).passed() { Exit::Done } else { Exit::Failed })
}

fn target(args: ConformanceArgs) -> Result<Target, Failure> {
    match (args.url.clone(), args.keepstore_command.clone()) {
        (Some(url), Some(launcher)) => {
            Ok(Target::running(server(url, args)?).with_launcher(launcher))
        }
        (Some(url), None) => Ok(Target::running(server(url, args)?)),
        (None, Some(launcher)) => Ok(Target::launched(launcher)),
        (None, None) => {
            let this =
                std::env::current_exe().map_err(Failure::local("cannot find this program"))?;
            Ok(Target::launched(ProcessLauncher::new(this, &["serve", "--config", "{config}"])))
        }
    }
}

fn server(url: Origin, args: ConformanceArgs) -> Result<RunningServer, Failure> {
    let secret_in = |path: &Path| first_line(path).map(Secret::new);
    let token = match (&args.root.token_file, args.root.token) {
        (Some(file), _) => secret_in(file)?,
        (None, Some(token)) => Secret::new(token),
        (None, None) => {
            return Err(Failure::Usage(
                "--url needs the server's --token or --token-file".to_owned(),
            ));
        }
    };
    Ok(RunningServer {
        management_token: args.management_token.map(Secret::new),
        signing_key: args.signing_key_file.as_deref().map(secret_in).transpose()?,
        signing_ttl: Duration::from_secs(args.signing_ttl),
        volume_dirs: args.volume_dir,
        ..RunningServer::new(url, token)
    })
}

fn progress(selection: &Selection) -> ProgressBar {
    let length = match selection {
        Selection::All => u64::from(CASES),
        Selection::Numbers(numbers) => numbers.len() as u64,
    };
    let style = ProgressStyle::with_template("{bar:30} {pos}/{len}  {msg}")
        .expect("the template is well-formed");
    ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr()).with_style(style)
}

fn volume_dir(text: &str) -> Result<VolumeDir, String> {
    match text.split_once('=') {
        Some((mount_uuid, root)) if !mount_uuid.is_empty() && !root.is_empty() => {
            Ok(VolumeDir { mount_uuid: mount_uuid.to_owned(), root: root.into() })
        }
        Some(_) | None => Err("write UUID=DIR: the mount, and the Root of its volume".to_owned()),
    }
}

fn selection(text: &str) -> Result<Selection, String> {
    let mut numbers = BTreeSet::new();
    for part in text.split(',') {
        let (first, last) = part.split_once('-').unwrap_or((part, part));
        match (first.trim().parse::<u8>(), last.trim().parse::<u8>()) {
            (Ok(first), Ok(last)) if 1 <= first && first <= last && last <= CASES => {
                numbers.extend(first..=last)
            }
            _ => {
                return Err(format!(
                    "{part:?} is no case: they are numbered 1 to {CASES}, a range is like 35-41"
                ));
            }
        }
    }
    Ok(Selection::Numbers(numbers))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn cases_are_chosen_by_numbers_and_ranges() {
        assert_eq!(selection("1,35-37,2"), Ok(Selection::Numbers([1, 2, 35, 36, 37].into())));
        for bad in ["", "0", "92", "5-3", "x", "1,,2", "-3"] {
            assert!(selection(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_volume_is_a_mount_and_a_directory() {
        let volume = volume_dir("zzzzz-nyw5e-000000000000000=/srv/a=b").unwrap();
        assert_eq!(
            (volume.mount_uuid.as_str(), volume.root.as_path()),
            ("zzzzz-nyw5e-000000000000000", Path::new("/srv/a=b"))
        );
        for bad in ["", "x", "=/srv", "x="] {
            assert!(volume_dir(bad).is_err(), "{bad}");
        }
    }
}
