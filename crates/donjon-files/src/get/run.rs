//! One run: blocks come, pieces go where they belong, files get their names.

use std::os::fd::OwnedFd;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::{StreamExt as _, stream};
use keep_manifest::{Tree, TreePath};

use super::survey::Surveyed;
use super::{Existing, GetError, GetOptions, Got, Unrestored};
use crate::destination::{Destination, Rename};
use crate::fetch::{NotFetched, fetch};
use crate::node::Node;
use crate::nodes::Nodes;
use crate::put::Done;
use crate::restore::{Placed, Stage, Target, is_there, place};
use crate::steps::{Step, steps};

/// So many whole files wait for their names at most: the disk is synced once for all of them.
const BATCH_FILES: usize = 4096;
/// The same in bytes.
const BATCH_BYTES: u64 = 1 << 30;

pub(super) struct Run<'a, N> {
    destination: Arc<Destination>,
    to: &'a Path,
    nodes: &'a Nodes<N>,
    options: &'a GetOptions,
    targets: Arc<Vec<Target>>,
    rename: Vec<Rename>,
    /// Of each file: pieces that are still to come.
    left: Vec<u64>,
    /// Of each file: whether nothing is wrong so far.
    good: Vec<bool>,
    /// Whole files that have no name yet.
    batch: Vec<usize>,
    batch_bytes: u64,
    got: Got,
}

/// What became of a step.
enum Outcome {
    /// All of it was there.
    There,
    /// A node had the block.
    Fetched(Vec<Placed>),
    /// No node had it.
    Lost(NotFetched),
}

impl<'a, N: Node> Run<'a, N> {
    pub(super) fn new(
        destination: Destination,
        to: &'a Path,
        nodes: &'a Nodes<N>,
        options: &'a GetOptions,
        surveyed: Surveyed,
    ) -> Self {
        let Surveyed { targets, rename } = surveyed;
        let count = targets.len();
        Run {
            destination: Arc::new(destination),
            to,
            nodes,
            options,
            targets: Arc::new(targets),
            rename,
            left: vec![0; count],
            good: vec![true; count],
            batch: Vec::new(),
            batch_bytes: 0,
            got: Got::default(),
        }
    }

    /// Restores all files; those that turn out to be others are replaced in a second pass, if they may be.
    pub(super) async fn all(&mut self, tree: &Tree) -> Result<(), GetError> {
        self.pass(tree, |_| true).await?;
        if self.options.existing == Existing::Keep {
            return Ok(());
        }
        let differing: Vec<TreePath> = self
            .got
            .unrestored
            .iter()
            .filter(|(_, why)| matches!(why, Unrestored::Differs))
            .map(|(path, _)| path.clone())
            .collect();
        if differing.is_empty() {
            return Ok(());
        }
        let mut targets = Vec::clone(&self.targets);
        let mut again = vec![false; targets.len()];
        for path in &differing {
            self.got.unrestored.remove(path);
            let index = targets
                .binary_search_by(|target| position(&target.path).cmp(&position(path)))
                .expect("what differs is a target");
            again[index] = true;
            // Not fresh: nobody has looked whether a part of it was left.
            targets[index].stage = Stage::Resumed;
            self.rename[index] = Rename::Replace;
            self.good[index] = true;
        }
        self.targets = Arc::new(targets);
        self.pass(tree, |index| again[index]).await
    }

    async fn pass(&mut self, tree: &Tree, chosen: impl Fn(usize) -> bool) -> Result<(), GetError> {
        let files =
            || tree.files().map(|(_, file)| file).enumerate().filter(|(index, _)| chosen(*index));
        for (index, file) in files() {
            self.left[index] = file.segments().len() as u64;
            if file.segments().is_empty() {
                self.complete(index);
            }
        }
        let (destination, targets) = (Arc::clone(&self.destination), Arc::clone(&self.targets));
        let (nodes, options) = (self.nodes, self.options);
        let carried = steps(files()).map(|step| {
            carry_out(Arc::clone(&destination), Arc::clone(&targets), self.to, nodes, options, step)
        });
        let mut carried =
            std::pin::pin!(stream::iter(carried).buffer_unordered(options.jobs.max(1)));
        while let Some(result) = carried.next().await {
            let (step, outcome) = result?;
            self.account(&step, outcome)?;
            if self.batch.len() >= BATCH_FILES || self.batch_bytes >= BATCH_BYTES {
                self.name_batch().await?;
            }
        }
        self.name_batch().await
    }

