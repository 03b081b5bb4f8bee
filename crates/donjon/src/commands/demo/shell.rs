//! Donjon's commands, run as people type them: this very program, in the demonstration's directory.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use tokio::process::Command;

use super::story::Story;
use crate::failure::Failure;

/// What the environment says of other nodes is not for these commands.
const NOT_OURS: [&str; 6] = [
    "ARVADOS_CONFIG",
    "DONJON_URL",
    "DONJON_URLS",
    "DONJON_TOKEN",
    "DONJON_MANAGEMENT_TOKEN",
    "NOTIFY_SOCKET",
];

/// Where commands are run.
pub(super) struct Shell {
    program: PathBuf,
    directory: PathBuf,
}

/// A command that has ended with a status that was expected.
pub(super) struct Ran {
    pub(super) status: i32,
    pub(super) stdout: String,
}

impl Shell {
    pub(super) fn new(directory: &Path) -> Result<Self, Failure> {
        let program =
            std::env::current_exe().map_err(Failure::local("cannot find this program"))?;
        Ok(Shell { program, directory: directory.to_owned() })
    }

    /// Runs a command, and shows it and what it says. It may end with 0, or with 4: "look at it".
    pub(super) async fn run(&self, arguments: &[&str], story: &Story) -> Result<Ran, Failure> {
        story.command(arguments);
        let (ran, stderr) = self.output(arguments).await?;
        story.output(&ran.stdout);
        story.output(&stderr);
        Ok(ran)
    }

    /// The same, and nobody sees it.
    pub(super) async fn quietly(&self, arguments: &[&str]) -> Result<Ran, Failure> {
        self.output(arguments).await.map(|(ran, _stderr)| ran)
    }

    async fn output(&self, arguments: &[&str]) -> Result<(Ran, String), Failure> {
        let mut command = Command::new(&self.program);
        command.args(arguments).current_dir(&self.directory).stdin(Stdio::null());
        for name in NOT_OURS {
            command.env_remove(name);
        }
        let output = command.kill_on_drop(true).output().await;
        let output = output.map_err(Failure::local("cannot run this program"))?;
        let stdout = String::from_utf8_lossy(&output.stdout).into_owned();
        let stderr = String::from_utf8_lossy(&output.stderr).into_owned();
        match output.status.code() {
            Some(status @ (0 | 4)) => Ok((Ran { status, stdout }, stderr)),
            Some(_) | None => Err(Failure::Other(format!(
                "donjon {} ended with {}:\n{stdout}{stderr}",
                arguments.join(" "),
                output.status
            ))),
        }
    }
}
