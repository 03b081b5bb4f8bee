//! A data directory of the node's own: what `donjon serve --data DIR` uses instead of a cluster's configuration.
//!
//! Invariant: the volume is made before the configuration file gets its name, and neither is ever made again. So a
//! directory with a configuration file had its volume once; if the volume is missing now, that is a failure for the
//! operator to see, not a reason to begin an empty one.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

use super::dump::quoted;
use super::error::{ConfigErrors, DataDirProblem};
use super::identity::ServiceUrl;

/// The configuration file in a data directory.
pub const DATA_CONFIG_FILE: &str = "donjon.yml";

/// The root of the volume in a data directory.
pub const DATA_VOLUME_DIR: &str = "keep";

/// The directory in a data directory for the node's own state. The node makes it.
const STATE_DIR: &str = "state";

/// The configuration file while it is being written. Left behind only by a crash, and then written anew.
const UNFINISHED: &str = "donjon.yml.unfinished";

/// The cluster of a node without a cluster.
const CLUSTER_ID: &str = "donjn";

/// The configuration file of the data directory `dir`. Sets the directory up first if it is absent or empty: the
/// volume, and a file of mode 0600 with `address` and tokens made for it. Both are durable when this returns.
///
/// Of two processes that do so at the same time, one waits for the other and finds the directory set up.
///
/// # Errors
/// The directory cannot be made or read, or holds files but no configuration. Nothing above it is ever made: a path with a
/// typing mistake must not become a tree.
pub(super) fn set_up(dir: &Path, address: &ServiceUrl) -> Result<PathBuf, ConfigErrors> {
    set_up_or_explain(dir, address).map_err(|problem| of_dir(dir, problem))
}

/// Whether `dir` was never set up.
///
/// # Errors
/// It cannot be looked at.
pub(super) fn is_new(dir: &Path) -> Result<bool, ConfigErrors> {
    let there = dir.join(DATA_CONFIG_FILE).try_exists();
    let problem = |source| DataDirProblem::Io { doing: LOOK, source };
    there.map(|there| !there).map_err(|source| of_dir(dir, problem(source)))
}

const LOOK: &str = "look for donjon.yml";

fn of_dir(dir: &Path, problem: DataDirProblem) -> ConfigErrors {
    ConfigErrors::DataDir { path: dir.to_owned(), problem }
}

fn set_up_or_explain(dir: &Path, address: &ServiceUrl) -> Result<PathBuf, DataDirProblem> {
    let io = |doing| move |source| DataDirProblem::Io { doing, source };
    create_private_dir(dir).map_err(|source| {
        if source.kind() == io::ErrorKind::NotFound {
            DataDirProblem::NoParent
        } else {
            DataDirProblem::Io { doing: "make it", source }
        }
    })?;
    let dir = fs::canonicalize(dir).map_err(io("find it"))?;
    let config = dir.join(DATA_CONFIG_FILE);
    if config.try_exists().map_err(io(LOOK))? {
        return Ok(config);
    }
    // Until the end of this function, nobody else sets the directory up.
    let handle = File::open(&dir).map_err(io("open it"))?;
    handle.lock().map_err(io("lock it"))?;
    if config.try_exists().map_err(io(LOOK))? {
        return Ok(config);
    }
    if !is_fresh(&dir).map_err(io("list it"))? {
        return Err(DataDirProblem::NotOurs);
    }
    let volume = dir.join(DATA_VOLUME_DIR);
    let state = dir.join(STATE_DIR);
    let text = config_text(
        volume.to_str().ok_or(DataDirProblem::NotUtf8)?,
        state.to_str().ok_or(DataDirProblem::NotUtf8)?,
        address,
    )?;
    create_private_dir(&volume).map_err(io("make the volume"))?;
    write_durably(&dir.join(UNFINISHED), &config, &text).map_err(io("write donjon.yml"))?;
    handle.sync_all().map_err(io("sync it"))?;
    if let Some(parent) = dir.parent() {
        File::open(parent)
            .and_then(|parent| parent.sync_all())
            .map_err(io("sync the directory above it"))?;
    }
    Ok(config)
}

fn create_private_dir(dir: &Path) -> io::Result<()> {
    match DirBuilder::new().mode(0o700).create(dir) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists && dir.is_dir() => Ok(()),
        made => made,
    }
}

/// Whether the directory is empty, or holds no more than a first start leaves behind that did not come to its end.
fn is_fresh(dir: &Path) -> io::Result<bool> {
    for entry in fs::read_dir(dir)? {
        let entry = entry?;
        let ours = if entry.file_name() == DATA_VOLUME_DIR {
            entry.file_type()?.is_dir() && fs::read_dir(entry.path())?.next().is_none()
        } else {
            entry.file_name() == UNFINISHED
        };
        if !ours {
            return Ok(false);
        }
    }
    Ok(true)
}

/// Writes the file and gives it its name, in this order, so that nobody sees a part of it. Readable by its owner alone.
fn write_durably(unfinished: &Path, path: &Path, text: &str) -> io::Result<()> {
    match fs::remove_file(unfinished) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        Ok(()) | Err(_) => {}
    }
    let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(unfinished)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(unfinished, path)
}

/// A configuration for one node with one volume, and fresh tokens.
fn config_text(root: &str, state: &str, address: &ServiceUrl) -> Result<String, DataDirProblem> {
    let (root, state, address) = (quoted(root), quoted(state), quoted(&address.to_string()));
    let (system_root, management, signing) = (random_text(50)?, random_text(50)?, random_text(50)?);
    let volume = random_text(15)?;
    Ok(format!(
        "\
# Made by `donjon serve --data` at its first start. Keep it secret: it holds the tokens of this node.
# The keys are those of an Arvados config.yml; see docs/configuration.md.
Clusters:
  {CLUSTER_ID}:
    SystemRootToken: \"{system_root}\"
    ManagementToken: \"{management}\"
    Collections:
      BlobSigningKey: \"{signing}\"
    Donjon:
      StateDir: {state}
    Services:
      Keepstore:
        InternalURLs:
          {address}: {{}}
    Volumes:
      {CLUSTER_ID}-nyw5e-{volume}:
        Driver: Directory
        DriverParameters:
          Root: {root}
"
    ))
}

/// Random lower-case letters and digits.
fn random_text(length: usize) -> Result<String, DataDirProblem> {
    const ALPHABET: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut text = String::with_capacity(length);
    let mut bytes = [0; 64];
    while text.len() < length {
        getrandom::fill(&mut bytes).map_err(|error| DataDirProblem::NoRandom(error.to_string()))?;
        // 252 is the largest multiple of 36 in a byte: beyond it, some letters would come up more often.
        let fair = bytes
            .iter()
            .filter(|byte| **byte < 252)
            .map(|byte| char::from(ALPHABET[usize::from(byte % 36)]));
        text.extend(fair.take(length - text.len()));
    }
    Ok(text)
}
