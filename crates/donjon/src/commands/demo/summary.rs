//! How it went, in the end.

use std::path::PathBuf;

use serde::Serialize;

use super::lists::Worked;
use super::read_back::ReadBack;
use super::store::Catalogue;
use crate::table;

/// What `--json` prints, and what the last lines say.
#[derive(Serialize)]
pub(super) struct Summary {
    /// Everything happened as it should.
    pub(super) ok: bool,
    pub(super) seconds: f64,
    files: usize,
    blocks: usize,
    bytes: u64,
    pull: Worked,
    trash: Worked,
    /// The hash of the block that was recovered.
    untrashed: Option<String>,
    read_back: ReadBack,
    /// Where volumes and logs are, if they were kept.
    pub(super) directory: Option<PathBuf>,
}

impl Summary {
    pub(super) fn of(
        catalogue: &Catalogue,
        pull: Worked,
        trash: Worked,
        untrashed: Option<String>,
        read_back: ReadBack,
    ) -> Self {
        // One block is written again before it is trashed; if it was the only one, nothing is left to recover.
        let untrash_ok = untrashed.is_some() || trash.expected.done == 0;
        let read_ok = read_back.wrong == 0 && read_back.files == catalogue.files.len() as u64;
        Summary {
            ok: pull.is_as_expected() && trash.is_as_expected() && untrash_ok && read_ok,
            seconds: 0.0,
            files: catalogue.files.len(),
            blocks: catalogue.blocks.len(),
            bytes: catalogue.bytes,
            pull,
            trash,
            untrashed,
            read_back,
            directory: None,
        }
    }

    pub(super) fn text(&self) -> String {
        let mut lines = vec![
            String::new(),
            format!(
                "{}: {} files, {} blocks, {} in {:.1} s",
                if self.ok { "All is well" } else { "Something went wrong" },
                self.files,
                self.blocks,
                table::bytes(self.bytes),
                self.seconds
            ),
            list("pull", &self.pull),
            list("trash", &self.trash),
            format!("  untrash: {}", self.untrashed.as_deref().unwrap_or("nothing")),
            format!(
                "  read back: {} files right, {} wrong",
                self.read_back.files, self.read_back.wrong
            ),
        ];
        if let Some(directory) = &self.directory {
            lines.push(format!("  kept: {}", directory.display()));
        }
        lines.join("\n")
    }
}

fn list(name: &str, worked: &Worked) -> String {
    let (status, expected) = (&worked.status, worked.expected);
    let (skipped, failed): (u64, u64) =
        (status.skipped.values().sum(), status.failed.values().sum());
    let verdict = if worked.is_as_expected() { "as it should be" } else { "NOT as it should be" };
    format!(
        "  {name}: {} done, {skipped} skipped, {failed} failed: {verdict} ({}, {}, {})",
        status.done, expected.done, expected.skipped, expected.failed
    )
}
