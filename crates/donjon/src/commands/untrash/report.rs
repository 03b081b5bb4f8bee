//! What was restored and what was not.

use keep_protocol::status::UntrashResult;
use keep_rules::BlockHash;
use serde::{Serialize, Serializer};

use super::Mode;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::output::{Format, Output};

/// One replica.
#[derive(Debug, Serialize)]
pub(super) struct Row {
    #[serde(serialize_with = "as_text")]
    pub(super) hash: BlockHash,
    pub(super) mount_uuid: String,
    pub(super) result: UntrashResult,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub(super) detail: Option<String>,
}

fn as_text<S: Serializer>(hash: &BlockHash, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(hash)
}

/// How many replicas ended how.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
struct Summary {
    /// Whether nothing was touched.
    dry_run: bool,
    restored: u64,
    already_live: u64,
    not_in_trash: u64,
    failed: u64,
    /// Had come back before, and were left alone.
    back_before: u64,
}

/// Tells of each replica as it ends, and of all at the end.
pub(super) struct Reporter {
    output: Output,
    format: Format,
    mode: Mode,
    summary: Summary,
}

impl Reporter {
    pub(super) fn new(format: Format, mode: Mode, back_before: u64) -> Self {
        let summary = Summary { dry_run: mode == Mode::Look, back_before, ..Summary::default() };
        Reporter { output: Output::stdout(), format, mode, summary }
    }

    /// People are told of what is not as it should be, and in a dry run of everything; scripts of everything.
    pub(super) fn tell(&mut self, row: &Row) -> Result<(), Failure> {
        self.summary.count(row.result);
        if self.format.json {
            return self.output.json(row);
        }
        let is_well = matches!(row.result, UntrashResult::Restored | UntrashResult::AlreadyLive);
        if is_well && self.mode == Mode::Restore {
            return Ok(());
        }
        self.output.line(text(row, self.mode))
    }

    /// Prints the summary and says how it ended.
    pub(super) fn end(mut self) -> Result<Exit, Failure> {
        if self.format.json {
            self.output.json(&serde_json::json!({ "summary": self.summary }))?;
        } else {
            self.output.line(self.summary.text())?;
        }
        self.output.flush()?;
        Ok(self.summary.exit())
    }
}

fn text(row: &Row, mode: Mode) -> String {
    let word = match (row.result, mode) {
        (UntrashResult::Restored, Mode::Restore) => "restored",
        (UntrashResult::Restored, Mode::Look) => "would be restored",
        (UntrashResult::AlreadyLive, _) => "already live",
        (UntrashResult::NotInTrash, _) => "not in the trash any more",
        (UntrashResult::Failed, _) => "failed",
    };
    let mut text = format!("{}  {word}", row.hash);
    if !row.mount_uuid.is_empty() {
        text.push_str(&format!(" on {}", row.mount_uuid));
    }
    if let Some(detail) = &row.detail {
        text.push_str(&format!(": {detail}"));
    }
    text
}

impl Summary {
    fn count(&mut self, result: UntrashResult) {
        match result {
            UntrashResult::Restored => self.restored += 1,
            UntrashResult::AlreadyLive => self.already_live += 1,
            UntrashResult::NotInTrash => self.not_in_trash += 1,
            UntrashResult::Failed => self.failed += 1,
        }
    }

    fn exit(self) -> Exit {
        if self.not_in_trash + self.failed == 0 { Exit::Done } else { Exit::Partly }
    }

    fn text(self) -> String {
        let restored = if self.dry_run { "would be restored" } else { "restored" };
        format!(
            "{} {restored}, {} already live, {} not in the trash any more, {} failed, {} had come back before",
            self.restored, self.already_live, self.not_in_trash, self.failed, self.back_before
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn ends(results: &[UntrashResult], expected: Exit) {
        let mut summary = Summary::default();
        results.iter().for_each(|result| summary.count(*result));
        assert_eq!(summary.exit(), expected, "{results:?}");
    }

    #[test]
    fn what_did_not_come_back_makes_the_end_partly() {
        ends(&[], Exit::Done);
        ends(&[UntrashResult::Restored, UntrashResult::AlreadyLive], Exit::Done);
        ends(&[UntrashResult::Restored, UntrashResult::NotInTrash], Exit::Partly);
        ends(&[UntrashResult::Failed], Exit::Partly);
    }
}
