//! How it went, in the end.

use std::path::PathBuf;
use std::time::Duration;

use serde::Serialize;

use super::lists::Worked;
use super::new_disk::Pulled;
use super::staged::Stored;
use super::story::Check;
use super::undo::ReadBack;
use crate::table;

/// What was done, step by step.
pub(super) struct Done {
    pub(super) stored: Stored,
    pub(super) pulled: Pulled,
    pub(super) trashed: Vec<Worked>,
    pub(super) untrashed: usize,
    pub(super) read_back: ReadBack,
}

/// What `--json` prints, and what the last lines say.
#[derive(Serialize)]
pub(super) struct Summary {
    /// Everything happened as it should: every check is true.
    pub(super) ok: bool,
    seconds: f64,
    stored: Stored,
    disk_failure: Pulled,
    /// The trash lists of nodes that had one.
    trash: Vec<Worked>,
    /// Replicas that came back from the trash.
    untrashed: usize,
    read_back: ReadBack,
    checks: Vec<Check>,
    /// Where volumes and logs are, if they were kept.
    directory: Option<PathBuf>,
}

impl Summary {
    pub(super) fn new(
        done: Done,
        checks: Vec<Check>,
        lasted: Duration,
        directory: Option<PathBuf>,
    ) -> Self {
        let Done { stored, pulled, trashed, untrashed, read_back } = done;
        Summary {
            ok: checks.iter().all(|check| check.ok),
            seconds: lasted.as_secs_f64(),
            stored,
            disk_failure: pulled,
            trash: trashed,
            untrashed,
            read_back,
            checks,
            directory,
        }
    }

    pub(super) fn text(&self) -> String {
        let mut lines = vec![
            String::new(),
            format!(
                "{}: {} files, {} blocks, {} in {:.1} s",
                if self.ok { "All is well" } else { "Something went wrong" },
                self.stored.files,
                self.stored.blocks,
                table::bytes(self.stored.bytes),
                self.seconds
            ),
        ];
        lines.extend(self.checks.iter().map(|check| format!("  {check}")));
        if let Some(directory) = &self.directory {
            lines.push(format!("  kept: {}", directory.display()));
        }
        lines.join("\n")
    }
}
