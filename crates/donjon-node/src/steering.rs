//! What operators set at run time: freeze, pause, workers, rates. It stays so after restarts.

use std::io;
use std::path::{Path, PathBuf};

use keep_protocol::status::{Freeze, ListName, ListSettings, Origin, Setting, SettingsChange};
use keep_rules::Timestamp;
use serde::{Deserialize, Serialize};
use tokio::sync::{Mutex, watch};

use crate::state_file;

/// The file in the state directory.
const FILE: &str = "settings.json";

/// What a node leaves beside its settings: where one of these is, settings were.
const BESIDE: [&str; 3] = ["trash.state", "pull.state", "ledger"];

/// Workers of one list, at most.
pub(crate) const WORKERS_MAX: u64 = 1_000;

/// What has been set. Absent: the configuration counts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct Steered {
    pub(crate) freeze: Option<Frozen>,
    pub(crate) trash: ListSteering,
    pub(crate) pull: ListSteering,
}

/// Trashing and emptying are stopped.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Frozen {
    since_ns: i64,
    reason: String,
}

/// What has been set for one list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub(crate) struct ListSteering {
    pub(crate) workers: Option<u64>,
    pub(crate) items_per_second: Option<u64>,
    pub(crate) bytes_per_second: Option<u64>,
    pub(crate) paused: bool,
}

impl Steered {
    /// What has been set for this list.
    pub(crate) fn of(&self, list: ListName) -> &ListSteering {
        match list {
            ListName::Trash => &self.trash,
            ListName::Pull => &self.pull,
        }
    }

    fn of_mut(&mut self, list: ListName) -> &mut ListSteering {
        match list {
            ListName::Trash => &mut self.trash,
            ListName::Pull => &mut self.pull,
        }
    }

    /// Frozen, if there is a doubt. A freeze that is in force stays, and its reason says both.
    fn in_doubt(mut self, doubt: Option<&str>, now: Timestamp) -> Steered {
        let Some(doubt) = doubt else { return self };
        tracing::error!(
            reason = doubt,
            "frozen: look, then lift the freeze with `donjon unfreeze`"
        );
        self.freeze = Some(match self.freeze.take() {
            None => Frozen { since_ns: now.as_nanos(), reason: doubt.to_owned() },
            Some(frozen) if frozen.reason.contains(doubt) => frozen,
            Some(Frozen { since_ns, reason }) => {
                Frozen { since_ns, reason: format!("{doubt}; before that: {reason}") }
            }
        });
        self
    }

    /// As the API shows it.
    pub(crate) fn freeze(&self) -> Freeze {
        match &self.freeze {
            None => Freeze::default(),
            Some(Frozen { since_ns, reason }) => {
                Freeze { frozen: true, since_ns: Some(*since_ns), reason: Some(reason.clone()) }
            }
        }
    }
}

impl ListSteering {
    /// The settings in force, given what the configuration says.
    pub(crate) fn settings(&self, configured_workers: u64) -> ListSettings {
        let set = |value: Option<u64>, configured| match value {
            Some(value) => Setting { value: Some(value), origin: Origin::Runtime },
            None => Setting { value: configured, origin: Origin::Config },
        };
        ListSettings {
            workers: set(self.workers, Some(configured_workers)),
            items_per_second: set(self.items_per_second, None),
            bytes_per_second: set(self.bytes_per_second, None),
            paused: self.paused,
        }
    }
}

/// A setting that cannot be used.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "workers: {given} is too many; give a number from 0 to {WORKERS_MAX}, or null for the configuration's"
)]
pub(crate) struct TooManyWorkers {
    given: u64,
}

/// The settings of a node. Readers see a change as a whole. What stops something is in force at once and then written;
/// everything else is written first.
#[derive(Debug)]
pub(crate) struct Steering {
    now: watch::Sender<Steered>,
    file: Option<PathBuf>,
    changing: Mutex<()>,
}

