//! Log lines on standard error: JSON with the field names of the Go program (spec section 9), or lines for people.
//!
//! Own formatter: the one of `tracing-subscriber` nests the fields, and programs that read keepstore's log would not
//! find them.

use std::fmt;
use std::io::{IsTerminal as _, Write as _};

use serde_json::{Map, Value};
use tracing::field::{Field, Visit};
use tracing::{Event, Level, Subscriber};
use tracing_subscriber::layer::{Context, Layer, SubscriberExt as _};
use tracing_subscriber::util::SubscriberInitExt as _;
use tracing_subscriber::{EnvFilter, fmt as human};

use crate::clock::Clock;
use crate::config::{LogFormat, LogLevel, LogSettings};

/// Starts logging for a program that is no node, on the system's clock. Does nothing if it was started before.
pub fn start_logging(settings: &LogSettings, cluster_id: &str) {
    start(settings, cluster_id, Clock::system());
}

/// Starts logging for the whole process. Does nothing if it was started before.
///
/// The environment variable `DONJON_LOG` may set another filter, in the syntax of `tracing-subscriber`.
pub(crate) fn start(settings: &LogSettings, cluster_id: &str, clock: Clock) {
    let level = match settings.level {
        LogLevel::Trace => "trace",
        LogLevel::Debug => "debug",
        LogLevel::Info => "info",
        LogLevel::Warn => "warn",
        LogLevel::Error => "error",
    };
    // Libraries speak only when something is wrong: their debug lines may hold headers, and so tokens.
    let own = format!(
        "warn,donjon={level},donjon_node={level},keep_volume={level},keep_protocol={level},donjon_balance={level}"
    );
    let filter = EnvFilter::try_from_env("DONJON_LOG").unwrap_or_else(|_unset| EnvFilter::new(own));
    let base = tracing_subscriber::registry().with(filter);
    let for_people = settings.format != LogFormat::Json || std::io::stderr().is_terminal();
    let started = if for_people {
        base.with(
            human::layer()
                .with_writer(std::io::stderr)
                .with_target(false)
                .with_ansi(std::io::stderr().is_terminal()),
        )
        .try_init()
    } else {
        base.with(JsonLines { cluster_id: cluster_id.to_owned(), clock }).try_init()
    };
    // Somebody else set up logging, a test for example: theirs is used.
    drop(started);
}

struct JsonLines {
    cluster_id: String,
    clock: Clock,
}

impl<S: Subscriber> Layer<S> for JsonLines {
    fn on_event(&self, event: &Event<'_>, _context: Context<'_, S>) {
        let mut line = Fields(Map::new());
        event.record(&mut line);
        let mut line = line.0;
        line.insert("ClusterID".into(), self.cluster_id.clone().into());
        line.insert("PID".into(), std::process::id().into());
        line.insert("level".into(), level(event.metadata().level()).into());
        line.insert("time".into(), rfc3339(self.clock.now()).into());
        let mut text = Value::Object(line).to_string();
        text.push('\n');
        // A log that cannot be written cannot be complained about.
        drop(std::io::stderr().lock().write_all(text.as_bytes()));
    }
}

fn level(level: &Level) -> &'static str {
    match *level {
        Level::TRACE => "trace",
        Level::DEBUG => "debug",
        Level::INFO => "info",
        Level::WARN => "warning",
        Level::ERROR => "error",
    }
}

/// The fields of one event. `message` becomes `msg`.
struct Fields(Map<String, Value>);

impl Fields {
    fn set(&mut self, field: &Field, value: Value) {
        let name = match field.name() {
            "message" => "msg",
            other => other,
        };
        self.0.insert(name.to_owned(), value);
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        self.set(field, value.into());
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.set(field, value.into());
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.set(field, value.into());
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.set(field, value.into());
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.set(field, value.into());
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.set(field, format!("{value:?}").into());
    }
}

/// `2026-11-23T16:20:00.123456789Z`.
fn rfc3339(time: keep_rules::Timestamp) -> String {
    let seconds = time.as_seconds();
    let (year, month, day) = civil(seconds.div_euclid(86_400));
    let of_day = seconds.rem_euclid(86_400);
    let (hour, minute, second) = (of_day / 3600, of_day / 60 % 60, of_day % 60);
    format!(
        "{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{:09}Z",
        time.subsec_nanos()
    )
}

/// Year, month and day of a number of days since 1970-01-01, in the Gregorian calendar. Counts years from March, so that
/// the leap day is the last of its year.
fn civil(days: i64) -> (i64, i64, i64) {
    let shifted = days + 719_468;
    let era = shifted.div_euclid(146_097);
    let of_era = shifted.rem_euclid(146_097);
    let year_of_era = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year_of_era + year_of_era / 4 - year_of_era / 100);
    let march_month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * march_month + 2) / 5 + 1;
    let month = if march_month < 10 { march_month + 3 } else { march_month - 9 };
    (year_of_era + era * 400 + i64::from(month <= 2), month, day)
}

#[cfg(test)]
mod tests {
    use super::*;
    use keep_rules::Timestamp;

    #[test]
    fn times_are_written_as_rfc_3339() {
        let check =
            |seconds: i64, text: &str| assert_eq!(rfc3339(Timestamp::from_seconds(seconds)), text);
        check(0, "1970-01-01T00:00:00.000000000Z");
        check(951_782_400, "2000-02-29T00:00:00.000000000Z");
        check(1_795_450_745, "2026-11-23T16:19:05.000000000Z");
        check(-1, "1969-12-31T23:59:59.000000000Z");
        assert_eq!(rfc3339(Timestamp::from_nanos(7)), "1970-01-01T00:00:00.000000007Z");
    }
}
