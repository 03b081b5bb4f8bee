//! What is promised, case by case.

use std::io::Read as _;

use keep_manifest::PortableDataHash;

use super::*;

use crate::disk::{Fails, Failure};
use crate::entry::{Standing, Wanted};
use crate::scan::Scan;

mod intrusion; // two writers, one of which has lost its directory
mod model; // any course of things, with the power going out at every step

const TTL: Duration = Duration::from_secs(1000);
const HOUR: u64 = 3600;
/// A quarter of the TTL, which is shorter than four hours.
const MARGIN: u64 = 250;

fn at(seconds: u64) -> Timestamp {
    Timestamp::from_seconds(1_700_000_000 + i64::try_from(seconds).unwrap())
}

fn manifest(content: u8) -> String {
    format!(". {content:02x}bd18db4cc2f85cedef654fccc4a4d8+3 0:3:file\n")
}

fn publication(name: &str, seconds: u64, existing: Existing) -> Publication {
    Publication {
        name: name.parse().unwrap(),
        wanted: Wanted::default(),
        files: 1,
        data_bytes: 3,
        at: at(seconds),
        ttl: TTL,
        existing,
    }
}

/// A reference that a balancer sees: its collection's name, whether that is there still, and the content.
type Reference = (String, bool, String);

/// All of them: what still protects its blocks.
fn seen(dir: &Path, now: Timestamp) -> Result<Vec<Reference>, StoreError> {
    seen_with(dir, now, TTL)
}

/// The same for a balancer with this TTL.
fn seen_with(dir: &Path, now: Timestamp, ttl: Duration) -> Result<Vec<Reference>, StoreError> {
    let scan = Scan::open(dir)?;
    let mut all = Vec::new();
    for entry in scan.entries().to_vec() {
        if entry.standing(now, ttl) == Standing::Over {
            continue;
        }
        let mut text = String::new();
        let mut source = scan.manifest(&entry)?;
        source.read_to_string(&mut text).unwrap();
        scan.check(&entry, source)?;
        all.push((entry.name.to_string(), entry.is_live(), text));
    }
    scan.finish()?;
    all.sort();
    Ok(all)
}

#[test]
fn a_collection_is_published_removed_and_brought_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), at(0)).unwrap();
    let published =
        store.publish(publication("a", 1, Existing::Refuse), manifest(1).as_bytes()).unwrap();
    assert_eq!(published.pdh, PortableDataHash::of(manifest(1).as_bytes()));
    let name = "a".parse().unwrap();
    store.remove(&name, at(2), TTL).unwrap();
    assert!(store.catalog().live("a").is_none());
    assert_eq!(seen(dir.path(), at(2)).unwrap().len(), 1, "still a reference");
    assert_eq!(seen(dir.path(), at(3 + 1000 + MARGIN)).unwrap().len(), 0);
    store.restore(&name, at(3), TTL).unwrap();
    assert!(store.catalog().live("a").is_some());
    assert!(matches!(store.restore(&name, at(3), TTL), Err(StoreError::Exists { .. })));
}

#[test]
fn another_content_is_refused_or_replaces_and_the_old_one_stays_a_reference() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), at(0)).unwrap();
    store.publish(publication("a", 1, Existing::Refuse), manifest(1).as_bytes()).unwrap();
    let again = store.publish(publication("a", 2, Existing::Refuse), manifest(2).as_bytes());
    assert!(matches!(again, Err(StoreError::Exists { .. })));
    store.publish(publication("a", 2, Existing::Refuse), manifest(1).as_bytes()).unwrap();
    store.publish(publication("a", 3, Existing::Replace), manifest(2).as_bytes()).unwrap();
    let texts: Vec<String> =
        seen(dir.path(), at(3)).unwrap().into_iter().map(|(_, _, text)| text).collect();
    assert!(texts.contains(&manifest(1)) && texts.contains(&manifest(2)), "{texts:?}");
    assert_eq!(
        seen(dir.path(), at(4 + 1000 + MARGIN)).unwrap(),
        [("a".to_owned(), true, manifest(2))]
    );
}

/// How many manifests there are, named or not.
fn manifests(dir: &Path) -> usize {
    fs::read_dir(dir.join("manifests")).unwrap().count()
}

