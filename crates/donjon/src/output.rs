//! Results go to stdout and nothing else does; complaints and progress go to stderr.

use std::fmt::Display;
use std::io::{self, BufWriter, StdoutLock, Write};

use serde::Serialize;

use crate::failure::Failure;

/// Who reads the results.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct Format {
    /// Print JSON for scripts instead of text for people
    #[arg(long)]
    pub(crate) json: bool,
}

/// Stdout, buffered. Call [`Output::flush`] when the last line is written: an error must not get lost.
pub(crate) struct Output {
    to: BufWriter<StdoutLock<'static>>,
}

impl Output {
    pub(crate) fn stdout() -> Self {
        Output { to: BufWriter::new(io::stdout().lock()) }
    }

    pub(crate) fn line(&mut self, line: impl Display) -> Result<(), Failure> {
        writeln!(self.to, "{line}").map_err(Failure::output)
    }

    /// One JSON value on one line.
    pub(crate) fn json(&mut self, value: &impl Serialize) -> Result<(), Failure> {
        serde_json::to_writer(&mut self.to, value)
            .map_err(|error| Failure::output(error.into()))?;
        self.line("")
    }

    pub(crate) fn bytes(&mut self, bytes: &[u8]) -> Result<(), Failure> {
        self.to.write_all(bytes).map_err(Failure::output)
    }

    pub(crate) fn flush(&mut self) -> Result<(), Failure> {
        self.to.flush().map_err(Failure::output)
    }
}

/// Prints one result: as JSON, or as `text` draws it.
pub(crate) fn print<T: Serialize>(
    format: Format,
    value: &T,
    text: impl FnOnce(&T) -> String,
) -> Result<(), Failure> {
    let mut output = Output::stdout();
    if format.json {
        output.json(value)?
    } else {
        output.line(text(value))?
    }
    output.flush()
}
