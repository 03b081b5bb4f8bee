//! The node's sign of life: when it was last at work, for the next start to know how long it was away.
//!
//! What the last process left is read before this one leaves a sign of its own. And as long as a trash list that was
//! found then could come to be gone on with after the next start as if nothing had happened, none is left.

use std::fs::File;
use std::io::{self, ErrorKind, Read as _};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use keep_rules::Timestamp;
use keep_rules::absence::LastSign;
use tokio::sync::watch;
use tokio::time::{Instant, MissedTickBehavior, interval_at};

use crate::node::Node;
use crate::state_file;

/// The file in the state directory: nanoseconds since 1970 and a newline.
const FILE: &str = "alive";

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
    /// The trash list, by its id, whose doubt is not on the disk. While it is the current one, no sign is left.
    in_doubt: OnceLock<u64>,
    /// Held while a sign is written: a disk that hangs has one of them in hand.
    writing: Mutex<LastWrite>,
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
        let (in_doubt, writing) = (OnceLock::new(), Mutex::new(LastWrite::Done));
        Life(Arc::new(Inner { file: state_dir.join(FILE), in_doubt, writing }))
    }

    /// The last sign of life. Blocks.
    pub(crate) fn last(&self) -> LastSign {
        match read(&self.0.file) {
            Ok(at) => LastSign::At(at),
            Err(error) if error.kind() == ErrorKind::NotFound => LastSign::Missing,
            Err(error) => {
                let path = self.0.file.display();
                tracing::error!(%path, %error, "cannot read the node's last sign of life");
                LastSign::Unreadable
            }
        }
    }

    /// Leaves no sign of life while this trash list, by its id, is the current one.
    pub(crate) fn wait_for_another_list_than(&self, id: u64) {
        // Lists are resumed once.
        self.0.in_doubt.get_or_init(|| id);
    }

    fn leave(&self, now: Timestamp) {
        let mut last = self.0.writing.lock().unwrap_or_else(PoisonError::into_inner);
        let written = state_file::write(&self.0.file, format!("{now}\n").as_bytes());
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

fn read(file: &Path) -> io::Result<Timestamp> {
    let mut text = String::new();
    File::open(file)?.take(BYTES_MAX).read_to_string(&mut text)?;
    let nanos =
        text.trim_end().parse().map_err(|error| io::Error::new(ErrorKind::InvalidData, error));
    nanos.map(Timestamp::from_nanos)
}

/// Leaves a sign of life, if the node has a place for it. One that cannot be written is said, and stops nothing.
pub(crate) async fn leave_sign(node: &Node) {
    let Some(life) = node.life.clone() else { return };
    if life.0.in_doubt.get() == Some(&node.trash_list.current_id()) {
        return;
    }
    let now = node.clock.now();
    let leaving = tokio::task::spawn_blocking(move || life.leave(now));
    leaving.await.expect("leaving a sign of life does not panic");
}

/// Leaves a sign of life now and then until `stopping` changes, and a last one then.
pub(crate) async fn run(node: Arc<Node>, mut stopping: watch::Receiver<()>) {
    let mut ticks = interval_at(Instant::now() + PERIOD, PERIOD);
    ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
    let living = async {
        loop {
            ticks.tick().await;
            leave_sign(&node).await;
        }
    };
    tokio::select! {
        () = living => {}
        _stop = stopping.changed() => {}
    }
    leave_sign(&node).await;
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
        life.leave(NOW);
        assert_eq!(Life::in_dir(dir.path()).last(), LastSign::At(NOW));
        life.leave(NOW.after(PERIOD));
        assert_eq!(life.last(), LastSign::At(NOW.after(PERIOD)));
    }

    #[test]
    fn what_is_no_instant_is_no_sign() {
        let dir = tempfile::tempdir().unwrap();
        let life = Life::in_dir(dir.path());
        let endless = "1".repeat(1 << 20);
        for text in ["", "\n", "now", "1 2", "99999999999999999999999", &endless] {
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
        life.leave(NOW);
        assert_eq!(*life.0.writing.lock().unwrap(), LastWrite::Failed);
        assert_eq!(life.last(), LastSign::Unreadable);
        std::fs::remove_dir(dir.path().join(FILE)).unwrap();
        life.leave(NOW);
        assert_eq!(*life.0.writing.lock().unwrap(), LastWrite::Done);
    }
}