impl Steering {
    /// Reads the settings of a state directory. Without one, what is set is gone with the process.
    ///
    /// `doubt` says why the node must begin frozen, if it must; the first settings that are ever written then say so.
    /// Settings that cannot be read, or are missing beside other state, may have said "frozen": then the node is frozen
    /// too, and says why. To be opened before anything else makes files in the directory. Blocks.
    pub(crate) fn open(dir: Option<&Path>, doubt: Option<&str>, now: Timestamp) -> Steering {
        let steered = match dir.map(|dir| (dir, read(dir))) {
            None => Steered::default().in_doubt(doubt, now),
            Some((dir, Ok(found))) => begin(dir, found, doubt, now),
            // The file stays as it is, for people to look at.
            Some((_dir, Err(problem))) => {
                let problem = format!(
                    "the node's settings cannot be read ({problem}); unfreeze to start with new ones"
                );
                Steered::default().in_doubt(Some(&problem), now)
            }
        };
        let file = dir.map(|dir| dir.join(FILE));
        Steering { now: watch::Sender::new(steered), file, changing: Mutex::default() }
    }

    /// Freezes a node that does not serve yet. Blocks.
    ///
    /// # Errors
    /// It is frozen, and is not so on the disk.
    pub(crate) fn begin_frozen(&self, doubt: &str, now: Timestamp) -> io::Result<()> {
        let steered = self.now().in_doubt(Some(doubt), now);
        self.now.send_replace(steered.clone());
        match &self.file {
            None => Ok(()),
            Some(file) => state_file::write(file, &text(&steered)),
        }
    }

    /// The settings.
    pub(crate) fn now(&self) -> Steered {
        self.now.borrow().clone()
    }

    /// Whether trashing and emptying are stopped.
    pub(crate) fn is_frozen(&self) -> bool {
        self.now.borrow().freeze.is_some()
    }

    /// To be told of changes.
    pub(crate) fn watch(&self) -> watch::Receiver<Steered> {
        self.now.subscribe()
    }

    /// Stops trashing and emptying, at once. A freeze that is in force stays as it is, but for its reason.
    ///
    /// # Errors
    /// It is in force, and is not on the disk: a restart forgets it.
    pub(crate) async fn freeze(&self, reason: String, now: Timestamp) -> io::Result<()> {
        self.stop(|steered| {
            let since_ns = steered.freeze.as_ref().map_or(now.as_nanos(), |frozen| frozen.since_ns);
            steered.freeze = Some(Frozen { since_ns, reason: reason.clone() });
        })
        .await
    }

    /// Lets trashing and emptying go on.
    pub(crate) async fn unfreeze(&self) -> io::Result<()> {
        self.change(|steered| steered.freeze = None).await
    }

    /// Pauses a list, at once.
    ///
    /// # Errors
    /// It is paused, and that is not on the disk: a restart forgets it.
    pub(crate) async fn pause(&self, list: ListName) -> io::Result<()> {
        self.stop(|steered| steered.of_mut(list).paused = true).await
    }

    /// Lets a list go on.
    pub(crate) async fn resume(&self, list: ListName) -> io::Result<()> {
        self.change(|steered| steered.of_mut(list).paused = false).await
    }

    /// Changes the settings of a list. The caller has checked them.
    pub(crate) async fn set(&self, list: ListName, change: &SettingsChange) -> io::Result<()> {
        self.change(|steered| {
            let list = steered.of_mut(list);
            let rate = |value: Option<u64>| value.filter(|rate| *rate > 0);
            if let Some(workers) = change.workers {
                list.workers = workers;
            }
            if let Some(items) = change.items_per_second {
                list.items_per_second = rate(items);
            }
            if let Some(bytes) = change.bytes_per_second {
                list.bytes_per_second = rate(bytes);
            }
        })
        .await
    }

    /// On the disk first; then everybody sees it. Made anew on what counts then: a stop may have come meanwhile.
    async fn change(&self, change: impl Fn(&mut Steered)) -> io::Result<()> {
        let _turn = self.changing.lock().await;
        let mut steered = self.now();
        change(&mut steered);
        self.write(&steered).await?;
        self.now.send_modify(change);
        Ok(())
    }