#[test]
fn what_was_removed_is_erased_when_two_clocks_say_that_its_time_is_long_over() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), at(0)).unwrap();
    store.publish(publication("a", 1, Existing::Refuse), manifest(1).as_bytes()).unwrap();
    store.publish(publication("b", 1, Existing::Refuse), manifest(2).as_bytes()).unwrap();
    store.remove(&"a".parse().unwrap(), at(2), TTL).unwrap();
    let over = 2 + 1000 + MARGIN;
    let long_over = over + 24 * HOUR;
    assert_eq!(store.sweep(at(long_over), TTL).unwrap(), 0, "the catalog's clock is another");
    store.publish(publication("c", over, Existing::Refuse), manifest(3).as_bytes()).unwrap();
    assert_eq!(store.sweep(at(long_over), TTL).unwrap(), 0);
    store.remove(&"c".parse().unwrap(), at(long_over), TTL).unwrap();
    assert_eq!(store.sweep(at(long_over - 1), TTL).unwrap(), 0, "our clock is another");
    assert_eq!(store.sweep(at(long_over), Duration::from_secs(5000)).unwrap(), 0);
    assert_eq!(manifests(dir.path()), 3);
    assert_eq!(store.sweep(at(long_over), TTL).unwrap(), 1);
    assert_eq!(store.sweep(at(long_over), TTL).unwrap(), 0);
    assert_eq!(manifests(dir.path()), 2);
    assert_eq!(seen(dir.path(), at(long_over)).unwrap().len(), 2);
}

#[test]
fn a_clock_that_went_back_shortens_no_protection() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), at(0)).unwrap();
    for name in ["a", "b"] {
        store
            .publish(publication(name, 100_000, Existing::Refuse), manifest(1).as_bytes())
            .unwrap();
    }
    assert_eq!(store.remove(&"a".parse().unwrap(), at(5), TTL).unwrap(), at(100_000));
    store.publish(publication("b", 5, Existing::Replace), manifest(2).as_bytes()).unwrap();
    let removed: Vec<_> =
        store.catalog().entries.iter().filter_map(|entry| entry.removed_at).collect();
    assert_eq!(removed, [at(100_000).as_nanos(), at(100_000).as_nanos()]);
}

#[test]
fn what_is_there_already_is_not_published_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), at(0)).unwrap();
    let mut publish = |seconds, replication| {
        let wanted = Wanted { replication, classes: Vec::new() };
        let publication = Publication { wanted, ..publication("a", seconds, Existing::Refuse) };
        store.publish(publication, manifest(1).as_bytes()).unwrap()
    };
    let first = publish(1, None);
    assert_eq!(first.change, Change::Added);
    assert_eq!(publish(2, None), Published { change: Change::Nothing, ..first.clone() });
    let more = publish(3, Some(3));
    assert_eq!((more.change, more.generation), (Change::Rewished, first.generation + 1));
    let entries = &store.catalog().entries;
    assert_eq!((entries.len(), entries[0].wanted.replication), (1, Some(3)));
    assert_eq!(manifests(dir.path()), 1);
}

#[test]
fn the_same_content_heals_a_lost_or_damaged_manifest_under_any_name() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), at(0)).unwrap();
    for name in ["live", "removed", "other"] {
        let content = u8::from(name == "other");
        store
            .publish(publication(name, 1, Existing::Refuse), manifest(content).as_bytes())
            .unwrap();
    }
    store.remove(&"removed".parse().unwrap(), at(2), TTL).unwrap();
    let file = |number: usize| {
        dir.path().join("manifests").join(&Catalog::load(dir.path()).unwrap().entries[number].file)
    };
    fs::remove_file(file(0)).unwrap();
    fs::write(file(1), "damaged").unwrap();
    let error = seen(dir.path(), at(3)).unwrap_err().to_string();
    assert!(error.contains("\"live\" is gone") && !error.contains("--give-up"), "{error}");
    let healed =
        store.publish(publication("new", 3, Existing::Refuse), manifest(0).as_bytes()).unwrap();
    assert_eq!((healed.healed, healed.change), (2, Change::Added));
    assert_eq!(seen(dir.path(), at(3)).unwrap().len(), 4);
    // Also where nothing else changes.
    fs::remove_file(file(0)).unwrap();
    let healed =
        store.publish(publication("live", 4, Existing::Refuse), manifest(0).as_bytes()).unwrap();
    assert_eq!((healed.healed, healed.change), (1, Change::Nothing));
    assert_eq!(seen(dir.path(), at(4)).unwrap().len(), 4);
}

