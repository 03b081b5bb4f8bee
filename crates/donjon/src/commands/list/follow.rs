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

/// What one look at the books says of the list that is watched.
#[derive(Debug, PartialEq, Eq)]
enum Seen {
    /// Look again.
    Unfinished,
    WorkedOff,
    Replaced,
    /// Nothing is begun until an operator does something: why.
    Stuck(String),
}

/// Looks at a list until it is worked off, or another one is there. Fails if it is not being worked off.
///
/// `sent` is the list to watch, by the id in its receipt; without it, the first one that is seen.
pub(super) async fn follow(
    reader: &BooksReader,
    list: ListName,
    sent: Option<u64>,
) -> Result<Ended, Failure> {
    let bar = Bar::new(list);
    let mut watched = sent;
    let mut ticks = tokio::time::interval(LOOK_EVERY);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    loop {
        ticks.tick().await;
        let books = reader.read(list).await?;
        bar.show(&books);
        match seen(&books, &mut watched) {
            Seen::Unfinished => {}
            Seen::WorkedOff => return Ok(Ended::WorkedOff(books)),
            Seen::Replaced => return Ok(Ended::Replaced(books)),
            Seen::Stuck(why) => {
                return Err(Failure::Other(format!("the {list} list is not worked off: {why}")));
            }
        }
    }
}

/// Whose books these are comes first: that a newer list is empty says nothing of the one that is watched.
fn seen(books: &Books, watched: &mut Option<u64>) -> Seen {
    if let Books::Full(status) = books
        && *watched.get_or_insert(status.generation) != status.generation
    {
        return Seen::Replaced;
    }
    if books.unfinished() == 0 {
        return Seen::WorkedOff;
    }
    match books {
        // The guard ends its count by itself.
        Books::Full(status) if status.state == ListState::Checking => Seen::Unfinished,
        Books::Full(status) if status.running == 0 => {
            status.idle_because.clone().map_or(Seen::Unfinished, Seen::Stuck)
        }
        Books::Full(_) | Books::Gauges(_) => Seen::Unfinished,
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

#[cfg(test)]
mod tests {
    use super::super::books::Gauges;
    use super::*;

    fn books(generation: u64, waiting: u64) -> Books {
        let status = ListStatus { generation, waiting, ..ListStatus::none(ListName::Trash) };
        Books::Full(Box::new(status))
    }

    #[test]
    fn the_list_that_was_sent_is_the_one_that_is_watched() {
        let mut watched = Some(7);
        assert_eq!(seen(&books(7, 3), &mut watched), Seen::Unfinished);
        assert_eq!(seen(&books(7, 0), &mut watched), Seen::WorkedOff);
    }

    #[test]
    fn another_list_is_not_taken_for_the_one_that_was_sent() {
        // It came before the first look, and it is empty.
        assert_eq!(seen(&books(8, 0), &mut Some(7)), Seen::Replaced);
        assert_eq!(seen(&books(8, 3), &mut Some(7)), Seen::Replaced);
    }

    #[test]
    fn without_an_id_the_first_list_that_is_seen_is_watched() {
        let mut watched = None;
        assert_eq!(seen(&books(7, 3), &mut watched), Seen::Unfinished);
        assert_eq!(seen(&books(8, 0), &mut watched), Seen::Replaced);
    }

    #[test]
    fn a_list_that_nobody_works_on_is_stuck_but_one_that_is_counted_is_not() {
        let waiting = |state| {
            let idle_because = Some("why".to_owned());
            let status =
                ListStatus { waiting: 3, state, idle_because, ..ListStatus::none(ListName::Trash) };
            Books::Full(Box::new(status))
        };
        assert_eq!(seen(&waiting(ListState::Paused), &mut Some(0)), Seen::Stuck("why".to_owned()));
        assert_eq!(seen(&waiting(ListState::Checking), &mut Some(0)), Seen::Unfinished);
    }

    #[test]
    fn the_gauges_of_a_plain_keepstore_only_tell_how_much_is_left() {
        let gauges = |waiting| Books::Gauges(Gauges { list: ListName::Pull, waiting, running: 0 });
        assert_eq!(seen(&gauges(1), &mut None), Seen::Unfinished);
        assert_eq!(seen(&gauges(0), &mut None), Seen::WorkedOff);
    }
}
