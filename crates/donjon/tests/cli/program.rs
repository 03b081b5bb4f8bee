//! Running the program and looking at what it did.

use std::io::Write;
use std::process::{Command, Output, Stdio};

use serde_json::Value;

/// The program with `args`, without anything from the environment that it would listen to.
pub(crate) fn command(args: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_donjon"));
    command.args(args).env_remove("NOTIFY_SOCKET");
    for variable in [
        "DONJON_URL",
        "DONJON_TOKEN",
        "DONJON_MANAGEMENT_TOKEN",
        "ARVADOS_CONFIG",
        "ARVADOS_SERVICE_INTERNAL_URL",
    ] {
        command.env_remove(variable);
    }
    command
}

/// What a run left behind.
#[derive(Debug)]
pub(crate) struct Ran {
    pub(crate) code: i32,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// Runs the program to its end.
pub(crate) fn donjon(args: &[&str]) -> Ran {
    command(args).stdin(Stdio::null()).output().unwrap().into()
}

/// Runs the program with `input` on its standard input.
pub(crate) fn donjon_with_input(args: &[&str], input: &[u8]) -> Ran {
    let mut child = command(args)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let input = input.to_vec();
    let writer = std::thread::spawn(move || stdin.write_all(&input));
    let ran = child.wait_with_output().unwrap().into();
    // A program that ends without having read everything is a thing to test, not an error of the test.
    drop(writer.join().unwrap());
    ran
}

impl From<Output> for Ran {
    fn from(output: Output) -> Self {
        Ran {
            code: output.status.code().unwrap_or(-1),
            stdout: output.stdout,
            stderr: String::from_utf8(output.stderr).unwrap(),
        }
    }
}

impl Ran {
    /// Checks the exit status.
    #[track_caller]
    pub(crate) fn ends_with(self, code: i32) -> Self {
        assert_eq!(self.code, code, "stdout: {}\nstderr: {}", self.text(), self.stderr);
        self
    }

    /// Checks that stderr says this, and that stdout says nothing.
    #[track_caller]
    pub(crate) fn complains(self, expected: &str) -> Self {
        assert!(
            self.stderr.contains(expected),
            "stderr does not say {expected:?}: {}",
            self.stderr
        );
        assert_eq!(self.text(), "", "complaints go to stderr alone");
        self
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8_lossy(&self.stdout).into_owned()
    }

    /// Stdout as one JSON value.
    #[track_caller]
    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.stdout)
            .unwrap_or_else(|error| panic!("{error}: {}", self.text()))
    }

    /// Stdout as one JSON value a line.
    #[track_caller]
    pub(crate) fn json_lines(&self) -> Vec<Value> {
        self.text().lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }
}
