//! Two writers at work in one directory: somebody has taken the lock away, or the directory.

use crate::disk::Taken;

use super::*;

/// Puts a copy in the place of a directory of manifests.
fn replace_by_copy(dir: &Path) {
    let copy = dir.with_extension("copy");
    fs::create_dir_all(copy.join("manifests")).unwrap();
    for inner in ["", "manifests"] {
        for file in fs::read_dir(dir.join(inner)).unwrap().map(Result::unwrap) {
            if file.file_type().unwrap().is_file() {
                fs::copy(file.path(), copy.join(inner).join(file.file_name())).unwrap();
            }
        }
    }
    fs::rename(dir, dir.with_extension("old")).unwrap();
    fs::rename(copy, dir).unwrap();
}

/// A writer that fails erased the manifest of another one's collection: both had the same name for it.
#[track_caller]
fn check_intrusion(take_away: fn(&Path)) {
    // Two steps write the manifest, three give it its name, and so it is with the catalog.
    for step in 0..10 {
        let parent = tempfile::tempdir().unwrap();
        let dir = parent.path().join("store");
        fs::create_dir(&dir).unwrap();
        let mut first = Store::open(&dir, at(0)).unwrap();
        let path = dir.clone();
        first.disk.intruder.comes(step, move || {
            take_away(&path);
            let mut second = Store::open(&path, at(1)).unwrap();
            second.publish(publication("b", 2, Existing::Refuse), manifest(2).as_bytes()).unwrap();
        });
        let late = first.publish(publication("a", 3, Existing::Refuse), manifest(1).as_bytes());
        assert!(!first.disk.intruder.is_awaited(), "step {step}");
        let named = |name: &str, content| (name.to_owned(), true, manifest(content));
        // The catalog has its name before the step 8: the other has read it then.
        if step < 8 {
            assert!(matches!(late, Err(StoreError::Changed { .. })), "step {step}: {late:?}");
            assert_eq!(seen(&dir, at(4)).unwrap(), [named("b", 2)], "step {step}");
        } else {
            late.unwrap();
            assert_eq!(seen(&dir, at(4)).unwrap(), [named("a", 1), named("b", 2)], "step {step}");
        }
        drop(first);
        Store::open(&dir, at(5)).unwrap();
        assert_eq!(manifests(&dir), if step < 8 { 1 } else { 2 }, "step {step}");
    }
}

#[test]
fn a_writer_that_has_lost_its_directory_erases_no_manifest_of_another() {
    check_intrusion(|dir| fs::remove_file(dir.join("lock")).unwrap());
    check_intrusion(replace_by_copy);
}

#[test]
fn a_manifest_is_never_written_over_another() {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(dir.path(), at(0)).unwrap();
    let to = files::manifests(dir.path()).join("taken");
    fs::write(&to, "another's").unwrap();
    let draft = store.disk.draft(dir.path(), |_| Ok(())).unwrap();
    store.disk.name(draft, &to, Taken::Refuse, || Ok(())).unwrap_err();
    assert_eq!(fs::read(&to).unwrap(), b"another's");
}
