//! What a power loss leaves: the image of a mounted disk is copied, and the copy is mounted.
//!
//! A loop device hands on to its image what the file system has written, and only that; the rest is in memory, and is not
//! in the copy.

use std::fs::{self, File};
use std::io::Write;

use keep_rules::BlockHash;
use list_store::{Ending, Standing, Text};
use testkit::mounted::{Mounted, run, text};

use crate::given::{Outcome, Store, resumed, sent, waiting};

/// A disk in use. The fields are dropped in this order: the mount, then the directory that it is in.
struct Machine {
    disk: Mounted,
    directory: tempfile::TempDir,
}

impl Machine {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        let (image, point) = (directory.path().join("image"), directory.path().join("disk"));
        std::fs::create_dir(&point).unwrap();
        std::fs::File::create(&image).unwrap().set_len(64 << 20).unwrap();
        run("mkfs.ext4", &["-q", "-F", text(&image)]);
        let disk = Mounted::image(&image, &point);
        Machine { disk, directory }
    }

    /// Looks at the store as the power loss of this moment leaves it.
    fn after_power_loss(&self, look: impl FnOnce(&Store)) {
        let at = |name: &str| self.directory.path().join(name);
        run("cp", &["--sparse=always", text(&at("image")), text(&at("copy"))]);
        let point = at("survivor");
        std::fs::create_dir_all(&point).unwrap();
        let disk = Mounted::image(&at("copy"), &point);
        look(&Store::open(disk.path()).unwrap());
    }
}

#[test]
fn a_list_that_was_stored_survives_and_one_that_arrives_does_not_matter() {
    let machine = Machine::new();
    let store = Store::open(machine.disk.path()).unwrap();
    for generation in 1..4 {
        let list = sent(0..generation * 20_000);
        list.put(&store).unwrap();
        let mut draft = store.begin().unwrap();
        for (hash, request) in list.items.iter().chain(&list.items) {
            draft.push(*hash, *request).unwrap();
        }
        machine.after_power_loss(|store| {
            assert_eq!(store.last_generation(), u64::from(generation));
            assert_eq!(resumed(store).waiting.len(), list.items.len());
        });
    }
}

#[test]
fn orders_and_synced_progress_survive() {
    let machine = Machine::new();
    let store = Store::open(machine.disk.path()).unwrap();
    let list = sent(0..10).put(&store).unwrap();
    list.ended(&[3, 4].map(|index| Ending { index, outcome: Outcome::TooYoung })).unwrap();
    list.sync().unwrap();
    list.remove(&[BlockHash::from_bytes(5_u128.to_be_bytes())]).unwrap();
    list.hold(Text::from("why")).unwrap();
    machine.after_power_loss(|store| {
        let loaded = resumed(store);
        assert_eq!(waiting(&loaded), [0, 1, 2, 6, 7, 8, 9]);
        assert_eq!(loaded.standing, Standing::Held(Text::from("why")));
    });
    store.discard().unwrap();
    machine.after_power_loss(|store| assert_eq!(store.last_generation(), 1));
}

/// A process was killed when a new state had its name, and was not synced under it. Who repeats the order is told that it
/// is carried out, although nothing is written: so it must be safe.
#[test]
fn what_a_killed_process_left_is_made_safe_before_it_is_built_on() {
    let machine = Machine::new();
    let state = machine.disk.path().join("trash.state");
    let held = || Standing::Held(Text::from("why"));
    let store = Store::open(machine.disk.path()).unwrap();
    let list = sent(0..10).put(&store).unwrap();
    list.hold(Text::from("why")).unwrap();
    let says_held = fs::read(&state).unwrap();
    list.release().unwrap();
    drop((list, store));
    // As the order to hold it writes it, but for the last sync.
    let new = machine.disk.path().join("new");
    let mut file = File::create(&new).unwrap();
    file.write_all(&says_held).unwrap();
    file.sync_all().unwrap();
    fs::rename(&new, &state).unwrap();
    machine.after_power_loss(|store| assert_eq!(resumed(store).standing, Standing::Released));

    let store = Store::open(machine.disk.path()).unwrap();
    let loaded = resumed(&store);
    assert_eq!(loaded.standing, held());
    loaded.list.hold(Text::from("why")).unwrap();
    machine.after_power_loss(|store| assert_eq!(resumed(store).standing, held()));
}

/// The counter-proof: what is not synced is lost here, so the tests above can fail. It does no harm.
#[test]
fn progress_that_was_not_synced_is_run_again() {
    let machine = Machine::new();
    let store = Store::open(machine.disk.path()).unwrap();
    let list = sent(0..10).put(&store).unwrap();
    list.ended(&[Ending { index: 3, outcome: Outcome::Done }]).unwrap();
    machine.after_power_loss(|store| {
        let loaded = resumed(store);
        assert_eq!(waiting(&loaded).len(), 10);
        assert!(loaded.repair.is_none());
    });
}
