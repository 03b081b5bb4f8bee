//! Untrashing many replicas, several at once.

use futures_util::StreamExt as _;
use futures_util::stream;
use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};
use keep_protocol::client::{ClientError, KeepClient};
use keep_protocol::status::{MountExplained, UntrashResult, Untrashed};

use super::report::{Reporter, Row};
use super::{Mode, Selection, Wanted};
use crate::exit::Exit;
use crate::failure::{Failure, with_advice};
use crate::output::Format;

/// Restores everything, or looks for it. Stops only if the node is not there any more.
pub(super) async fn all(
    client: &KeepClient,
    selection: Selection,
    mode: Mode,
    parallel: usize,
    format: Format,
) -> Result<Exit, Failure> {
    let bar = bar(selection.wanted.len() as u64);
    let mut reporter = Reporter::new(format, mode, selection.back_before);
    let mut answers = stream::iter(selection.wanted)
        .map(|wanted| async move {
            let answer = match mode {
                Mode::Restore => restore(client, &wanted).await,
                Mode::Look => look(client, &wanted).await,
            };
            (wanted, answer)
        })
        .buffer_unordered(parallel);
    while let Some((wanted, answer)) = answers.next().await {
        let rows = match answer {
            Ok(rows) => rows,
            Err(error @ ClientError::Unreachable { .. }) => {
                bar.finish_and_clear();
                reporter.end()?;
                return Err(Failure::node("not everything was untrashed; repeat it to go on")(
                    error,
                ));
            }
            Err(error) => vec![failed(&wanted, with_advice(&error))],
        };
        for row in telling(&wanted, rows) {
            reporter.tell(&row)?;
        }
        bar.inc(1);
    }
    bar.finish_and_clear();
    reporter.end()
}

async fn restore(client: &KeepClient, wanted: &Wanted) -> Result<Vec<Row>, ClientError> {
    let outcome = client.untrash_on(wanted.hash, wanted.mount.as_deref()).await?;
    let row = |Untrashed { mount_uuid, result, detail }| Row {
        hash: wanted.hash,
        mount_uuid,
        result,
        detail,
    };
    Ok(outcome.mounts.into_iter().map(row).collect())
}

async fn look(client: &KeepClient, wanted: &Wanted) -> Result<Vec<Row>, ClientError> {
    let explained = client.explain_block(wanted.hash).await?;
    let is_meant =
        |mount: &MountExplained| wanted.mount.as_ref().is_none_or(|uuid| *uuid == mount.mount_uuid);
    let row = |mount: MountExplained| Row {
        hash: wanted.hash,
        result: prospect(&mount),
        mount_uuid: mount.mount_uuid,
        detail: mount.problem,
    };
    Ok(explained.mounts.into_iter().filter(is_meant).map(row).collect())
}

/// What an untrash would do.
fn prospect(mount: &MountExplained) -> UntrashResult {
    if mount.problem.is_some() {
        UntrashResult::Failed
    } else if mount.size.is_some() {
        UntrashResult::AlreadyLive
    } else if mount.trashed.is_empty() {
        UntrashResult::NotInTrash
    } else {
        UntrashResult::Restored
    }
}

/// The rows worth telling: of a block that is wanted on whichever mount, those mounts that have or had it.
fn telling(wanted: &Wanted, mut rows: Vec<Row>) -> Vec<Row> {
    if rows.is_empty() {
        let why = match &wanted.mount {
            Some(_) => "the node has no such mount",
            None => "the node has no mount to restore it on",
        };
        return vec![failed(wanted, why.to_owned())];
    }
    if rows.iter().any(|row| row.result != UntrashResult::NotInTrash) {
        rows.retain(|row| row.result != UntrashResult::NotInTrash);
    } else if wanted.mount.is_none() {
        rows.truncate(1);
        rows.iter_mut().for_each(|row| row.mount_uuid.clear());
    }
    rows
}

fn failed(wanted: &Wanted, detail: String) -> Row {
    Row {
        hash: wanted.hash,
        mount_uuid: wanted.mount.clone().unwrap_or_default(),
        result: UntrashResult::Failed,
        detail: Some(detail),
    }
}

/// On stderr, if that is a terminal.
fn bar(length: u64) -> ProgressBar {
    let style = ProgressStyle::with_template("untrash {bar:30} {pos}/{len}  {per_sec}  {eta}")
        .expect("the template is well-formed");
    let bar = ProgressBar::with_draw_target(Some(length), ProgressDrawTarget::stderr());
    bar.set_style(style);
    bar
}

#[cfg(test)]
mod tests {
    use keep_protocol::status::TrashedCopy;
    use keep_rules::BlockHash;

    use super::*;

    fn wanted(mount: Option<&str>) -> Wanted {
        Wanted { hash: BlockHash::EMPTY, mount: mount.map(str::to_owned) }
    }

    fn row(mount: &str, result: UntrashResult) -> Row {
        Row { hash: BlockHash::EMPTY, mount_uuid: mount.to_owned(), result, detail: None }
    }

    #[test]
    fn mounts_that_never_had_the_block_are_not_told() {
        let rows = vec![row("a", UntrashResult::NotInTrash), row("b", UntrashResult::Restored)];
        let told = telling(&wanted(None), rows);
        assert_eq!(told.len(), 1);
        assert_eq!((told[0].mount_uuid.as_str(), told[0].result), ("b", UntrashResult::Restored));
    }

    #[test]
    fn a_block_that_is_nowhere_is_told_once() {
        let rows = vec![row("a", UntrashResult::NotInTrash), row("b", UntrashResult::NotInTrash)];
        let told = telling(&wanted(None), rows);
        assert_eq!((told.len(), told[0].mount_uuid.as_str()), (1, ""));
    }

    #[test]
    fn no_answer_of_any_mount_is_a_failure() {
        let told = telling(&wanted(Some("gone")), Vec::new());
        assert_eq!((told[0].result, told[0].mount_uuid.as_str()), (UntrashResult::Failed, "gone"));
    }

    #[test]
    fn a_look_tells_what_an_untrash_would_do() {
        let copy = TrashedCopy { size: 3, mtime_ns: 0, until_ns: 0 };
        let mount = MountExplained { trashed: vec![copy], ..MountExplained::default() };
        assert_eq!(prospect(&mount), UntrashResult::Restored);
        assert_eq!(
            prospect(&MountExplained { size: Some(3), ..mount }),
            UntrashResult::AlreadyLive
        );
        assert_eq!(prospect(&MountExplained::default()), UntrashResult::NotInTrash);
        let gone = MountExplained { problem: Some("unmounted".to_owned()), ..Default::default() };
        assert_eq!(prospect(&gone), UntrashResult::Failed);
    }
}
