//! The node's sign of life: when it was last at work, for the next start to know how long it was away.
//!
//! What the last process left is read before this one leaves a sign of its own. And as long as a trash list that was
//! found then could come to be gone on with after the next start as if nothing had happened, the sign says so.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keep_rules::Timestamp;
use keep_rules::absence::LastSign;
use tokio::sync::watch;

use crate::every::every;
use crate::lists::beat;
use crate::node::Node;
use crate::state_file;

/// The file in the state directory: nanoseconds since 1970 and a newline, or [`IN_DOUBT`].
const FILE: &str = "alive";

/// What is in the file, and a newline, while the trash list is in doubt. To a version that does not know it, the sign is
/// unreadable: it holds the list too.
const IN_DOUBT: &str = "in doubt";

/// More than any number of nanoseconds: the file is not read further.
const BYTES_MAX: u64 = 64;

/// How often a sign is left.
const PERIOD: Duration = Duration::from_secs(30);

/// Where the signs of life of a node are.
#[derive(Clone, Debug)]
pub(crate) struct Life(Arc<Inner>);

#[derive(Debug)]
struct Inner {
    file: PathBuf,
    in_doubt: Mutex<Option<InDoubt>>,
    /// Held while a sign is written: a disk that hangs has one of them in hand.
    writing: Mutex<LastWrite>,
}

/// Why the next start must not believe what is on the disk of the trash list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum InDoubt {
    /// It could not be read, or not be made current. Until another list is current.
    NotCurrent,
    /// The list of this id is held, and that is not on the disk. Until an order about it is, or another list is current.
    NotHeld(u64),
}

/// What became of the last sign: a failure is said once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum LastWrite {
    Done,
    Failed,
}

impl Life {
    /// Nothing is read or written yet.
    pub(crate) fn in_dir(state_dir: &Path) -> Life {
        let (in_doubt, writing) = (Mutex::new(None), Mutex::new(LastWrite::Done));
        Life(Arc::new(Inner { file: state_dir.join(FILE), in_doubt, writing }))
    }

    /// The last sign of life. Blocks.
    pub(crate) fn last(&self) -> LastSign {
        match read(&self.0.file) {
            Ok(sign) => sign,
            Err(error) if error.kind() == ErrorKind::NotFound => LastSign::Missing,
            Err(error) => {
                let path = self.0.file.display();
                tracing::error!(%path, %error, "cannot read the node's last sign of life");
                LastSign::Unreadable
            }
        }
    }

    /// From now on signs of life say that the trash list is in doubt.
    pub(crate) fn doubt(&self, why: InDoubt) {
        *self.0.in_doubt.lock().unwrap_or_else(PoisonError::into_inner) = Some(why);
    }

    /// An order about the list of this id is on the disk. Whether it was in doubt.
    fn settle(&self, id: u64) -> bool {
        let mut in_doubt = self.0.in_doubt.lock().unwrap_or_else(PoisonError::into_inner);
        in_doubt.take_if(|why| *why == InDoubt::NotHeld(id)).is_some()
    }

    /// Whether the trash list is in doubt while this is the id of the current one.
    fn is_in_doubt(&self, current_id: u64) -> bool {
        let in_doubt = *self.0.in_doubt.lock().unwrap_or_else(PoisonError::into_inner);
        in_doubt.is_some_and(|why| match why {
            InDoubt::NotCurrent => current_id == 0,
            InDoubt::NotHeld(id) => current_id == id,
        })
    }

    fn leave(&self, now: Timestamp, current_id: u64) {
        let mut last = self.0.writing.lock().unwrap_or_else(PoisonError::into_inner);
        // Looked at here, so that a sign that waited for its turn does not say what is over.
        let sign = if self.is_in_doubt(current_id) { IN_DOUBT.to_owned() } else { now.to_string() };
        let written = state_file::write(&self.0.file, format!("{sign}\n").as_bytes());
        match (&written, *last) {
            (Err(error), LastWrite::Done) => tracing::error!(
                %error,
                "cannot leave a sign of life: after the next start a trash list may be held"
            ),
            (Ok(()), LastWrite::Failed) => tracing::info!("signs of life can be left again"),
            (Ok(()), LastWrite::Done) | (Err(_), LastWrite::Failed) => {}
        }
        *last = if written.is_ok() { LastWrite::Done } else { LastWrite::Failed };
    }
}

