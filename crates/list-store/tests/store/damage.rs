//! Files that are not what was written: never believed, never a panic.

use std::fs;
use std::path::{Path, PathBuf};

use list_store::{Ending, Load, Receipt, Repair, Standing, StoreError, Text};

use crate::given::{Outcome, Store, T0, WEEK, resumed, sent, waiting};

const ENTRY_BYTES: usize = 10;

/// A stored list of which two items ended and one was removed, and the bytes of its files.
struct Stored {
    directory: tempfile::TempDir,
}

impl Stored {
    fn new() -> Stored {
        let directory = crate::model::quick_directory();
        let store = Store::open(directory.path()).unwrap();
        let list = sent([1, 2, 3, 4, 5]);
        let receipt = Receipt { epoch: Some(7), ..list.receipt(1) };
        let list = list.put_as(&store, receipt, Standing::Held(Text::from("why"))).unwrap();
        list.ended(&[0, 1, 3].map(|index| Ending { index, outcome: Outcome::Done })).unwrap();
        Stored { directory }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    fn open(&self) -> Result<Store, StoreError> {
        Store::open(self.directory.path())
    }
}

/// Every change of one bit, every change of all bits of a byte, every length, and one byte more.
fn each_damage(path: &Path, mut look: impl FnMut(&str)) {
    let whole = fs::read(path).unwrap();
    for at in 0..whole.len() {
        for change in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
            let mut bytes = whole.clone();
            bytes[at] ^= change;
            fs::write(path, bytes).unwrap();
            look(&format!("byte {at} changed by {change}"));
        }
        fs::write(path, &whole[..at]).unwrap();
        look(&format!("cut to {at} bytes"));
    }
    let mut longer = whole.clone();
    longer.push(0);
    fs::write(path, longer).unwrap();
    look("a byte more");
    fs::write(path, whole).unwrap();
}

fn is_damage(error: &StoreError) -> bool {
    matches!(error, StoreError::Damaged { .. } | StoreError::Version { .. })
}

#[test]
fn no_damage_to_a_list_is_believed() {
    let stored = Stored::new();
    let store = stored.open().unwrap();
    each_damage(&stored.path("trash-1.list"), |damage| match store.load(T0, WEEK, |item| item) {
        Err(error) => assert!(is_damage(&error), "{damage}: {error}"),
        Ok(believed) => panic!("{damage}: {believed:?}"),
    });
    assert_eq!(waiting(&resumed(&store)), [2, 4]);
}

#[test]
fn no_damage_to_the_state_is_believed() {
    let stored = Stored::new();
    each_damage(&stored.path("trash.state"), |damage| match stored.open() {
        Err(error) => assert!(is_damage(&error), "{damage}: {error}"),
        Ok(believed) => panic!("{damage}: {believed:?}"),
    });
    let loaded = resumed(&stored.open().unwrap());
    assert_eq!(loaded.standing, Standing::Held(Text::from("why")));
}

#[test]
fn damage_to_the_progress_makes_items_run_again_and_is_reported() {
    let stored = Stored::new();
    let path = stored.path("trash-1.progress");
    each_damage(&path, |damage| {
        let length = fs::metadata(&path).unwrap().len();
        let loaded = resumed(&stored.open().unwrap());
        let waiting = waiting(&loaded);
        assert!([2, 4].iter().all(|index| waiting.contains(index)), "{damage}: {waiting:?}");
        let whole_cut = damage.starts_with("cut") && length.is_multiple_of(ENTRY_BYTES as u64);
        assert_eq!(loaded.repair.is_none(), whole_cut, "{damage}: {:?}", loaded.repair);
        let lost =
            loaded.repair.unreadable_entries + loaded.repair.cut_bytes.div_ceil(ENTRY_BYTES as u64);
        if damage.starts_with("byte") {
            assert_eq!((lost, waiting.len()), (1, 3), "{damage}");
        }
        let kept = fs::metadata(&path).unwrap().len() + loaded.repair.cut_bytes;
        assert_eq!(kept, length, "{damage}: what is torn is cut off");
    });
}

#[test]
fn an_entry_behind_a_damaged_one_counts() {
    let stored = Stored::new();
    let path = stored.path("trash-1.progress");
    let mut bytes = fs::read(&path).unwrap();
    bytes[ENTRY_BYTES..2 * ENTRY_BYTES].fill(0);
    fs::write(&path, bytes).unwrap();
    let store = stored.open().unwrap();
    let loaded = resumed(&store);
    assert_eq!(waiting(&loaded), [1, 2, 4]);
    let expected = Repair { unreadable_entries: 1, ..Repair::default() };
    assert_eq!(loaded.repair, expected);
    loaded.list.ended(&[Ending { index: 1, outcome: Outcome::TooYoung }]).unwrap();
    let again = resumed(&store);
    assert_eq!(again.ended, [(Outcome::Done, 2), (Outcome::TooYoung, 1)].into());
}