    fn account(&mut self, step: &Step, outcome: Outcome) -> Result<(), GetError> {
        match outcome {
            Outcome::Lost(not_fetched) if not_fetched.nobody_answers() => {
                return Err(GetError::NobodyAnswers(not_fetched));
            }
            Outcome::Lost(not_fetched) => {
                let lost = Arc::new(not_fetched);
                for piece in &step.pieces {
                    self.fail(piece.target, Unrestored::NoBlock(Arc::clone(&lost)));
                }
            }
            Outcome::There => {}
            Outcome::Fetched(placed) => {
                self.got.blocks += 1;
                self.got.block_bytes += u64::from(step.block.size());
                for (piece, placed) in std::iter::zip(&step.pieces, placed) {
                    if placed == Placed::Differs {
                        self.fail(piece.target, Unrestored::Differs);
                    }
                }
            }
        }
        for piece in &step.pieces {
            (self.options.on_progress)(Done { bytes: piece.length.into(), files: 0 });
            self.left[piece.target] -= 1;
            if self.left[piece.target] == 0 && self.good[piece.target] {
                self.complete(piece.target);
            }
        }
        Ok(())
    }

    fn fail(&mut self, target: usize, why: Unrestored) {
        if std::mem::replace(&mut self.good[target], false) {
            self.got.unrestored.insert(self.targets[target].path.clone(), why);
        }
    }

    /// All pieces of a file are there.
    fn complete(&mut self, index: usize) {
        (self.options.on_progress)(Done { bytes: 0, files: 1 });
        let target = &self.targets[index];
        self.got.bytes += target.size;
        if target.stage == Stage::Existing {
            self.got.kept += 1;
        } else {
            self.got.written += 1;
            self.batch.push(index);
            self.batch_bytes += target.size;
        }
    }

    /// Contents first, then names.
    async fn name_batch(&mut self) -> Result<(), GetError> {
        let mut batch = std::mem::take(&mut self.batch);
        self.batch_bytes = 0;
        if batch.is_empty() {
            return Ok(());
        }
        batch.sort_unstable();
        let named: Vec<(usize, Rename)> =
            batch.into_iter().map(|index| (index, self.rename[index])).collect();
        let (destination, targets) = (Arc::clone(&self.destination), Arc::clone(&self.targets));
        let to: PathBuf = self.to.to_owned();
        tokio::task::spawn_blocking(move || name(&destination, &targets, &named, &to)).await?
    }

    pub(super) fn end(self, tree: &Tree) -> Result<Got, GetError> {
        let directories = tree.directories().map(|(path, _)| path);
        let failed = GetError::io("make durable what is in", self.to, &TreePath::root());
        self.destination.end(directories).map_err(failed)?;
        Ok(self.got)
    }
}

/// The order of files in a tree: by directory, then by name.
fn position(path: &TreePath) -> Option<(TreePath, keep_manifest::FileName)> {
    path.split_last()
}

async fn carry_out<N: Node>(
    destination: Arc<Destination>,
    targets: Arc<Vec<Target>>,
    to: &Path,
    nodes: &Nodes<N>,
    options: &GetOptions,
    step: Step,
) -> Result<(Step, Outcome), GetError> {
    let first = targets[step.pieces[0].target].path.clone();
    let step = Arc::new(step);
    let there = {
        let (destination, targets, step) =
            (Arc::clone(&destination), Arc::clone(&targets), Arc::clone(&step));
        tokio::task::spawn_blocking(move || is_there(&destination, &targets, &step)).await?
    };
    let outcome = if there.map_err(GetError::io("read", to, &first))? {
        Outcome::There
    } else {
        let locator = (options.locate)(step.block);
        match fetch(nodes, step.block, &locator).await {
            Err(not_fetched) => Outcome::Lost(not_fetched),
            Ok(data) => {
                let placing = Arc::clone(&step);
                let placed = tokio::task::spawn_blocking(move || {
                    place(&destination, &targets, &placing, &data)
                });
                Outcome::Fetched(placed.await?.map_err(GetError::io("write", to, &first))?)
            }
        }
    };
    Ok((Arc::unwrap_or_clone(step), outcome))
}

fn name(
    destination: &Destination,
    targets: &[Target],
    named: &[(usize, Rename)],
    to: &Path,
) -> Result<(), GetError> {
    let failed = |doing, path: &TreePath| GetError::io(doing, to, path);
    for (index, _) in named {
        let Target { path, size, .. } = &targets[*index];
        let file = destination.unfinished(path).map_err(failed("write", path))?;
        let length = file.metadata().map_err(failed("look at", path))?.len();
        if length != *size {
            file.set_len(*size).map_err(failed("write", path))?;
        }
    }
    destination.sync_contents().map_err(failed("make durable what is in", &TreePath::root()))?;
    let mut last: Option<(TreePath, OwnedFd)> = None;
    for (index, rename) in named {
        let path = &targets[*index].path;
        let parent = path.parent().unwrap_or_else(TreePath::root);
        let directory = match last.take() {
            Some((of, directory)) if of == parent => directory,
            Some(_) | None => destination.directory(&parent).map_err(failed("open", &parent))?,
        };
        destination.finish(path, &directory, *rename).map_err(failed("give its name to", path))?;
        last = Some((parent, directory));
    }
    Ok(())
}
