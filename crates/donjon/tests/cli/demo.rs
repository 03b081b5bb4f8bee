//! `donjon demo`: the whole story, on files of a test.

use std::fs;
use std::path::Path;

use serde_json::{Value, json};

use crate::program::{command, donjon};

fn files() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for number in 0..20 {
        fs::write(
            directory.path().join(format!("file {number}")),
            format!("the content of file {number}\n"),
        )
        .unwrap();
    }
    // Equal contents are one block, and an empty file is none: it is left out.
    fs::write(directory.path().join("copy"), "the content of file 0\n").unwrap();
    fs::write(directory.path().join("empty"), "").unwrap();
    directory
}

#[test]
fn everything_happens_as_it_should() {
    let files = files();
    let summary = donjon(&["demo", "--json", files.path().to_str().unwrap()]).ends_with(0).json();
    assert_eq!(summary["ok"], true, "{summary}");
    // Ten collections of a block each: small files share one.
    let stored = json!({"collections": 10, "files": 21, "blocks": 10, "replicas": 20});
    for (key, count) in stored.as_object().unwrap() {
        assert_eq!(&summary["stored"][key], count, "{key}: {summary}");
    }
    let sum = |lists: &Value, count: &dyn Fn(&Value) -> u64| -> u64 {
        lists.as_array().unwrap().iter().map(count).sum()
    };
    let disk = &summary["disk_failure"];
    assert_eq!(
        sum(&disk["lists"], &|list| list["done"].as_u64().unwrap()),
        disk["replicas_lost"].as_u64().unwrap()
    );
    // Two collections were removed; the blocks of one of them were stored again in time.
    let trash = &summary["trash"];
    assert_eq!(sum(trash, &|list| list["done"].as_u64().unwrap()), 2, "{summary}");
    let rewritten = |list: &Value| list["skipped"]["rewritten"].as_u64().unwrap_or_default();
    assert_eq!(sum(trash, &rewritten), 2, "{summary}");
    assert_eq!(summary["untrashed"], 2);
    assert_eq!(summary["read_back"], json!({"collections": 10, "right": 21, "wrong": 0}));
    assert_eq!(summary["checks"].as_array().unwrap().len(), 7);
    assert_eq!(summary["directory"], json!(null));
}

#[test]
fn people_see_numbered_steps_and_find_what_was_kept() {
    let files = files();
    let ran = donjon(&["demo", "--keep", files.path().to_str().unwrap()]).ends_with(0);
    let text = ran.text();
    let parts = [
        "\n1. ",
        "\n13. ",
        "$ donjon balance apply",
        "what was stored again stayed",
        "There is no live copy",
        "All is well",
    ];
    for part in parts {
        assert!(text.contains(part), "no {part:?}: {text}");
    }
    let kept = Path::new(text.lines().find_map(|line| line.trim().strip_prefix("kept: ")).unwrap());
    for name in ["first", "second.log", "third-new", "today.plan", "restored/part-10"] {
        assert!(kept.join(name).exists(), "no {name}: {text}");
    }
    fs::remove_dir_all(kept).unwrap();
}

#[test]
fn one_file_is_not_enough() {
    let files = tempfile::tempdir().unwrap();
    fs::write(files.path().join("file"), "text").unwrap();
    donjon(&["demo", files.path().to_str().unwrap()])
        .ends_with(2)
        .complains("two files with something in them are needed");
}

/// A file that was named absolutely beside one that was not was emptied, and `..` led out of the directory.
#[test]
fn files_are_named_in_any_way_and_stay_as_they_are() {
    let files = tempfile::tempdir().unwrap();
    fs::create_dir(files.path().join("below")).unwrap();
    for name in ["absolute", "below/relative", "above"] {
        fs::write(files.path().join(name), name).unwrap();
    }
    let absolute = files.path().join("absolute");
    let args = ["demo", "--json", absolute.to_str().unwrap(), "relative", "../above"];
    let ran = command(&args).current_dir(files.path().join("below")).output().unwrap();
    let said = String::from_utf8_lossy(&ran.stdout).into_owned();
    assert_eq!(ran.status.code(), Some(0), "{said} {}", String::from_utf8_lossy(&ran.stderr));
    let summary: Value = serde_json::from_str(&said).unwrap();
    assert_eq!(summary["read_back"], json!({"collections": 3, "right": 3, "wrong": 0}));
    for name in ["absolute", "below/relative", "above"] {
        assert_eq!(fs::read_to_string(files.path().join(name)).unwrap(), name);
    }
    assert_eq!(fs::read_dir(files.path()).unwrap().count(), 3);
}
