//! A plan on its way to its name.

use std::fs::{self, File, Permissions};
use std::io::{BufWriter, Write};
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use keep_rules::BlockHash;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};
use tempfile::NamedTempFile;

use crate::drafts;
use crate::plan::batch::{Batch, ascending};
use crate::plan::check;
use crate::plan::digest::Sha256Digest;
use crate::plan::entry::Entry;
use crate::plan::error::PlanError;
use crate::plan::footer::{Considered, Footer};
use crate::plan::header::Header;
use crate::plan::line::{HeaderLine, LINE_BYTES_MAX, open_footer, seal_footer};
use crate::plan::tally::Tally;

/// A plan that is being written, under a name of its own: `.plan-*.draft` beside the plan.
///
/// [`PlanWriter::finish`] gives it its name. Dropping it leaves nothing behind; what a crash leaves is a draft, which
/// nobody reads, and which the next plan in that directory sweeps away.
#[derive(Debug)]
pub struct PlanWriter {
    path: PathBuf,
    header: Arc<Header>,
    out: BufWriter<NamedTempFile>,
    digest: Sha256,
    last: Option<BlockHash>,
    tally: Tally,
    state: State,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum State {
    Writing,
    Failed,
}

/// Read by the group, so that people who review plans need not be the user who carries them out.
const MODE: u32 = 0o640;
const BUFFER_BYTES: usize = 1 << 20;

impl PlanWriter {
    /// Begins the plan that will have this name.
    ///
    /// # Errors
    /// [`PlanError::BadHeader`]; [`PlanError::Exists`]; [`PlanError::Full`] and [`PlanError::Io`].
    pub fn create(path: &Path, header: Header) -> Result<Self, PlanError> {
        check::header(&header).map_err(|what| PlanError::BadHeader { what })?;
        let mut line = serde_json::to_vec(&HeaderLine { header: &header })
            .map_err(|error| PlanError::BadHeader { what: error.to_string() })?;
        line.push(b'\n');
        if line.len() > LINE_BYTES_MAX {
            let what = format!("its line is longer than {LINE_BYTES_MAX} bytes");
            return Err(PlanError::BadHeader { what });
        }
        // It is looked at again, without a race, when the plan gets its name.
        if fs::exists(path).map_err(|error| PlanError::failed("look for", path, error))? {
            return Err(PlanError::Exists { path: path.to_owned() });
        }
        let draft = draft(path).map_err(|error| PlanError::failed("create", path, error))?;
        let tally = Tally::new(&header);
        let mut writer = PlanWriter {
            path: path.to_owned(),
            header: Arc::new(header),
            out: BufWriter::with_capacity(BUFFER_BYTES, draft),
            digest: Sha256::new(),
            last: None,
            tally,
            state: State::Writing,
        };
        writer.put(&line)?;
        Ok(writer)
    }

    /// The plan's header, for [`Batch::new`].
    pub fn header(&self) -> &Arc<Header> {
        &self.header
    }

    /// Writes one entry. Hashes ascend.
    ///
    /// # Errors
    /// Those of [`Batch::push`] and [`PlanWriter::append`].
    pub fn push(&mut self, entry: &Entry) -> Result<(), PlanError> {
        let mut batch = Batch::new(&self.header);
        batch.push(entry)?;
        self.append(&batch)
    }

    /// Writes the entries of a batch. Hashes ascend from batch to batch.
    ///
    /// # Errors
    /// [`PlanError::OutOfOrder`]: nothing of the batch was written, and others can be. [`PlanError::Full`] and
    /// [`PlanError::Io`]: the plan cannot be finished any more, and further calls are [`PlanError::Failed`].
    ///
    /// # Panics
    /// If the batch was made for the header of another plan.
    pub fn append(&mut self, batch: &Batch) -> Result<(), PlanError> {
        assert!(Arc::ptr_eq(&batch.header, &self.header), "the batch is for another plan");
        let Some((first, last)) = batch.blocks else {
            return Ok(());
        };
        ascending(self.last, first)?;
        self.put(&batch.lines)?;
        self.last = Some(last);
        self.tally.add(&batch.tally);
        Ok(())
    }

    /// Ends the plan and gives it its name. When this returns, the plan is there after a power loss too. Returns its digest.
    ///
    /// # Errors
    /// [`PlanError::Exists`] if the name was taken meanwhile; [`PlanError::Full`] and [`PlanError::Io`];
    /// [`PlanError::LongStatistics`]; [`PlanError::Failed`] if writing failed before. There is no plan of this name then, but for one that was there.
    pub fn finish(
        mut self,
        considered: Considered,
        statistics: Map<String, Value>,
    ) -> Result<Sha256Digest, PlanError> {
        let Tally { entries, lost, ref servers } = self.tally;
        let (work, servers) = (self.tally.work(), servers.clone());
        let footer = Footer { entries, lost, work, servers, considered, statistics };
        let failed = |error| PlanError::failed("write", &self.path, error);
        let mut line = open_footer(&footer).map_err(|error| failed(error.into()))?;
        let digest = self.digest.clone().chain_update(&line).finalize();
        let digest = Sha256Digest(digest.into());
        seal_footer(&mut line, digest);
        if line.len() > LINE_BYTES_MAX {
            return Err(PlanError::LongStatistics { max: LINE_BYTES_MAX });
        }
        self.put(&line)?;
        self.publish()?;
        Ok(digest)
    }

    /// Contents, then name, then directory.
    fn publish(self) -> Result<(), PlanError> {
        let path = &self.path;
        let failed = |doing, error| PlanError::failed(doing, path, error);
        let draft = self.out.into_inner();
        let draft = draft.map_err(|error| failed("write", error.into_error()))?;
        draft.as_file().sync_all().map_err(|error| failed("sync", error))?;
        draft.persist_noclobber(path).map_err(|error| failed("name", error.error))?;
        let synced = File::open(directory(path)).and_then(|directory| directory.sync_all());
        synced.map_err(|error| {
            // A plan that a power loss may take is none.
            drop(fs::remove_file(path));
            failed("sync the directory of", error)
        })
    }

    fn put(&mut self, bytes: &[u8]) -> Result<(), PlanError> {
        if self.state == State::Failed {
            return Err(PlanError::Failed);
        }
        self.digest.update(bytes);
        self.out.write_all(bytes).map_err(|error| {
            self.state = State::Failed;
            PlanError::failed("write", &self.path, error)
        })
    }
}

fn draft(path: &Path) -> std::io::Result<NamedTempFile> {
    let draft = drafts::create(directory(path), "plan")?;
    draft.as_file().set_permissions(Permissions::from_mode(MODE))?;
    Ok(draft)
}

/// Where the file is.
fn directory(path: &Path) -> &Path {
    match path.parent() {
        Some(directory) if !directory.as_os_str().is_empty() => directory,
        Some(_) | None => Path::new("."),
    }
}
