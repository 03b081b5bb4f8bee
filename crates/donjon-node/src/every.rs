//! What is done now and then.

use std::time::Duration;

use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

/// Does `work` once a period, for the first time after one, until `stopping` changes. What is late is not made up for.
/// What is at work then is dropped.
pub(crate) async fn every<F: Future<Output = ()>>(
    period: Duration,
    stopping: &mut watch::Receiver<()>,
    work: impl Fn() -> F,
) {
    let mut ticks = interval_at(Instant::now() + period, period);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let working = async {
        loop {
            ticks.tick().await;
            work().await;
        }
    };
    tokio::select! {
        () = working => {}
        _stop = stopping.changed() => {}
    }
}