#[test]
fn only_what_was_removed_and_is_lost_can_be_given_up() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), at(0)).unwrap();
    let name: CollectionName = "a".parse().unwrap();
    store.publish(publication("a", 1, Existing::Refuse), manifest(1).as_bytes()).unwrap();
    let file = dir.path().join("manifests").join(&store.catalog().entries[0].file);
    let text = fs::read(&file).unwrap();
    let refused = |store: &mut Store| {
        let given_up = store.give_up(&name, at(3));
        matches!(given_up, Err(StoreError::NothingToGiveUp { .. }))
    };
    fs::remove_file(&file).unwrap();
    assert!(refused(&mut store), "it is live");
    store.remove(&name, at(2), TTL).unwrap();
    fs::write(&file, &text).unwrap();
    assert!(refused(&mut store), "its manifest is good");
    fs::write(&file, "damaged").unwrap();
    let error = seen(dir.path(), at(3)).unwrap_err().to_string();
    assert!(error.contains("is damaged") && error.contains("--give-up \"a\""), "{error}");
    assert!(matches!(store.restore(&name, at(3), TTL), Err(StoreError::OtherManifest { .. })));
    assert_eq!(store.give_up(&name, at(3)).unwrap(), 1);
    assert_eq!(seen(dir.path(), at(3)).unwrap(), []);
    assert!(refused(&mut store), "it is gone");
}

#[test]
fn an_old_copy_of_the_catalog_is_found_before_anything_is_erased() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), at(0)).unwrap();
    store.publish(publication("a", 1, Existing::Refuse), manifest(1).as_bytes()).unwrap();
    let old = fs::read(dir.path().join("catalog")).unwrap();
    for name in ["b", "c"] {
        store.publish(publication(name, 2, Existing::Refuse), manifest(2).as_bytes()).unwrap();
    }
    drop(store);
    let new = fs::read(dir.path().join("catalog")).unwrap();
    fs::write(dir.path().join("catalog"), old).unwrap();
    assert!(matches!(Scan::open(dir.path()), Err(StoreError::Old { .. })));
    assert!(matches!(Store::open(dir.path(), at(3)), Err(StoreError::Old { .. })));
    assert_eq!(manifests(dir.path()), 3);
    fs::write(dir.path().join("catalog"), new).unwrap();
    assert_eq!(seen(dir.path(), at(3)).unwrap().len(), 3);
}

#[test]
fn what_is_no_manifest_is_not_published() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), at(0)).unwrap();
    let published = store.publish(publication("a", 1, Existing::Refuse), &b"no manifest\n"[..]);
    assert!(matches!(published, Err(StoreError::Manifest { .. })));
    assert_eq!(store.catalog().entries.len(), 0);
    assert_eq!(fs::read_dir(dir.path().join("manifests")).unwrap().count(), 0);
}

#[test]
fn an_absent_half_mounted_or_half_restored_directory_is_an_error() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store");
    assert!(matches!(Scan::open(&path), Err(StoreError::NoCatalog { .. })));
    fs::create_dir(&path).unwrap();
    assert!(matches!(Scan::open(&path), Err(StoreError::NoCatalog { .. })), "not mounted");
    let mut store = Store::open(&path, at(0)).unwrap();
    for name in ["a", "b"] {
        store.publish(publication(name, 1, Existing::Refuse), manifest(1).as_bytes()).unwrap();
    }
    let file = path.join("manifests").join(&store.catalog().entries[1].file);
    let text = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    assert!(matches!(seen(&path, at(1)), Err(StoreError::ManifestGone { .. })));
    fs::write(&file, &text[..text.len() - 1]).unwrap();
    assert!(matches!(seen(&path, at(1)), Err(StoreError::OtherManifest { .. })));
    fs::write(&file, &text).unwrap();
    assert_eq!(seen(&path, at(1)).unwrap().len(), 2);
    fs::remove_file(path.join("catalog")).unwrap();
    drop(store);
    assert!(matches!(Scan::open(&path), Err(StoreError::NoCatalog { .. })));
    assert!(matches!(Store::open(&path, at(2)), Err(StoreError::NotEmpty { .. })));
}

