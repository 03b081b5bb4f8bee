use std::fs::File;
use std::io::{self, Write};
use std::net::TcpListener;
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::{ExitStatus, Stdio};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::io::{AsyncBufReadExt, BufReader};
use tokio::process::{Child, ChildStderr, Command};
use tokio::time::{sleep, timeout};

use crate::config::{config_yaml, service_url};
use crate::http::{Client, Origin, Request};
use crate::launcher::{Launcher, Log, Running, StartFailure};
use crate::setup::Setup;

/// Stands for the configuration file's path in the arguments.
const CONFIG: &str = "{config}";
const START_TIMEOUT: Duration = Duration::from_secs(20);
const POLL_INTERVAL: Duration = Duration::from_millis(10);
/// A free port may be taken by somebody else before the server binds it.
const PORT_TRIES: u32 = 3;

/// Runs a program for each server: `keepstore -config FILE`, `donjon serve --config FILE`.
#[derive(Clone, Debug)]
pub struct ProcessLauncher {
    program: PathBuf,
    arguments: Vec<String>,
}

/// A command that cannot start a server.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "{0:?} is not a command to start a keepstore: write PROGRAM ARGUMENTS with {{config}} for the file"
)]
pub struct BadCommand(String);

impl ProcessLauncher {
    /// Runs `program` with `arguments`, in which `{config}` stands for the configuration file's path.
    pub fn new(program: impl Into<PathBuf>, arguments: &[&str]) -> Self {
        ProcessLauncher {
            program: program.into(),
            arguments: arguments.iter().map(|&argument| argument.to_owned()).collect(),
        }
    }

    /// Reads `PROGRAM ARGUMENTS…`, split at spaces; nothing is quoted.
    ///
    /// # Errors
    /// [`BadCommand`] if there is no program, or no argument has `{config}`.
    pub fn from_command(command: &str) -> Result<Self, BadCommand> {
        let mut words = command.split_whitespace();
        let program = words.next().ok_or_else(|| BadCommand(command.to_owned()))?;
        let arguments: Vec<&str> = words.collect();
        if !arguments.iter().any(|argument| argument.contains(CONFIG)) {
            return Err(BadCommand(command.to_owned()));
        }
        Ok(Self::new(program, &arguments))
    }

    /// Writes the configuration and starts the process.
    fn spawn(&self, setup: &Setup, more: &[&str]) -> Result<Process, StartFailure> {
        let origin = free_origin()?;
        let config =
            setup.scratch.join(format!("config-{}.yml", origin.authority().replace(':', "-")));
        write_private(&config, &config_yaml(setup, &origin)).map_err(|source| {
            StartFailure::Io { doing: format!("writing {}", config.display()), source }
        })?;
        let mut child = Command::new(&self.program)
            .args(self.arguments.iter().map(|argument| fill_in(argument, &config)))
            .args(more)
            .env_remove("ARVADOS_CONFIG")
            .env_remove("NOTIFY_SOCKET")
            .env("ARVADOS_SERVICE_INTERNAL_URL", service_url(&origin))
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .map_err(|source| StartFailure::Io {
                doing: format!("starting {}", self.program.display()),
                source,
            })?;
        let log = Log::default();
        let reading =
            child.stderr.take().map(|stderr| tokio::spawn(copy_lines(stderr, log.clone())));
        Ok(Process { child, origin, log, reading })
    }

    async fn try_start(&self, setup: &Setup) -> Result<Running, StartFailure> {
        let mut process = self.spawn(setup, &[])?;
        let client = Client::new(process.origin.clone());
        let deadline = Instant::now() + START_TIMEOUT;
        while Instant::now() < deadline {
            if let Ok(Some(status)) = process.child.try_wait() {
                return Err(process.ended(status).await);
            }
            let ping = Request::get("/_health/ping").bearer(setup.management_token.expose());
            match client.send(ping).await {
                Ok(answer) if answer.status == 200 => {
                    let log = process.log.clone();
                    return Ok(Running::new(process.origin.clone(), Some(log), process));
                }
                Ok(_) | Err(_) => sleep(POLL_INTERVAL).await,
            }
        }
        Err(StartFailure::NotReady(format!(
            "no healthy /_health/ping within {START_TIMEOUT:?}: {}",
            process.log.tail()
        )))
    }
}