    /// Everybody sees it first, even while another change is on its way to the disk; then it is written.
    async fn stop(&self, stop: impl Fn(&mut Steered)) -> io::Result<()> {
        self.now.send_modify(&stop);
        let _turn = self.changing.lock().await;
        // A change before this one may have lifted it.
        self.now.send_modify(&stop);
        self.write(&self.now()).await
    }

    async fn write(&self, steered: &Steered) -> io::Result<()> {
        let Some(file) = self.file.clone() else { return Ok(()) };
        let text = text(steered);
        tokio::task::spawn_blocking(move || state_file::write(&file, &text))
            .await
            .expect("writing does not panic")
    }
}

fn text(steered: &Steered) -> Vec<u8> {
    serde_json::to_vec_pretty(steered).expect("plain data becomes JSON")
}

/// Checks a change before anything is done.
pub(crate) fn check(change: &SettingsChange) -> Result<(), TooManyWorkers> {
    match change.workers.flatten() {
        Some(given) if given > WORKERS_MAX => Err(TooManyWorkers { given }),
        _usable => Ok(()),
    }
}

/// Whether a directory holds settings, or something that may have been some.
pub(crate) fn holds_state(dir: &Path) -> bool {
    !matches!(read(dir), Ok(None))
}

/// Whether the settings in a state directory say frozen, or cannot be read and so may have said it.
pub(crate) fn says_frozen(dir: &Path) -> bool {
    match read(dir) {
        Ok(None) => false,
        Ok(Some(steered)) => steered.freeze.is_some(),
        Err(_unreadable) => true,
    }
}

/// What counts from now on. It is on the disk before anything else is: the absence of settings beside other state means
/// something, and state without settings is new state at the next start too.
fn begin(dir: &Path, found: Option<Steered>, doubt: Option<&str>, now: Timestamp) -> Steered {
    let steered = found.clone().unwrap_or_default().in_doubt(doubt, now);
    if found.as_ref() == Some(&steered) {
        return steered;
    }
    match state_file::write(&dir.join(FILE), &text(&steered)) {
        Ok(()) => steered,
        Err(error) => {
            let problem = format!("the node's settings cannot be written ({error})");
            steered.in_doubt(Some(&problem), now)
        }
    }
}

