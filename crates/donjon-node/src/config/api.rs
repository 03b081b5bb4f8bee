//! How many requests are served, and for how long: the section `API`.

use std::num::NonZeroUsize;
use std::time::Duration;

use super::duration::DURATION_MAX;
use super::report::Report;
use super::section::{OtherKeys, Section};

/// More than this of anything counted is a slip of the pen.
pub(super) const COUNT_MAX: usize = 1_000_000;

/// Limits on requests.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ApiLimits {
    /// `MaxConcurrentRequests`: requests that run at once. `None` (0 in the file): any number.
    pub max_concurrent_requests: Option<NonZeroUsize>,
    /// `MaxQueuedRequests`: requests that may wait for their turn; beyond it the answer is 503.
    pub max_queued_requests: usize,
    /// `RequestTimeout`: after this a request is given up. `None` (0 in the file): never.
    pub request_timeout: Option<Duration>,
    /// `MaxKeepBlobBuffers`: requests that move block data at once. At least one; 0 is a mistake, as in Go.
    pub max_keep_blob_buffers: NonZeroUsize,
}

impl ApiLimits {
    pub(super) fn read(cluster: &mut Section<'_>, report: &mut Report) -> Self {
        let mut api = cluster.section("API", report);
        api.known_unused(&["KeepServiceRequestTimeout"]);
        let buffers = api.number("MaxKeepBlobBuffers", 128, 1..=COUNT_MAX, report);
        let timeout = api.duration(
            "RequestTimeout",
            Duration::from_secs(300),
            Duration::ZERO..=DURATION_MAX,
            report,
        );
        let limits = ApiLimits {
            max_concurrent_requests: NonZeroUsize::new(api.number(
                "MaxConcurrentRequests",
                64,
                0..=COUNT_MAX,
                report,
            )),
            max_queued_requests: api.number("MaxQueuedRequests", 128, 0..=COUNT_MAX, report),
            request_timeout: (!timeout.is_zero()).then_some(timeout),
            max_keep_blob_buffers: NonZeroUsize::new(buffers).unwrap_or(NonZeroUsize::MIN),
        };
        api.close(OtherKeys::ForOtherPrograms, report);
        limits
    }
}
