//! `donjon demo`: the whole story, on files of a test.

use std::fs;
use std::path::Path;

use serde_json::json;

use crate::program::donjon;

fn files() -> tempfile::TempDir {
    let directory = tempfile::tempdir().unwrap();
    for number in 0..20 {
        fs::write(
            directory.path().join(format!("file {number}")),
            format!("the content of file {number}\n"),
        )
        .unwrap();
    }
    // Equal contents are one block, and an empty file is one too.
    fs::write(directory.path().join("copy"), "the content of file 0\n").unwrap();
    fs::write(directory.path().join("empty"), "").unwrap();
    directory
}

#[test]
fn everything_happens_as_it_should() {
    let files = files();
    let summary = donjon(&["demo", "--json", files.path().to_str().unwrap()]).ends_with(0).json();
    assert_eq!(summary["ok"], true, "{summary}");
    assert_eq!((&summary["files"], &summary["blocks"]), (&22.into(), &21.into()));
    assert_eq!(
        (&summary["pull"]["done"], &summary["pull"]["failed"]),
        (&21.into(), &json!({ "absent_at_source": 1 }))
    );
    assert_eq!(summary["trash"]["done"], 20);
    assert_eq!(summary["trash"]["skipped"], json!({ "listed_too_new": 1, "rewritten": 1 }));
    let read_back = &summary["read_back"];
    assert_eq!((&read_back["files"], &read_back["wrong"]), (&22.into(), &0.into()));
    assert!(
        read_back["from_first"].as_u64() > Some(0) && read_back["from_second"].as_u64() > Some(0),
        "{read_back}"
    );
    assert_eq!(summary["directory"], json!(null));
}

#[test]
fn people_see_numbered_steps_and_find_what_was_kept() {
    let files = files();
    let ran = donjon(&["demo", "--keep", files.path().to_str().unwrap()]).ends_with(0);
    let text = ran.text();
    for part in ["\n1. ", "\n10. ", "absent_at_source", "rewritten", "All is well"] {
        assert!(text.contains(part), "no {part:?}: {text}");
    }
    let kept = Path::new(text.lines().find_map(|line| line.trim().strip_prefix("kept: ")).unwrap());
    assert!(kept.join("first").is_dir() && kept.join("second.log").is_file(), "{text}");
    fs::remove_dir_all(kept).unwrap();
}