#[async_trait]
impl Launcher for ProcessLauncher {
    async fn start(&self, setup: &Setup) -> Result<Running, StartFailure> {
        let mut tries = 1;
        loop {
            match self.try_start(setup).await {
                Err(StartFailure::Exited { message, .. })
                    if tries < PORT_TRIES
                        && message.to_lowercase().contains("address already in use") =>
                {
                    tries += 1;
                }
                outcome => return outcome,
            }
        }
    }

    async fn refused_arguments(&self, setup: &Setup, arguments: &[&str]) -> StartFailure {
        let mut process = match self.spawn(setup, arguments) {
            Ok(process) => process,
            Err(failure) => return failure,
        };
        match timeout(START_TIMEOUT, process.child.wait()).await {
            Ok(Ok(status)) => process.ended(status).await,
            Ok(Err(source)) => {
                StartFailure::Io { doing: "waiting for the process".to_owned(), source }
            }
            Err(_) => StartFailure::NotReady(format!("it still runs after {START_TIMEOUT:?}")),
        }
    }
}

/// A child that dies with this value.
struct Process {
    child: Child,
    origin: Origin,
    log: Log,
    reading: Option<tokio::task::JoinHandle<()>>,
}

impl Process {
    async fn ended(mut self, status: ExitStatus) -> StartFailure {
        if let Some(reading) = self.reading.take() {
            // A grandchild may hold the pipe open: what was read until then is enough.
            let _all_or_enough = timeout(Duration::from_secs(1), reading).await;
        }
        StartFailure::Exited { code: status.code(), message: self.log.tail() }
    }
}

async fn copy_lines(stderr: ChildStderr, log: Log) {
    let mut lines = BufReader::new(stderr).lines();
    while let Ok(Some(line)) = lines.next_line().await {
        log.push(line);
    }
}

/// Writes a file with tokens and keys for this user alone.
fn write_private(path: &Path, text: &str) -> io::Result<()> {
    let mut file =
        File::options().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    file.write_all(text.as_bytes())
}

fn fill_in(argument: &str, config: &Path) -> String {
    argument.replace(CONFIG, &config.to_string_lossy())
}

fn free_origin() -> Result<Origin, StartFailure> {
    let failed = |source| StartFailure::Io { doing: "looking for a free port".to_owned(), source };
    let address = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .map_err(failed)?;
    format!("http://{address}").parse().map_err(|error| StartFailure::NotReady(format!("{error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn start(script: &str) -> StartFailure {
        let scratch = tempfile::tempdir().unwrap();
        let launcher = ProcessLauncher::new("/bin/sh", &["-c", script, "{config}"]);
        launcher.start(&Setup::new(scratch.path())).await.unwrap_err()
    }

    #[tokio::test]
    async fn a_refusal_has_the_exit_code_and_what_was_said() {
        let failure = start("echo no volumes >&2; exit 3").await;
        assert!(
            matches!(failure, StartFailure::Exited { code: Some(3), message } if message == "no volumes")
        );
    }

    #[tokio::test]
    async fn the_configuration_file_and_the_environment_name_the_same_url() {
        let failure =
            start("grep -qF \"$ARVADOS_SERVICE_INTERNAL_URL\" \"$0\" && exit 7; exit 8").await;
        assert!(matches!(failure, StartFailure::Exited { code: Some(7), .. }), "{failure}");
    }

    #[tokio::test]
    async fn a_missing_program_is_said() {
        let scratch = tempfile::tempdir().unwrap();
        let launcher =
            ProcessLauncher::from_command("/nonexistent/keepstore -config {config}").unwrap();
        let failure = launcher.start(&Setup::new(scratch.path())).await.unwrap_err();
        assert!(
            matches!(&failure, StartFailure::Io { doing, .. } if doing.contains("/nonexistent/keepstore"))
        );
    }

    #[test]
    fn a_command_needs_the_file() {
        assert!(ProcessLauncher::from_command("keepstore").is_err());
        assert!(ProcessLauncher::from_command("").is_err());
        assert!(ProcessLauncher::from_command("keepstore -config={config}").is_ok());
    }
}
