//! Watching a list until it is worked off.

use std::time::Duration;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use keep_protocol::status::{ListName, ListState, ListStatus};
use tokio::time::MissedTickBehavior;

use super::books::{Books, BooksReader};
use crate::failure::Failure;

/// How often to look: often enough for a moving bar, seldom enough to cost the node nothing.
const LOOK_EVERY: Duration = Duration::from_millis(200);

/// How watching a list ended.
#[derive(Debug)]
pub(super) enum Ended {
    /// Nothing waits and nothing runs.
    WorkedOff(Books),
    /// A newer list took its place.
    Replaced(Books),
}

/// Looks at the list until it is worked off, or another one is there. Fails if it is not being worked off.
pub(super) async fn follow(reader: &BooksReader, list: ListName) -> Result<Ended, Failure> {
    let bar = Bar::new(list);
    let mut watched = None;
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let books = reader.read(list).await?;
        bar.show(&books);
        if books.unfinished() == 0 {
            return Ok(Ended::WorkedOff(books));
        }
        let Books::Full(status) = &books else { continue };
        if *watched.get_or_insert(status.generation) != status.generation {
            return Ok(Ended::Replaced(books));
        }
        // The guard ends its count by itself.
        if status.state == ListState::Checking {
            continue;
        }
        if let (Some(why), 0) = (&status.idle_because, status.running) {
            return Err(Failure::Other(format!("the {list} list is not worked off: {why}")));
        }
    }
}

/// A progress bar on stderr, if that is a terminal; it takes itself away at the end.
pub(crate) struct Bar {
    bar: ProgressBar,
}

impl Bar {
    pub(crate) fn new(list: ListName) -> Self {
        let style =
            ProgressStyle::with_template("{prefix:>5} {bar:30} {pos}/{len}  {msg}  {elapsed}")
                .expect("the template is well-formed");
        let bar = ProgressBar::with_draw_target(Some(0), ProgressDrawTarget::stderr());
        bar.set_style(style);
        bar.set_prefix(list.as_str());
        Bar { bar }
    }

    pub(crate) fn show_status(&self, status: &ListStatus) {
        let (skipped, failed): (u64, u64) =
            (status.skipped.values().sum(), status.failed.values().sum());
        self.bar.set_length(status.received);
        self.bar.set_position(status.received.saturating_sub(status.waiting + status.running));
        self.bar.set_message(format!(
            "done {}, skipped {skipped}, failed {failed}, running {}",
            status.done, status.running
        ));
    }

    fn show(&self, books: &Books) {
        match books {
            Books::Full(status) => self.show_status(status),
            Books::Gauges(gauges) => {
                let unfinished = books.unfinished();
                // The longest that was seen stands for the list: a plain keepstore does not tell its length.
                let length = self.bar.length().unwrap_or(0).max(unfinished);
                self.bar.set_length(length);
                self.bar.set_position(length - unfinished);
                self.bar.set_message(format!("running {}", gauges.running));
            }
        }
    }
}

impl Drop for Bar {
    fn drop(&mut self) {
        self.bar.finish_and_clear();
    }
}