#[test]
fn a_scan_sees_one_moment_however_much_changes_meanwhile() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), at(0)).unwrap();
    store.publish(publication("a", 1, Existing::Refuse), manifest(1).as_bytes()).unwrap();
    let scan = Scan::open(dir.path()).unwrap();
    for (name, content) in [("b", 2), ("a", 3), ("a", 4)] {
        store
            .publish(publication(name, 2, Existing::Replace), manifest(content).as_bytes())
            .unwrap();
        store.sweep(at(2), TTL).unwrap();
    }
    store.remove(&"a".parse().unwrap(), at(3), TTL).unwrap();
    let [entry] = scan.entries() else { panic!("{:?}", scan.entries()) };
    scan.check(entry, scan.manifest(entry).unwrap()).unwrap();
    assert_eq!(scan.finish().unwrap().generation, 2);
}

#[test]
fn a_directory_that_was_replaced_during_a_scan_is_noticed() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), at(0)).unwrap();
    let old = fs::read(dir.path().join("catalog")).unwrap();
    store.publish(publication("a", 1, Existing::Refuse), manifest(1).as_bytes()).unwrap();
    let scan = Scan::open(dir.path()).unwrap();
    fs::write(dir.path().join("catalog"), old).unwrap();
    assert!(matches!(scan.finish(), Err(StoreError::Changed { .. })));
}

#[test]
fn every_flipped_byte_and_every_cut_of_a_catalog_is_found() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), at(0)).unwrap();
    store.publish(publication("a", 1, Existing::Refuse), manifest(1).as_bytes()).unwrap();
    let path = dir.path().join("catalog");
    let said = |text: &[u8]| {
        fs::write(&path, text).unwrap();
        Catalog::load(dir.path()).unwrap_err().to_string()
    };
    assert!(said(b"").contains("line 1: it is empty"));
    assert!(
        said(b"{\"format\":1,}\n").contains("line 1: byte 13: "),
        "{}",
        said(b"{\"format\":1,}\n")
    );
    store.publish(publication("b", 1, Existing::Refuse), manifest(1).as_bytes()).unwrap();
    let whole = fs::read(&path).unwrap();
    for place in 0..whole.len() {
        let mut damaged = whole.clone();
        damaged[place] ^= 1;
        fs::write(&path, &damaged).unwrap();
        assert!(Catalog::load(dir.path()).is_err(), "byte {place}");
        fs::write(&path, &whole[..place]).unwrap();
        assert!(Catalog::load(dir.path()).is_err(), "cut at {place}");
    }
}

/// The name of the new catalog was there, making it durable failed, and so did reading it: its manifest was deleted.
#[test]
fn a_manifest_that_a_catalog_in_doubt_may_name_is_kept() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), at(0)).unwrap();
    let names = |after| {
        // Five steps place the manifest, and five the catalog; the last two of these come after the rename.
        store.disk.failure.set(Some(Failure { after, of: Fails::OneChangeAndReads }));
        let name = format!("n{after}");
        let publication = publication(&name, 1, Existing::Refuse);
        store.publish(publication, manifest(1).as_bytes()).unwrap_err();
        let refused = store.remove(&name.parse().unwrap(), at(2), TTL).unwrap_err().to_string();
        assert!(refused.contains("cannot be read again"), "{refused}");
        store.disk.failure.set(None);
        seen(dir.path(), at(1)).unwrap().into_iter().map(|(name, ..)| name).collect::<Vec<_>>()
    };
    let found: Vec<_> = [8, 9].map(names).into();
    assert_eq!(found, [vec!["n8"], vec!["n8", "n9"]]);
    // The writer goes on from what the disk has.
    store.publish(publication("last", 1, Existing::Refuse), manifest(2).as_bytes()).unwrap();
    assert_eq!(seen(dir.path(), at(1)).unwrap().len(), 3);
}

#[test]
fn a_writer_whose_directory_was_replaced_writes_no_more() {
    let dir = tempfile::tempdir().unwrap();
    let mut first = Store::open(dir.path(), at(0)).unwrap();
    fs::remove_file(dir.path().join("lock")).unwrap();
    let mut second = Store::open(dir.path(), at(1)).unwrap();
    second.publish(publication("b", 2, Existing::Refuse), manifest(2).as_bytes()).unwrap();
    let late = first.publish(publication("a", 3, Existing::Refuse), manifest(1).as_bytes());
    assert!(matches!(late, Err(StoreError::Changed { .. })), "{late:?}");
    assert_eq!(seen(dir.path(), at(4)).unwrap(), [("b".to_owned(), true, manifest(2))]);
}

