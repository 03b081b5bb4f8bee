//! The one clock of the campaign: the same that the node reads, for they run on one machine.

use std::time::{SystemTime, UNIX_EPOCH};

use crate::books::Nanos;

/// Nanoseconds since 1970.
pub(crate) fn now() -> Nanos {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).expect("the clock stands after 1970");
    Nanos::try_from(since.as_nanos()).expect("the clock stands before 2262")
}
