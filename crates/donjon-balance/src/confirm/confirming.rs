//! Counted, then written.

use std::num::NonZeroUsize;
use std::sync::Arc;

use futures_util::stream;
use keep_rules::Timestamp;
use tokio::sync::mpsc;

use crate::confirm::{Counting, Enrolled, Listed, Roll, RollError, fewest_copies};
use crate::join::JoinError;
use crate::observe::Observed;
use crate::postgres::{ConfirmError, ConfirmPass, Confirmed, ConfirmedUpdate, Database};
use crate::progress::Progress;
use crate::settings::Settings;

/// Updates between the thread that reads the roll and the session: enough for one question to the database.
const READ_AHEAD: usize = 1000;

/// Why confirmed columns were not written, or not all.
#[derive(Debug, thiserror::Error)]
pub enum ConfirmingError {
    /// The facts cannot be read.
    #[error(transparent)]
    Join(#[from] JoinError),
    /// The collections cannot be read.
    #[error(transparent)]
    Roll(#[from] RollError),
    /// The database.
    #[error(transparent)]
    Database(#[from] ConfirmError),
    /// A thread of ours ended badly.
    #[error("counting copies ended badly: {0}")]
    Thread(String),
}

/// Counts the copies of the collections that were taken note of, and writes what differs into `database`, at `at`.
/// Collections that were modified since the run began are left out (W11).
///
/// # Errors
/// [`ConfirmingError`]. What was committed until then stays; the next run writes the rest.
pub async fn confirm(
    observed: Observed,
    enrolled: Enrolled,
    database: &Database,
    settings: &Settings,
    progress: Arc<dyn Progress>,
    at: Timestamp,
) -> Result<Confirmed, ConfirmingError> {
    let pass = ConfirmPass { at, modified_before: observed.started, limit: settings.update_limit };
    let threads = NonZeroUsize::new(settings.threads).unwrap_or(NonZeroUsize::MIN);
    let Enrolled { roll, members } = enrolled;
    let counting = tokio::task::spawn_blocking(move || {
        let of = Counting {
            layout: &observed.layout,
            book: &observed.book,
            facts: &observed.facts,
            members: &members,
            collections: roll.collections(),
        };
        let fewest = fewest_copies(of, threads, &*progress)?;
        Ok::<_, JoinError>((fewest, roll))
    });
    let (fewest, roll) =
        counting.await.map_err(|error| ConfirmingError::Thread(error.to_string()))??;
    let (sender, mut receiver) = mpsc::channel(READ_AHEAD);
    let reading = tokio::task::spawn_blocking(move || updates(roll, &fewest, &sender));
    let updates = stream::poll_fn(|context| receiver.poll_recv(context));
    let written = database.update_confirmed(updates, pass).await;
    // Whoever still reads ends now.
    drop(receiver);
    let read = reading.await.map_err(|error| ConfirmingError::Thread(error.to_string()))?;
    let confirmed = written?;
    read?;
    Ok(confirmed)
}

/// Sends what is to be written, until nobody takes it any more.
fn updates(
    roll: Roll,
    fewest: &[u32],
    to: &mpsc::Sender<ConfirmedUpdate>,
) -> Result<(), RollError> {
    let mut listed = roll.read()?;
    for fewest in fewest {
        let Some(listed) = listed.next_listed()? else {
            break;
        };
        if to.blocking_send(update(listed, *fewest)).is_err() {
            break;
        }
    }
    Ok(())
}

/// What is written of a collection whose block with the fewest copies has so many.
pub(super) fn update(listed: Listed, fewest: u32) -> ConfirmedUpdate {
    let Listed { uuid, modified_at, portable_data_hash, copies, classes } = listed;
    let confirmed = fewest.min(copies);
    ConfirmedUpdate {
        uuid,
        modified_at,
        portable_data_hash,
        // What is wanted came from a column of this type, or from the configuration, which allows a thousand.
        replication_confirmed: i32::try_from(confirmed).unwrap_or(i32::MAX),
        storage_classes_confirmed: if confirmed > 0 { classes } else { Vec::new() },
    }
}
