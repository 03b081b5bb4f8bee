//! Metric families and their two forms: Prometheus text, and JSON.

use std::fmt::Write as _;

use serde::Serialize;

/// What a family's values mean.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Only grows.
    Counter,
    /// Goes up and down.
    Gauge,
    /// A sum and a count, perhaps with quantiles.
    Summary,
}

/// One value, or one summary.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Sample {
    labels: Vec<(&'static str, String)>,
    value: Value,
}

#[derive(Clone, Debug, PartialEq)]
enum Value {
    Number(f64),
    Summary { count: u64, sum: f64, quantiles: Vec<(f64, f64)> },
}

/// A metric: a name, what it means, and its values.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Family {
    name: &'static str,
    help: &'static str,
    kind: Kind,
    samples: Vec<Sample>,
}

impl Family {
    /// A family without values.
    pub(crate) fn new(kind: Kind, name: &'static str, help: &'static str) -> Family {
        Family { name, help, kind, samples: Vec::new() }
    }

    /// Adds a value.
    #[must_use]
    pub(crate) fn with(mut self, labels: &[(&'static str, &str)], value: f64) -> Family {
        self.samples.push(Sample { labels: owned(labels), value: Value::Number(value) });
        self
    }

    /// Adds a summary.
    #[must_use]
    pub(crate) fn with_summary(
        mut self,
        labels: &[(&'static str, &str)],
        count: u64,
        sum: f64,
        quantiles: Vec<(f64, f64)>,
    ) -> Family {
        self.samples.push(Sample {
            labels: owned(labels),
            value: Value::Summary { count, sum, quantiles },
        });
        self
    }
}

fn owned(labels: &[(&'static str, &str)]) -> Vec<(&'static str, String)> {
    labels.iter().map(|(name, value)| (*name, (*value).to_owned())).collect()
}

/// The Prometheus text format.
pub(crate) fn as_text(families: &[Family]) -> String {
    let mut text = String::new();
    for family in families.iter().filter(|family| !family.samples.is_empty()) {
        let kind = match family.kind {
            Kind::Counter => "counter",
            Kind::Gauge => "gauge",
            Kind::Summary => "summary",
        };
        line(&mut text, format_args!("# HELP {} {}", family.name, family.help));
        line(&mut text, format_args!("# TYPE {} {kind}", family.name));
        for sample in &family.samples {
            write_sample(&mut text, family.name, sample);
        }
    }
    text
}

fn write_sample(text: &mut String, name: &str, sample: &Sample) {
    match &sample.value {
        Value::Number(value) => {
            line(text, format_args!("{name}{} {value}", Labels(&sample.labels, None)))
        }
        Value::Summary { count, sum, quantiles } => {
            for (quantile, value) in quantiles {
                line(
                    text,
                    format_args!("{name}{} {value}", Labels(&sample.labels, Some(*quantile))),
                );
            }
            let labels = Labels(&sample.labels, None);
            line(text, format_args!("{name}_sum{labels} {sum}"));
            line(text, format_args!("{name}_count{labels} {count}"));
        }
    }
}

fn line(text: &mut String, content: std::fmt::Arguments<'_>) {
    writeln!(text, "{content}").expect("a String takes any text");
}

/// `{a="x",b="y"}`, or nothing.
struct Labels<'l>(&'l [(&'static str, String)], Option<f64>);

impl std::fmt::Display for Labels<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut pairs: Vec<String> =
            self.0.iter().map(|(name, value)| format!("{name}=\"{}\"", escape(value))).collect();
        pairs.extend(self.1.map(|quantile| format!("quantile=\"{quantile}\"")));
        if pairs.is_empty() { Ok(()) } else { write!(f, "{{{}}}", pairs.join(",")) }
    }
}

fn escape(value: &str) -> String {
    value.replace('\\', "\\\\").replace('"', "\\\"").replace('\n', "\\n")
}

#[derive(Serialize)]
struct JsonFamily<'f> {
    name: &'f str,
    help: &'f str,
    #[serde(rename = "type")]
    kind: &'static str,
    metric: Vec<JsonMetric<'f>>,
}

#[derive(Serialize)]
struct JsonMetric<'f> {
    label: Vec<JsonLabel<'f>>,
    #[serde(flatten)]
    value: JsonValue,
}

#[derive(Serialize)]
struct JsonLabel<'f> {
    name: &'f str,
    value: &'f str,
}

#[derive(Serialize)]
#[serde(rename_all = "lowercase")]
enum JsonValue {
    Counter {
        value: f64,
    },
    Gauge {
        value: f64,
    },
    #[serde(rename_all = "camelCase")]
    Summary {
        sample_count: String,
        sample_sum: f64,
        quantile: Vec<JsonQuantile>,
    },
}

#[derive(Serialize)]
struct JsonQuantile {
    quantile: f64,
    value: f64,
}

/// A JSON array of families, as the Prometheus protocol buffers look in JSON.
pub(crate) fn as_json(families: &[Family]) -> String {
    let filled = families.iter().filter(|family| !family.samples.is_empty());
    let rows: Vec<JsonFamily<'_>> = filled.map(json_family).collect();
    serde_json::to_string(&rows).expect("plain data becomes JSON")
}

fn json_family(family: &Family) -> JsonFamily<'_> {
    let kind = match family.kind {
        Kind::Counter => "COUNTER",
        Kind::Gauge => "GAUGE",
        Kind::Summary => "SUMMARY",
    };
    let metric = family.samples.iter().map(|sample| json_metric(family.kind, sample)).collect();
    JsonFamily { name: family.name, help: family.help, kind, metric }
}

fn json_metric(kind: Kind, sample: &Sample) -> JsonMetric<'_> {
    let value = match (&sample.value, kind) {
        (Value::Number(value), Kind::Counter) => JsonValue::Counter { value: *value },
        (Value::Number(value), Kind::Gauge | Kind::Summary) => JsonValue::Gauge { value: *value },
        (Value::Summary { count, sum, quantiles }, _) => JsonValue::Summary {
            sample_count: count.to_string(),
            sample_sum: *sum,
            quantile: quantiles
                .iter()
                .map(|(quantile, value)| JsonQuantile { quantile: *quantile, value: *value })
                .collect(),
        },
    };
    let label = sample.labels.iter().map(|(name, value)| JsonLabel { name, value }).collect();
    JsonMetric { label, value }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn families() -> Vec<Family> {
        vec![
            Family::new(Kind::Counter, "ops", "calls").with(&[("device", "a\"b")], 3.0),
            Family::new(Kind::Gauge, "empty", "no values"),
            Family::new(Kind::Summary, "delay", "waits").with_summary(
                &[],
                2,
                0.5,
                vec![(0.9, 0.25)],
            ),
        ]
    }

    #[test]
    fn text() {
        let expected = "# HELP ops calls\n# TYPE ops counter\nops{device=\"a\\\"b\"} 3\n\
                        # HELP delay waits\n# TYPE delay summary\n\
                        delay{quantile=\"0.9\"} 0.25\ndelay_sum 0.5\ndelay_count 2\n";
        assert_eq!(as_text(&families()), expected);
    }

    #[test]
    fn json() {
        let parsed: serde_json::Value = serde_json::from_str(&as_json(&families())).unwrap();
        assert_eq!(parsed[0]["type"], "COUNTER");
        assert_eq!(parsed[0]["metric"][0]["counter"]["value"], 3.0);
        assert_eq!(parsed[0]["metric"][0]["label"][0]["value"], "a\"b");
        assert_eq!(parsed[1]["metric"][0]["summary"]["sampleCount"], "2");
        assert_eq!(parsed[1]["metric"][0]["summary"]["quantile"][0]["value"], 0.25);
    }
}
