use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use serde_json::Value;

use crate::http::Origin;
use crate::setup::Setup;

const LOG_LINES_MAX: usize = 20_000; // the longest case makes a few hundred

/// Starts fresh servers with given settings.
#[async_trait]
pub trait Launcher: fmt::Debug + Send + Sync {
    /// Starts a server and waits until it answers. It runs until the result is dropped.
    ///
    /// # Errors
    /// [`StartFailure`], also when the server refused the settings.
    ///
    /// # Cancel safety
    /// Dropping the future leaves no server running.
    async fn start(&self, setup: &Setup) -> Result<Running, StartFailure>;

    /// Starts a server with further command-line arguments and waits until it has ended.
    ///
    /// # Errors
    /// [`StartFailure::Exited`] is what the caller looks for; [`StartFailure::NotReady`] says that it did not end.
    async fn refused_arguments(&self, setup: &Setup, arguments: &[&str]) -> StartFailure;
}

/// A server that a [`Launcher`] started; dropping it stops the server.
pub struct Running {
    /// Where it listens.
    pub url: Origin,
    /// What it wrote on its standard error output, if that is captured.
    pub log: Option<Log>,
    _stopped_on_drop: Box<dyn Send + Sync>,
}

/// Why no server runs.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum StartFailure {
    /// The process ended by itself.
    #[error("it ended with {} and said: {message}", exit_text(*.code))]
    Exited {
        /// Its exit code; `None` if a signal ended it.
        code: Option<i32>,
        /// The last lines it wrote.
        message: String,
    },
    /// It runs, but does not answer (or, where it should have ended, it did not).
    #[error("{0}")]
    NotReady(String),
    /// This launcher cannot do that.
    #[error("the launcher cannot do this: {0}")]
    Unsupported(String),
    /// The process could not be started at all.
    #[error("{doing}: {source}")]
    Io {
        /// What was tried.
        doing: String,
        /// Why it failed.
        source: io::Error,
    },
}

fn exit_text(code: Option<i32>) -> String {
    code.map_or_else(|| "a signal".to_owned(), |code| format!("exit code {code}"))
}

impl Running {
    /// A server at `url` that runs until `guard` is dropped.
    pub fn new(url: Origin, log: Option<Log>, guard: impl Send + Sync + 'static) -> Self {
        Running { url, log, _stopped_on_drop: Box::new(guard) }
    }
}

impl fmt::Debug for Running {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Running({})", self.url)
    }
}

/// The last lines a server wrote, growing while it runs. A clone is another handle on the same lines.
#[derive(Clone, Debug, Default)]
pub struct Log(Arc<Mutex<VecDeque<String>>>);

impl Log {
    /// Adds a line; the oldest goes when there are too many.
    pub fn push(&self, line: String) {
        let mut lines = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if lines.len() == LOG_LINES_MAX {
            lines.pop_front();
        }
        lines.push_back(line);
    }

    /// The lines so far, oldest first.
    pub fn lines(&self) -> Vec<String> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).iter().cloned().collect()
    }

    /// The lines that are JSON objects.
    pub(crate) fn records(&self) -> Vec<Value> {
        self.lines().iter().filter_map(|line| serde_json::from_str(line).ok()).collect()
    }

    /// The last few lines as one text.
    pub(crate) fn tail(&self) -> String {
        let lines = self.lines();
        let from = lines.len().saturating_sub(5);
        lines.get(from..).unwrap_or_default().join(" | ")
    }
}
