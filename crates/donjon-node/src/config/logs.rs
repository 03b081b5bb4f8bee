//! Log lines: the section `SystemLogs`.

use std::path::PathBuf;

use super::problem::{Problem, shown};
use super::report::Report;
use super::section::{OtherKeys, Section};

/// What is logged, and how.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogSettings {
    /// `LogLevel`: lines below it are left out.
    pub level: LogLevel,
    /// `Format`.
    pub format: LogFormat,
}

/// How important a line is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum LogLevel {
    /// `trace`
    Trace,
    /// `debug`
    Debug,
    /// `info`
    Info,
    /// `warning` or `warn`
    Warn,
    /// `error`, `fatal` or `panic`
    Error,
}

/// How a line is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// One JSON object a line.
    Json,
    /// `key=value` pairs.
    Text,
    /// For people.
    Plain,
}

const LEVELS: &str = "trace, debug, info, warning and error";
const FORMATS: &str = "json, text and plain";

impl LogLevel {
    /// The name, as the file writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            LogLevel::Trace => "trace",
            LogLevel::Debug => "debug",
            LogLevel::Info => "info",
            LogLevel::Warn => "warning",
            LogLevel::Error => "error",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text.to_ascii_lowercase().as_str() {
            "trace" => Some(LogLevel::Trace),
            "debug" => Some(LogLevel::Debug),
            "" | "info" => Some(LogLevel::Info),
            "warning" | "warn" => Some(LogLevel::Warn),
            "error" | "fatal" | "panic" => Some(LogLevel::Error),
            _ => None,
        }
    }
}

impl LogFormat {
    /// The name, as the file writes it.
    pub const fn as_str(self) -> &'static str {
        match self {
            LogFormat::Json => "json",
            LogFormat::Text => "text",
            LogFormat::Plain => "plain",
        }
    }

    fn parse(text: &str) -> Option<Self> {
        match text {
            "" | "json" => Some(LogFormat::Json),
            "text" => Some(LogFormat::Text),
            "plain" => Some(LogFormat::Plain),
            _ => None,
        }
    }
}

/// Reads the section: what is logged, and the directory for dumps of a busy request queue, if there is one.
pub(super) fn logs(
    cluster: &mut Section<'_>,
    report: &mut Report,
) -> (LogSettings, Option<PathBuf>) {
    let mut section = cluster.section("SystemLogs", report);
    let level =
        choice(&mut section, "LogLevel", LEVELS, LogLevel::parse, report).unwrap_or(LogLevel::Info);
    let format = choice(&mut section, "Format", FORMATS, LogFormat::parse, report)
        .unwrap_or(LogFormat::Json);
    let dumps = section.text("RequestQueueDumpDirectory", report);
    section.close(OtherKeys::ForOtherPrograms, report);
    (LogSettings { level, format }, (!dumps.is_empty()).then(|| PathBuf::from(dumps)))
}

fn choice<T>(
    section: &mut Section<'_>,
    key: &'static str,
    choices: &'static str,
    parse: fn(&str) -> Option<T>,
    report: &mut Report,
) -> Option<T> {
    let text = section.text(key, report);
    let value = parse(text);
    if value.is_none() {
        report.mistake(&section.child(key), Problem::NotOneOf { found: shown(text), choices });
    }
    value
}