fn read(file: &Path) -> io::Result<LastSign> {
    let mut text = String::new();
    File::open(file)?.take(BYTES_MAX).read_to_string(&mut text)?;
    let sign = text.trim_end();
    if sign == IN_DOUBT {
        return Ok(LastSign::InDoubt);
    }
    let nanos = sign.parse().map_err(|error| io::Error::new(ErrorKind::InvalidData, error))?;
    Ok(LastSign::At(Timestamp::from_nanos(nanos)))
}

/// Leaves the last sign of life on the disk, if the node has a place for it: the time now could be behind an absence that
/// nobody has found yet. One that cannot be written is said, and stops nothing.
pub(crate) async fn leave_sign(node: &Node) {
    let Some(life) = node.life.clone() else { return };
    let (now, current_id) = (node.pulse.last().at, node.trash_list.current_id());
    let leaving = tokio::task::spawn_blocking(move || life.leave(now, current_id));
    leaving.await.expect("leaving a sign of life does not panic");
}

/// An order about the trash list of this id, which says what becomes of all of it, is on the disk: if it was in doubt, it
/// is not any more, and a sign of life says so at once.
pub(crate) async fn settle(node: &Node, id: u64) {
    if node.life.as_ref().is_some_and(|life| life.settle(id)) {
        leave_sign(node).await;
    }
}

async fn note(node: &Arc<Node>) {
    beat(node);
    leave_sign(node).await;
}

/// Leaves a sign of life now and then until `stopping` changes, and a last one then.
pub(crate) async fn run(node: Arc<Node>, mut stopping: watch::Receiver<()>) {
    every(PERIOD, &mut stopping, || note(&node)).await;
    note(&node).await;
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[test]
    fn a_sign_of_life_comes_back() {
        let dir = tempfile::tempdir().unwrap();
        let life = Life::in_dir(dir.path());
        assert_eq!(life.last(), LastSign::Missing);
        life.leave(NOW, 0);
        assert_eq!(Life::in_dir(dir.path()).last(), LastSign::At(NOW));
        life.leave(NOW.after(PERIOD), 0);
        assert_eq!(life.last(), LastSign::At(NOW.after(PERIOD)));
    }

    #[test]
    fn a_sign_says_that_the_list_is_in_doubt_until_it_is_settled_or_another_is_current() {
        let dir = tempfile::tempdir().unwrap();
        let life = Life::in_dir(dir.path());
        let left = |current_id| {
            life.leave(NOW, current_id);
            life.last()
        };
        life.doubt(InDoubt::NotHeld(7));
        assert_eq!((left(7), left(8)), (LastSign::InDoubt, LastSign::At(NOW)));
        assert!(!life.settle(8));
        assert_eq!(left(7), LastSign::InDoubt);
        assert!(life.settle(7) && !life.settle(7));
        assert_eq!(left(7), LastSign::At(NOW));
        life.doubt(InDoubt::NotCurrent);
        assert!(!life.settle(0));
        assert_eq!((left(0), left(1)), (LastSign::InDoubt, LastSign::At(NOW)));
    }

    #[test]
    fn what_is_no_instant_is_no_sign() {
        let dir = tempfile::tempdir().unwrap();
        let life = Life::in_dir(dir.path());
        let endless = "1".repeat(1 << 20);
        for text in ["", "\n", "now", "in", "in doubt?", "1 2", "99999999999999999999999", &endless]
        {
            std::fs::write(dir.path().join(FILE), text).unwrap();
            assert_eq!(life.last(), LastSign::Unreadable, "{text:.40}");
        }
        std::fs::write(dir.path().join(FILE), [0xff; 8]).unwrap();
        assert_eq!(life.last(), LastSign::Unreadable);
    }

    #[test]
    fn a_sign_that_cannot_be_left_or_read_stops_nothing() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join(FILE)).unwrap();
        let life = Life::in_dir(dir.path());
        life.leave(NOW, 0);
        assert_eq!(*life.0.writing.lock().unwrap(), LastWrite::Failed);
        assert_eq!(life.last(), LastSign::Unreadable);
        std::fs::remove_dir(dir.path().join(FILE)).unwrap();
        life.leave(NOW, 0);
        assert_eq!(*life.0.writing.lock().unwrap(), LastWrite::Done);
    }
}