/// What the blocks of a collection that was removed with one TTL are protected for, seen with another, and how long it can be
/// brought back: in seconds.
#[track_caller]
fn check_ends(then: u64, today: u64, protected: u64, undo: u64) {
    let seconds = Duration::from_secs;
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), at(0)).unwrap();
    let name: CollectionName = "a".parse().unwrap();
    store.publish(publication("a", 1, Existing::Refuse), manifest(1).as_bytes()).unwrap();
    store.remove(&name, at(10), seconds(then)).unwrap();
    let there = |second| seen_with(dir.path(), at(10 + second), seconds(today)).unwrap().len();
    assert_eq!([there(protected - 1), there(protected)], [1, 0]);
    let late = store.restore(&name, at(10 + undo), seconds(today));
    assert!(matches!(late, Err(StoreError::NoSuchName { .. })), "{late:?}");
    store.restore(&name, at(10 + undo - 1), seconds(today)).unwrap();
    assert_eq!(seen_with(dir.path(), at(10 + 100 * protected), seconds(today)).unwrap().len(), 1);
}

#[test]
fn a_protection_is_the_longer_and_an_undo_the_shorter_of_then_and_today() {
    check_ends(1000, 1000, 1250, 1000);
    check_ends(1000, 5000, 6250, 1000);
    check_ends(5000, 1000, 6250, 1000);
    let day = 24 * HOUR;
    check_ends(14 * day, day, 14 * day + HOUR, day);
    check_ends(day, 14 * day, 14 * day + HOUR, day);
    check_ends(4 * HOUR, 4 * HOUR, 5 * HOUR, 4 * HOUR);
    check_ends(1, 3600, 4500, 1);
}

/// It did not say until when it is protected.
#[test]
fn a_catalog_of_format_1_is_read_and_reckoned_by_the_ttl_of_today() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), at(0)).unwrap();
    let name: CollectionName = "a".parse().unwrap();
    store.publish(publication("a", 1, Existing::Refuse), manifest(1).as_bytes()).unwrap();
    store.remove(&name, at(10), Duration::from_secs(5000)).unwrap();
    drop(store);
    let path = dir.path().join("catalog");
    let new = fs::read_to_string(&path).unwrap();
    let promised = format!(",\"protected_until\":{}", at(10 + 6250).as_nanos());
    let old = new.replace("\"format\":2", "\"format\":1").replace(&promised, "");
    assert_eq!(old.len(), new.len() - promised.len());
    let body = &old[..old.trim_end().rfind('\n').unwrap() + 1];
    let sum: String = {
        use sha2::Digest as _;
        sha2::Sha256::digest(body).iter().map(|byte| format!("{byte:02x}")).collect()
    };
    fs::write(&path, format!("{body}{{\"sha256\":\"{sum}\"}}\n")).unwrap();
    assert_eq!(seen(dir.path(), at(10 + 1249)).unwrap().len(), 1);
    assert_eq!(seen(dir.path(), at(10 + 1250)).unwrap().len(), 0);
    let mut store = Store::open(dir.path(), at(11)).unwrap();
    store.restore(&name, at(10 + 999), TTL).unwrap();
    fs::write(&path, new.replace("\"format\":2", "\"format\":3")).unwrap();
    let refused = Catalog::load(dir.path()).unwrap_err().to_string();
    assert!(refused.contains("has format 3; this version reads 1 and 2"), "{refused}");
}

#[test]
fn only_the_one_that_was_removed_last_can_be_brought_back_and_only_if_its_name_is_free() {
    let dir = tempfile::tempdir().unwrap();
    let mut store = Store::open(dir.path(), at(0)).unwrap();
    let name: CollectionName = "a".parse().unwrap();
    let restorable =
        |store: &Store, now| store.catalog().restorable(now, TTL).get(&name).map(|entry| entry.pdh);
    store.publish(publication("a", 1, Existing::Refuse), manifest(1).as_bytes()).unwrap();
    let new = publication("a", 2, Existing::Replace);
    let new = store.publish(new, manifest(2).as_bytes()).unwrap().pdh;
    assert_eq!(restorable(&store, at(3)), None, "the name is taken");
    // By the clock of the directory at once.
    store.remove(&name, at(2), TTL).unwrap();
    assert_eq!(restorable(&store, at(3)), Some(new));
    assert_eq!(store.restore(&name, at(3), TTL).unwrap().pdh, new);
    assert_eq!(restorable(&store, at(3)), None);
    store.remove(&name, at(4), TTL).unwrap();
    assert_eq!(restorable(&store, at(4 + 1000)), None, "its time is up");
}
