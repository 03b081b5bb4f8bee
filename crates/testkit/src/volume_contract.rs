//! The contract of [`Volume`] as a suite: one function per promise, named after it.
//!
//! A back end is done when [`check_all`] passes. Every function gets an empty volume and panics if the promise is broken.

mod emptying;
mod exclusion;
mod indexing;
mod reading;
mod trashing;
mod writing;

pub use emptying::*;
pub use exclusion::*;
pub use indexing::*;
pub use reading::*;
pub use trashing::*;
pub use writing::*;

use keep_rules::{HashPrefix, Timestamp};
use keep_volume::{Error, IndexEntry, Volume};

/// Some instants, with nanoseconds that a careless back end would lose.
pub(crate) const T0: Timestamp = Timestamp::from_nanos(1_700_000_000_123_456_789);
pub(crate) const T1: Timestamp = Timestamp::from_nanos(1_700_000_001_123_456_788);
pub(crate) const T2: Timestamp = Timestamp::from_nanos(1_700_000_002_987_654_321);
pub(crate) const LATER: Timestamp = Timestamp::from_seconds(1_800_000_000);

/// Checks every promise, each on a volume of its own that `make` makes: empty, with room for several blocks.
pub async fn check_all<V: Volume>(make: impl AsyncFn() -> V) {
    macro_rules! check {
        ($($promise:ident),+ $(,)?) => {
            $($promise(&make().await).await;)+
        };
    }
    check!(
        a_committed_block_can_be_read,
        the_empty_block_is_stored_like_any_other,
        the_largest_block_streams_in_and_out,
        a_block_longer_than_the_largest_is_refused,
        an_uncommitted_block_is_absent,
        a_dropped_writer_leaves_nothing_behind,
        a_commit_sets_the_mtime_to_the_nanosecond,
        a_commit_replaces_the_copy_that_was_there,
        a_writer_reads_back_what_was_written,
        a_second_commit_panics,
        calls_and_bytes_are_counted,
        an_absent_block_is_not_found,
        a_reader_fills_the_buffer_that_it_is_given,
        an_open_reader_sees_the_copy_that_was_there,
        a_touch_sets_the_mtime,
        a_healthy_volume_passes_its_check,
        trash_takes_only_the_copy_that_was_decided_on,
        a_touched_block_is_not_trashed,
        a_trashed_block_is_absent,
        a_deleted_block_cannot_be_brought_back,
        untrash_brings_back_the_latest_copy,
        untrash_renews_the_mtime,
        untrash_never_overwrites_a_live_copy,
        two_copies_with_one_deadline_both_stay,
        emptying_deletes_what_is_past_its_deadline,
        emptying_leaves_live_copies_alone,
        each_emptied_copy_is_reported,
        emptying_stops_when_it_is_halted,
        emptying_deletes_nothing_once_it_is_halted,
        the_trashed_copies_of_a_block_are_shown,
        a_block_without_trashed_copies_is_no_error,
        an_index_is_sorted_and_complete,
        an_index_lists_only_its_prefix,
        an_index_lists_nothing_that_is_written_or_trashed,
        a_tally_counts_what_an_index_lists,
        concurrent_commits_leave_one_whole_copy,
        touch_and_trash_never_both_win,
        a_rewritten_copy_is_never_trashed,
        concurrent_untrashes_restore_one_copy,
        a_copy_is_untrashed_or_emptied,
    );
}

pub(crate) fn nanos_after(time: Timestamp, nanos: i64) -> Timestamp {
    Timestamp::from_nanos(time.as_nanos() + nanos)
}

/// The whole listing of a prefix.
pub(crate) async fn list(volume: &dyn Volume, prefix: &str) -> Vec<IndexEntry> {
    let prefix: HashPrefix = prefix.parse().expect("a prefix");
    let mut cursor = volume.index(prefix).await.expect("an index begins");
    let mut entries = Vec::new();
    while let Some(more) = cursor.next().await.expect("an index goes on") {
        assert!(!more.is_empty(), "a batch of an index is never empty");
        entries.extend(more);
    }
    assert!(cursor.strange().is_empty(), "{:?}", cursor.strange());
    entries
}

#[track_caller]
pub(crate) fn assert_absent<T>(outcome: Result<T, Error>) {
    match outcome {
        Err(Error::NotFound) => {}
        Err(other) => panic!("expected that the block is not found, got: {other:?}"),
        Ok(_found) => panic!("expected that the block is not found, but it was"),
    }
}
