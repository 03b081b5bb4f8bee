//! What needs a file system of its own, and so root: a node whose state directory is full.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

#[expect(dead_code, reason = "shared with the tests of lists, which use more of it")]
#[path = "../lists/node.rs"]
mod node;
#[expect(dead_code, reason = "shared with the tests of the command line, which use more of it")]
#[path = "../cli/program.rs"]
mod program;

use std::path::Path;
use std::process::Command;

use serde_json::json;

use node::{Node, trash_list};

#[test]
fn without_room_the_new_list_is_refused_and_the_old_one_stays() {
    let disk = SmallDisk::mount();
    let mut node = Node::start(json!({ "StateDir": disk.path() }));
    let blocks = node.plant(4_000);
    node.run(&["list", "pause", "trash"]).ends_with(0);
    let first = node.send(&blocks[..5]);
    let refused =
        node.run_with_input(&["list", "put", "trash", "-"], &trash_list(&blocks)).ends_with(1);
    refused.complains("507 Insufficient Storage");
    let refusals = "donjon_lists_refused_total{list=\"trash\",reason=\"no_room\"}";
    assert_eq!(node.metric(refusals), 1.0);
    for _before_and_after_a_crash in 0..2 {
        let books = node.books();
        assert_eq!((&books["generation"], &books["digest"]), (&first["id"], &first["digest"]));
        assert_eq!(books["waiting"], 5);
        node.crash();
    }
}

/// A file system of 128 KiB. Unmounted when dropped.
struct SmallDisk {
    dir: tempfile::TempDir,
}

impl SmallDisk {
    fn mount() -> SmallDisk {
        let dir = tempfile::tempdir().unwrap();
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=128k,mode=0700", "donjon-test"])
            .arg(dir.path())
            .status()
            .unwrap();
        assert!(mounted.success(), "only root may mount");
        SmallDisk { dir }
    }

    fn path(&self) -> &Path {
        self.dir.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // At the end of its last use: the node may still have files open.
        drop(Command::new("umount").arg("-l").arg(self.dir.path()).status());
    }
}
