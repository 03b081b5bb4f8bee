//! The report of lost blocks: a line for each, with the collections that want it (`spec/keep-balance.md` section 2.8).

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufWriter, Write as _};
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keep_rules::BlockHash;

use crate::drafts;
use crate::observe::{References, SourceError};
use crate::plan::{PlanError, PlanReader};
use crate::settings::Settings;

/// Lost blocks whose collections are looked for. More are reported without them: it is a disaster anyway, and memory is not
/// to be one too.
const NAMED_MAX: usize = 1 << 20;

/// Read by the group, as plans are.
const MODE: u32 = 0o640;

/// The collections that want each lost block.
pub type Wanting = BTreeMap<BlockHash, Vec<String>>;

/// Why there is no report.
#[derive(Debug, thiserror::Error)]
pub enum MissingError {
    /// The plan cannot be read.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The collections cannot be read again.
    #[error("the collections that want lost blocks, from {name}: {error}")]
    References {
        /// The source.
        name: String,
        /// Why.
        #[source]
        error: SourceError,
    },
    /// The report cannot be written.
    #[error("{}: the report of lost blocks cannot be written: {error}", path.display())]
    Io {
        /// The report.
        path: PathBuf,
        /// Why.
        #[source]
        error: io::Error,
    },
    /// A thread of ours ended badly.
    #[error("reporting lost blocks ended badly: {0}")]
    Thread(String),
}

/// Replaces the report at `path`, also if nothing is lost: then it is empty. Collections are read a second time, only if
/// something is.
///
/// # Errors
/// [`MissingError`]; the old report stays.
pub async fn write(
    path: &Path,
    plan: &Path,
    sources: &[Arc<dyn References>],
    _settings: &Settings,
) -> Result<(), MissingError> {
    let (path, plan, sources) = (path.to_owned(), plan.to_owned(), sources.to_vec());
    let written = tokio::task::spawn_blocking(move || {
        let (mut wanting, rest) = lost(&plan)?;
        if !wanting.is_empty() {
            for source in &sources {
                let named = source.name();
                source
                    .wanting(&mut wanting)
                    .map_err(|error| MissingError::References { name: named, error })?;
            }
        }
        report(&path, &wanting, &rest).map_err(|error| MissingError::Io { path, error })
    });
    written.await.map_err(|error| MissingError::Thread(error.to_string()))?
}

/// The lost blocks of a plan: those whose collections are looked for, and the rest.
fn lost(plan: &Path) -> Result<(Wanting, Vec<BlockHash>), PlanError> {
    let mut wanting = Wanting::new();
    let mut rest = Vec::new();
    let mut reader = PlanReader::open(plan)?;
    while let Some(entry) = reader.next_entry()? {
        if entry.lost.is_none() {
            continue;
        }
        if wanting.len() < NAMED_MAX {
            wanting.insert(entry.block.hash, Vec::new());
        } else {
            rest.push(entry.block.hash);
        }
    }
    Ok((wanting, rest))
}

fn report(path: &Path, wanting: &Wanting, rest: &[BlockHash]) -> io::Result<()> {
    let dir = match path.parent() {
        Some(dir) if !dir.as_os_str().is_empty() => dir,
        Some(_) | None => Path::new("."),
    };
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or("lost");
    let draft = drafts::create(dir, name)?;
    draft.as_file().set_permissions(fs::Permissions::from_mode(MODE))?;
    let mut out = BufWriter::new(draft.as_file());
    for (hash, collections) in wanting {
        write!(out, "{hash}")?;
        for collection in collections {
            write!(out, " {collection}")?;
        }
        writeln!(out)?;
    }
    for hash in rest {
        writeln!(out, "{hash}")?;
    }
    out.flush()?;
    drop(out);
    draft.as_file().sync_all()?;
    draft.persist(path).map_err(|error| error.error)?;
    File::open(dir)?.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_for_each_lost_block() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("lost");
        fs::write(&path, "an old line that is longer than the new report\n").unwrap();
        let hash = |byte| BlockHash::from_bytes([byte; 16]);
        let wanting =
            Wanting::from([(hash(1), vec!["a+1".into(), "b+2".into()]), (hash(2), vec![])]);
        report(&path, &wanting, &[hash(3)]).unwrap();
        let expected = format!("{} a+1 b+2\n{}\n{}\n", hash(1), hash(2), hash(3));
        assert_eq!(fs::read_to_string(&path).unwrap(), expected);
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, MODE);
    }
}