/// `None` in a directory without any state.
fn read(dir: &Path) -> Result<Option<Steered>, String> {
    match std::fs::read(dir.join(FILE)) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            let beside = BESIDE.into_iter().find(|name| dir.join(name).exists());
            beside.map_or(Ok(None), |name| Err(format!("{FILE} is gone, {name} is there")))
        }
        Err(error) => Err(error.to_string()),
        Ok(text) => serde_json::from_slice(&text).map(Some).map_err(|error| error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    use std::time::Duration;

    use super::*;

    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);

    #[tokio::test]
    async fn what_was_set_is_there_after_a_restart() {
        let dir = tempfile::tempdir().unwrap();
        let steering = Steering::open(Some(dir.path()), None, NOW);
        steering.freeze("wrong delete".into(), NOW).await.unwrap();
        steering.pause(ListName::Pull).await.unwrap();
        let change = SettingsChange {
            workers: Some(Some(9)),
            items_per_second: Some(Some(0)),
            ..Default::default()
        };
        steering.set(ListName::Trash, &change).await.unwrap();
        let after = Steering::open(Some(dir.path()), None, NOW.after(Duration::from_secs(5)));
        assert_eq!(after.now(), steering.now());
        assert!(after.is_frozen() && after.now().pull.paused);
        assert_eq!(
            after.now().trash.settings(4).workers,
            Setting { value: Some(9), origin: Origin::Runtime }
        );
        assert_eq!(after.now().trash.settings(4).items_per_second, Setting::default());
        after
            .set(ListName::Trash, &SettingsChange { workers: Some(None), ..Default::default() })
            .await
            .unwrap();
        after.unfreeze().await.unwrap();
        let last = Steering::open(Some(dir.path()), None, NOW);
        assert!(!last.is_frozen());
        assert_eq!(
            last.now().trash.settings(4).workers,
            Setting { value: Some(4), origin: Origin::Config }
        );
    }

    #[test]
    fn settings_that_cannot_be_read_freeze_the_node() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), "{ torn").unwrap();
        let steering = Steering::open(Some(dir.path()), None, NOW);
        assert!(steering.is_frozen());
        assert!(steering.now().freeze().reason.unwrap().contains("cannot be read"));
    }

    #[test]
    fn settings_that_are_gone_beside_other_state_freeze_the_node() {
        let dir = tempfile::tempdir().unwrap();
        assert!(!Steering::open(Some(dir.path()), None, NOW).is_frozen());
        std::fs::create_dir(dir.path().join("ledger")).unwrap();
        assert!(!Steering::open(Some(dir.path()), None, NOW).is_frozen(), "they are on the disk");
        std::fs::remove_file(dir.path().join(FILE)).unwrap();
        assert!(says_frozen(dir.path()));
        assert!(Steering::open(Some(dir.path()), None, NOW).is_frozen());
    }

    #[test]
    fn the_first_settings_of_a_node_in_doubt_say_frozen() {
        let dir = tempfile::tempdir().unwrap();
        let first = Steering::open(Some(dir.path()), Some("a volume is missing"), NOW);
        assert_eq!(first.now().freeze().reason.unwrap(), "a volume is missing");
        assert!(says_frozen(dir.path()), "on the disk before anything else");
        assert_eq!(Steering::open(Some(dir.path()), None, NOW).now(), first.now());
    }

    #[tokio::test]
    async fn a_doubt_does_not_hide_the_reason_of_a_freeze() {
        let dir = tempfile::tempdir().unwrap();
        let steering = Steering::open(Some(dir.path()), None, NOW);
        steering.freeze("wrong delete".into(), NOW).await.unwrap();
        for _start in 0..2 {
            let later = NOW.after(Duration::from_secs(5));
            let after = Steering::open(Some(dir.path()), Some("two states"), later).now().freeze();
            assert_eq!(after.reason.unwrap(), "two states; before that: wrong delete");
            assert_eq!(after.since_ns, Some(NOW.as_nanos()));
        }
    }

    #[test]
    fn settings_that_cannot_be_written_freeze_the_node() {
        let dir = tempfile::tempdir().unwrap();
        // A directory is in the place of the new file.
        std::fs::create_dir(dir.path().join("settings.new")).unwrap();
        let steering = Steering::open(Some(dir.path()), None, NOW);
        assert!(steering.now().freeze().reason.unwrap().contains("cannot be written"));
    }

    #[test]
    fn a_damaged_key_is_not_taken_for_an_absent_one() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join(FILE), r#"{"freese":{"since_ns":1,"reason":""}}"#).unwrap();
        assert!(Steering::open(Some(dir.path()), None, NOW).is_frozen());
    }

    #[tokio::test]
    async fn a_stop_that_cannot_be_written_is_in_force_and_a_go_that_cannot_be_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let gone = dir.path().join("gone");
        std::fs::create_dir(&gone).unwrap();
        let steering = Steering::open(Some(&gone), None, NOW);
        std::fs::remove_dir_all(&gone).unwrap();
        steering.freeze("wrong delete".into(), NOW).await.unwrap_err();
        steering.pause(ListName::Trash).await.unwrap_err();
        assert!(steering.is_frozen() && steering.now().trash.paused);
        steering.unfreeze().await.unwrap_err();
        steering.resume(ListName::Trash).await.unwrap_err();
        assert!(steering.is_frozen() && steering.now().trash.paused);
    }

    #[test]
    fn too_many_workers_are_refused() {
        let change = SettingsChange { workers: Some(Some(WORKERS_MAX + 1)), ..Default::default() };
        assert!(check(&change).is_err());
        assert!(check(&SettingsChange::default()).is_ok());
    }
}
