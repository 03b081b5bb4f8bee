//! How long requests take.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use http::Method;

use super::{Family, Kind};

/// Durations of requests, by status and method.
#[derive(Debug, Default)]
pub(crate) struct RequestMetrics(Mutex<BTreeMap<(u16, &'static str), Sums>>);

#[derive(Clone, Copy, Debug, Default)]
struct Sums {
    count: u64,
    total: f64,
    to_status: f64,
}

impl RequestMetrics {
    /// Notes a request that has ended.
    pub(crate) fn record(
        &self,
        method: &Method,
        status: u16,
        total: Duration,
        to_status: Duration,
    ) {
        let mut rows = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let sums = rows.entry((status, label(method))).or_default();
        sums.count += 1;
        sums.total += total.as_secs_f64();
        sums.to_status += to_status.as_secs_f64();
    }

    pub(crate) fn families(&self) -> [Family; 2] {
        let mut total =
            Family::new(Kind::Summary, "request_duration_seconds", "Summary of request duration.");
        let mut to_status = Family::new(
            Kind::Summary,
            "time_to_status_seconds",
            "Summary of request time-to-status.",
        );
        for ((status, method), sums) in self.0.lock().unwrap_or_else(PoisonError::into_inner).iter()
        {
            let code = status.to_string();
            // The two metrics name the method of TOUCH differently in the Go program (spec section 9).
            let known = if *method == "touch" { "unknown" } else { method };
            total = total.with_summary(
                &[("code", &code), ("method", known)],
                sums.count,
                sums.total,
                Vec::new(),
            );
            to_status = to_status.with_summary(
                &[("code", &code), ("method", method)],
                sums.count,
                sums.to_status,
                Vec::new(),
            );
        }
        [total, to_status]
    }
}

/// A bounded set of labels: clients cannot invent methods.
fn label(method: &Method) -> &'static str {
    match method.as_str() {
        "GET" => "get",
        "HEAD" => "head",
        "PUT" => "put",
        "DELETE" => "delete",
        "OPTIONS" => "options",
        "POST" => "post",
        "TOUCH" => "touch",
        _other => "unknown",
    }
}
