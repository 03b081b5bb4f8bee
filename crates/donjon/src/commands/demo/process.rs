//! A node as a process of its own: this very program, `serve`.

use std::fs::{self, File};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use donjon_node::config::OWN_URL_VARIABLE;
use keep_protocol::client::KeepClient;
use rustix::process::{Pid, Signal, kill_process};
use tokio::process::{Child, Command};
use tokio::time::{sleep, timeout};
use url::Url;

use crate::failure::Failure;

/// A node on loopback is there within a fraction of a second; this is for a machine that is very busy.
const START_MAX: Duration = Duration::from_secs(20);
/// A node takes 30 s at most to finish what it has in hand (`Donjon.ShutdownTimeout`).
const STOP_MAX: Duration = Duration::from_secs(40);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How much of a log explains a failure.
const LOG_LINES: usize = 8;

/// A running node. It is killed if this is dropped.
pub(super) struct Process {
    child: Child,
    log: PathBuf,
}

impl Process {
    /// Starts a node that knows itself by `url`. Its log goes to the file `log`.
    pub(super) fn start(config: &Path, url: &Url, log: PathBuf) -> Result<Self, Failure> {
        let this = std::env::current_exe().map_err(Failure::local("cannot find this program"))?;
        let log_file = File::create(&log)
            .map_err(Failure::local(format!("cannot create {}", log.display())))?;
        let child = Command::new(this)
            .args(["serve".as_ref(), "--config".as_ref(), config.as_os_str()])
            .env(OWN_URL_VARIABLE, url.as_str())
            .env_remove("NOTIFY_SOCKET")
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(log_file)
            .kill_on_drop(true)
            .spawn()
            .map_err(Failure::local("cannot start a node"))?;
        Ok(Process { child, log })
    }

    pub(super) fn id(&self) -> u32 {
        self.child.id().unwrap_or_default()
    }

    /// Waits until the node answers. Ends early if the process does.
    pub(super) async fn ready(&mut self, management: &KeepClient) -> Result<(), Failure> {
        let answers = async {
            while management.health().await.is_err() {
                sleep(LOOK_EVERY).await;
            }
        };
        let ended = tokio::select! {
            answered = timeout(START_MAX, answers) => match answered {
                Ok(()) => return Ok(()),
                Err(_elapsed) => format!("a node did not answer within {} s", START_MAX.as_secs()),
            },
            status = self.child.wait() => match status {
                Ok(status) => format!("a node ended at its start, with {status}"),
                Err(error) => format!("cannot wait for a node: {error}"),
            },
        };
        Err(Failure::Other(format!("{ended}; its log ends so:\n{}", self.log_end())))
    }

    /// Asks the node to stop, as systemd does, and waits for it.
    pub(super) async fn stop(&mut self) -> Result<(), Failure> {
        let pid = self.child.id().and_then(|id| Pid::from_raw(i32::try_from(id).ok()?));
        let Some(pid) = pid else {
            return Err(Failure::Other(format!(
                "a node has ended by itself; its log ends so:\n{}",
                self.log_end()
            )));
        };
        kill_process(pid, Signal::TERM)
            .map_err(|error| Failure::local("cannot stop a node")(error.into()))?;
        match timeout(STOP_MAX, self.child.wait()).await {
            Ok(Ok(status)) if status.success() => Ok(()),
            Ok(Ok(status)) => Err(Failure::Other(format!(
                "a node stopped with {status}; its log ends so:\n{}",
                self.log_end()
            ))),
            Ok(Err(error)) => Err(Failure::local("cannot wait for a node")(error)),
            Err(_elapsed) => {
                Err(Failure::Other(format!("a node did not stop within {} s", STOP_MAX.as_secs())))
            }
        }
    }

    /// Kills the node, as a power cut would, and waits until it is gone.
    pub(super) async fn kill(&mut self) -> Result<(), Failure> {
        self.child.kill().await.map_err(Failure::local("cannot kill a node"))
    }

    /// The last lines of its log, leaving out what went well.
    pub(super) fn log_end(&self) -> String {
        let log = fs::read_to_string(&self.log)
            .unwrap_or_else(|error| format!("(the log cannot be read: {error})"));
        let lines: Vec<&str> =
            log.lines().filter(|line| !line.contains(r#""level":"info""#)).collect();
        lines[lines.len().saturating_sub(LOG_LINES)..].join("\n")
    }
}
