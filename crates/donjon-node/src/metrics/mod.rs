//! Metrics, with the names and labels of the Go program (spec section 9) and Donjon's own beside them.
//!
//! Own code instead of a client library: the kept ones cannot write the Go names (counters without `_total`, summaries
//! without buckets), nor the JSON form. `docs/decisions/dependencies.md` says more.

mod counts;
mod export;
mod family;
mod requests;
mod window;

pub(crate) use counts::Metrics;
pub(crate) use counts::priority_label;
pub(crate) use export::families;
pub(crate) use family::{Family, Kind, as_json, as_text};
pub(crate) use requests::RequestMetrics;
pub(crate) use window::Window;