#[test]
fn progress_of_another_list_says_nothing_of_this_one() {
    let stored = Stored::new();
    let store = stored.open().unwrap();
    let progress = fs::read(stored.path("trash-1.progress")).unwrap();
    sent([1, 2, 3, 4, 5]).put(&store).unwrap();
    drop(store);
    fs::write(stored.path("trash-2.progress"), progress).unwrap();
    let loaded = resumed(&stored.open().unwrap());
    assert_eq!(waiting(&loaded), [0, 1, 2, 3, 4]);
    assert_eq!(loaded.repair.cut_bytes, 3 * ENTRY_BYTES as u64);
}

#[test]
fn a_file_that_is_gone_is_not_an_empty_one() {
    let stored = Stored::new();
    fs::remove_file(stored.path("trash-1.progress")).unwrap();
    let loaded = resumed(&stored.open().unwrap());
    assert_eq!(waiting(&loaded), [0, 1, 2, 3, 4]);
    assert!(loaded.repair.file_was_missing);
    drop(loaded);

    let list = fs::read(stored.path("trash-1.list")).unwrap();
    fs::remove_file(stored.path("trash-1.list")).unwrap();
    let error = stored.open().unwrap().load(T0, WEEK, |item| item).unwrap_err();
    assert!(is_damage(&error), "{error}");

    fs::write(stored.path("trash-1.list"), list).unwrap();
    fs::remove_file(stored.path("trash.state")).unwrap();
    assert!(is_damage(&stored.open().unwrap_err()));
}

#[test]
fn the_message_says_where_and_what_to_do() {
    const BLOCK: u64 = 32_768 * 32 + 4;
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open(directory.path()).unwrap();
    sent(0..40_000).put(&store).unwrap();
    let path = directory.path().join("trash-1.list");
    let mut bytes = fs::read(&path).unwrap();
    bytes[2_000_000 - 900_000] ^= 1;
    fs::write(&path, &bytes).unwrap();
    let error = store.load(T0, WEEK, |item| item).unwrap_err();
    let end = 44 + 40_000 * 32 + 8;
    let place = format!("trash-1.list is damaged within its bytes {} to {end}: ", 44 + BLOCK);
    let message = error.to_string();
    assert!(message.contains(&place), "{message}");
    assert!(message.ends_with("send the list again, or start without it"), "{message}");
}

/// The way on after damage: without the list, but not behind the last generation.
#[test]
fn a_damaged_store_can_be_opened_anew() {
    for damaged in ["trash.state", "trash-1.list"] {
        let stored = Stored::new();
        fs::write(stored.path(damaged), b"nonsense").unwrap();
        let store = Store::open_anew(stored.directory.path()).unwrap();
        assert!(matches!(store.load(T0, WEEK, |item| item).unwrap(), Load::Nothing));
        assert_eq!(store.last_generation(), 1);
        assert_eq!(store.last_epoch(), Some(7), "the list and the state both tell it");
        let aside = stored.path(&format!("{damaged}.damaged"));
        assert_eq!(fs::read(aside).unwrap(), b"nonsense");
        sent([6]).put(&store).unwrap();
        drop(store);
        assert_eq!(waiting(&resumed(&stored.open().unwrap())), [0]);
    }
}

/// Wherever it is interrupted, here by a directory in its way, the generation is not forgotten.
#[test]
fn opening_anew_can_be_interrupted() {
    for in_the_way in ["trash.state.damaged", "trash-1.list.damaged", "trash-1.progress.damaged"] {
        let stored = Stored::new();
        fs::write(stored.path("trash.state"), b"nonsense").unwrap();
        fs::create_dir_all(stored.path(in_the_way).join("not-empty")).unwrap();
        let stopped = Store::open_anew(stored.directory.path()).unwrap_err();
        assert!(matches!(stopped, StoreError::Io { .. }), "{stopped}");
        fs::remove_dir_all(stored.path(in_the_way)).unwrap();
        let store = stored.open().or_else(|_damaged| Store::open_anew(stored.directory.path()));
        let store = store.unwrap();
        let known = (store.last_generation(), store.last_epoch());
        assert_eq!(known, (1, Some(7)), "{in_the_way} was in the way");
        assert!(matches!(store.load(T0, WEEK, |item| item).unwrap(), Load::Nothing));
    }
}

#[test]
fn a_store_can_be_opened_anew_twice() {
    let stored = Stored::new();
    for nonsense in [b"nonsense", b"othersen"] {
        fs::write(stored.path("trash.state"), nonsense).unwrap();
        let store = Store::open_anew(stored.directory.path()).unwrap();
        assert_eq!(fs::read(stored.path("trash.state.damaged")).unwrap(), nonsense);
        drop(store);
        stored.open().unwrap();
    }
}

#[test]
fn a_damaged_list_can_be_replaced_or_discarded() {
    let stored = Stored::new();
    fs::write(stored.path("trash-1.list"), b"nonsense").unwrap();
    let store = stored.open().unwrap();
    store.discard().unwrap();
    assert!(matches!(store.load(T0, WEEK, |item| item).unwrap(), Load::Nothing));
    sent([6]).put(&store).unwrap();
    fs::write(stored.path("trash-2.list"), b"nonsense").unwrap();
    sent([7, 8]).put(&store).unwrap();
    assert_eq!(waiting(&resumed(&store)), [0, 1]);
}
