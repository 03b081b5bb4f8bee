//! Storing a block while it arrives (spec section 4).
//!
//! The first pieces are kept, so that a small block is verified before any volume is touched. A longer one goes to its
//! sinks piece by piece. When a sink fails, the plan names another mount, which catches up and goes on. Nothing becomes
//! visible on any volume before the whole was received and its hash found right.

use std::sync::Arc;

use bytes::Bytes;
use futures_util::future::join_all;
use http::StatusCode;
use keep_rules::mount::MountUuid;
use keep_rules::put::{Action, Replica as Presence, Step};
use keep_rules::{BLOCK_SIZE_MAX, BlockHash, ClassSet, PutMount, PutOutcome, PutPlan, Timestamp};
use keep_volume::Error as VolumeError;

use super::catch_up::{Origins, Prefix, compare_after, write_after};
use super::reading::read_whole;
use super::sink::{Comparison, Sink, SinkFailure, Work};
use crate::buffer::PIECE_BYTES;
use crate::hashing::BlockHasher;
use crate::http::Failure;
use crate::mounts::Mount;
use crate::node::Node;

/// Bytes of an upload that are kept in memory before the first volume is touched.
const KEPT_BYTES: u64 = 2 * PIECE_BYTES as u64;

/// An upload in progress. Dropping it leaves nothing on any volume.
pub(super) struct Upload<'n> {
    node: &'n Arc<Node>,
    hash: BlockHash,
    classes: ClassSet,
    mounts: Vec<Arc<Mount>>,
    /// Of everything received.
    received: BlockHasher,
    /// The first pieces, until more came than is kept.
    kept: Vec<Bytes>,
    plan: Option<PutPlan>,
    sinks: Vec<Sink>,
    /// Sinks that failed while writing: what they hold may still be read back.
    spent: Vec<Sink>,
    /// Places in the plan whose replica differed from what was received.
    suspects: Vec<usize>,
    /// Mounts whose replica was compared at some time.
    compared: Vec<Arc<Mount>>,
    /// The mtime of the replica that each mount had, by its place in the plan.
    mtimes: Vec<Option<Timestamp>>,
}

/// What an upload came to.
pub(super) struct Finished {
    pub(super) outcome: PutOutcome,
    /// Bytes received.
    pub(super) length: u64,
    /// Of its replicas, at least.
    pub(super) mtime: Timestamp,
    /// The mounts that have them.
    pub(super) on: Vec<MountUuid>,
}

impl<'n> Upload<'n> {
    /// Nothing received yet. `mounts` are the candidates, in the order of preference.
    pub(super) fn new(
        node: &'n Arc<Node>,
        hash: BlockHash,
        classes: ClassSet,
        mounts: Vec<Arc<Mount>>,
    ) -> Upload<'n> {
        Upload {
            node,
            hash,
            classes,
            mounts,
            received: BlockHasher::begin(),
            kept: Vec::new(),
            plan: None,
            sinks: Vec::new(),
            spent: Vec::new(),
            suspects: Vec::new(),
            compared: Vec::new(),
            mtimes: Vec::new(),
        }
    }

    /// Takes the next piece.
    ///
    /// # Errors
    /// 413 if the block is too large.
    pub(super) async fn take(&mut self, piece: Bytes) -> Result<(), Failure> {
        if self.received.length() + piece.len() as u64 > BLOCK_SIZE_MAX {
            return Err(too_large());
        }
        if self.plan.is_none() && self.received.length() + (piece.len() as u64) <= KEPT_BYTES {
            self.received.update(piece.clone()).await;
            self.kept.push(piece);
            return Ok(());
        }
        if self.plan.is_none() {
            self.begin().await;
        }
        self.kept.clear();
        let before = self.received.clone();
        self.received.update(piece.clone()).await;
        self.distribute(piece, &Prefix::Passed(before)).await;
        Ok(())
    }

    /// Everything was received: verifies the hash, then makes the replicas count. Gives the mounts that have it, too.
    ///
    /// # Errors
    /// 400 if the data is not the block; 500 for a true collision.
    pub(super) async fn finish(mut self) -> Result<Finished, Failure> {
        let found = self.received.clone().finish().await;
        if found != self.hash {
            return Err(mismatch(found, self.hash));
        }
        if self.plan.is_none() {
            self.begin().await;
        }
        let length = self.received.length();
        // One instant for all replicas, taken before the first of them counts: a signature that expires one TTL after
        // it promises no more than each mtime keeps.
        let now = self.node.clock.now();
        self.check_comparisons().await;
        while !self.sinks.is_empty() {
            self.refuse_collisions().await?;
            self.settle(now).await;
            let whole = self.whole();
            self.engage_more(None, &whole).await;
            self.check_comparisons().await;
        }
        self.refuse_collisions().await?;
        let plan = self.plan.expect("made by begin");
        let on = plan.stored_on().map(|mount| self.mounts[mount].uuid.clone()).collect();
        Ok(Finished { outcome: plan.outcome(), length, mtime: now, on })
    }

    /// Makes the plan, and gives what was kept to the sinks that it names.
    async fn begin(&mut self) {
        let looked_at = join_all(self.mounts.iter().map(|mount| presence(mount, self.hash))).await;
        self.mtimes = looked_at.iter().map(|(_presence, mtime)| *mtime).collect();
        let mounts = self.mounts.iter().zip(looked_at).map(|(mount, (replica, _mtime))| PutMount {
            classes: mount.classes.clone(),
            replication: mount.replication,
            replica,
        });
        self.plan = Some(PutPlan::new(mounts.collect(), self.classes.clone()));
        let pieces = std::mem::take(&mut self.kept);
        self.engage_more(None, &Prefix::Kept(Vec::new())).await;
        for (number, piece) in pieces.iter().enumerate() {
            self.distribute(piece.clone(), &Prefix::Kept(pieces[..number].to_vec())).await;
        }
        self.kept = pieces;
    }

    /// Gives a piece to every sink, and to the mounts that take the place of those that fail.
    async fn distribute(&mut self, piece: Bytes, before: &Prefix) {
        let buffers = &self.node.buffers;
        let results =
            join_all(self.sinks.iter_mut().map(|sink| sink.take(piece.clone(), buffers))).await;
        self.keep_working(results);
        self.engage_more(Some(&piece), before).await;
    }

    /// Sorts out the sinks that failed.
    fn keep_working(&mut self, results: Vec<Result<(), SinkFailure>>) {
        for (sink, result) in std::mem::take(&mut self.sinks).into_iter().zip(results) {
            match result {
                Ok(()) => self.sinks.push(sink),
                Err(failure) => self.failed(sink.place, &failure, Some(sink)),
            }
        }
    }

    fn failed(&mut self, place: usize, failure: &SinkFailure, sink: Option<Sink>) {
        let mount = self.mounts[place].clone();
        tracing::warn!(
            mount = %mount.uuid, locator = %self.hash, error = failure.describe(), "cannot store on this mount"
        );
        self.node.metrics.write_failed(&mount.uuid);
        if matches!(failure, SinkFailure::Differs) {
            self.suspects.push(place);
        }
        self.spent.extend(sink.filter(|sink| matches!(sink.work, Work::Writing(_))));
        self.plan.as_mut().expect("sinks come from a plan").failed(place, failure.kind());
    }

    /// Puts to work every mount that the plan names, each caught up to `before` and given `piece`.
    async fn engage_more(&mut self, piece: Option<&Bytes>, before: &Prefix) {
        while let Some(step) = self.plan.as_mut().and_then(PutPlan::next) {
            match self.engage(step, piece, before).await {
                Ok(sink) => self.sinks.push(sink),
                Err(failure) => self.failed(step.mount, &failure, None),
            }
        }
    }

    async fn engage(
        &mut self,
        step: Step,
        piece: Option<&Bytes>,
        before: &Prefix,
    ) -> Result<Sink, SinkFailure> {
        let mount = self.mounts[step.mount].clone();
        let buffers = &self.node.buffers;
        let work = match step.action {
            Action::Confirm => {
                self.compared.push(mount.clone());
                compare_after(&mount, self.hash, before, buffers).await?
            }
            Action::Write => {
                let written = self.sinks.iter_mut().chain(&mut self.spent).collect();
                let origins = Origins { compared: self.compared.clone(), written };
                write_after(&mount, self.hash, before, origins, self.node).await?
            }
        };
        let mut sink = Sink { place: step.mount, mount, work };
        if let Some(piece) = piece {
            sink.take(piece.clone(), buffers).await?;
        }
        Ok(sink)
    }

    /// Everything received, for sinks that join at the end.
    fn whole(&self) -> Prefix {
        if self.kept.is_empty() {
            Prefix::Passed(self.received.clone())
        } else {
            Prefix::Kept(self.kept.clone())
        }
    }

    /// Drops the comparisons whose replica turned out longer or shorter, until none does.
    async fn check_comparisons(&mut self) {
        loop {
            let results: Vec<_> = self.sinks.iter().map(Sink::check_end).collect();
            if results.iter().all(Result::is_ok) {
                return;
            }
            self.keep_working(results);
            let whole = self.whole();
            self.engage_more(None, &whole).await;
        }
    }

    /// Commits and touches. No replica's mtime becomes earlier, though the clock was set back: a signature that was given
    /// for it before promises that it stays until one TTL after the mtime that it had.
    async fn settle(&mut self, now: Timestamp) {
        let (hash, mtimes) = (self.hash, &self.mtimes);
        let settling = self.sinks.iter_mut().map(|sink| {
            let before = mtimes.get(sink.place).copied().flatten();
            sink.settle(hash, before.map_or(now, |before| before.max(now)))
        });
        let results = join_all(settling).await;
        for (sink, result) in std::mem::take(&mut self.sinks).into_iter().zip(results) {
            match result {
                Ok(()) => self.plan.as_mut().expect("sinks come from a plan").succeeded(sink.place),
                Err(failure) => self.failed(sink.place, &failure, Some(sink)),
            }
        }
    }

    /// A replica that differs is damaged, and gets replaced, unless it has the right hash: then two blocks share a name,
    /// and the one that was there stays.
    async fn refuse_collisions(&mut self) -> Result<(), Failure> {
        for place in std::mem::take(&mut self.suspects) {
            let mount = self.mounts[place].clone();
            let Ok(reader) = mount.volume.open(self.hash).await else { continue };
            if read_whole(self.hash, reader, &self.node.buffers).await.is_err() {
                tracing::warn!(mount = %mount.uuid, locator = %self.hash, "replacing a damaged replica");
            } else if !self.equals(&mount).await {
                tracing::error!(mount = %mount.uuid, locator = %self.hash, "hash collision");
                return Err(Failure::new(StatusCode::INTERNAL_SERVER_ERROR, "hash collision"));
            }
        }
        Ok(())
    }

    /// Whether the replica is now, byte for byte, what was received: another request may have healed it meanwhile.
    async fn equals(&mut self, mount: &Mount) -> bool {
        let Ok(reader) = mount.volume.open(self.hash).await else { return false };
        let mut comparison = Comparison::new(reader);
        for piece in &self.kept {
            if comparison.take(piece, &self.node.buffers).await.is_err() {
                return false;
            }
        }
        if !self.kept.is_empty() {
            return comparison.check_end().is_ok();
        }
        for sink in &mut self.sinks {
            let Work::Writing(writer) = &mut sink.work else { continue };
            let Ok(written) = writer.read_back().await else { continue };
            return comparison.equals(written, &self.node.buffers).await;
        }
        false
    }
}

async fn presence(mount: &Mount, hash: BlockHash) -> (Presence, Option<Timestamp>) {
    match mount.volume.stat(hash).await {
        Ok(replica) => (Presence::Present, Some(replica.mtime)),
        Err(VolumeError::NotFound) => (Presence::Absent, None),
        // Nobody knows. A write finds out, and says what is wrong.
        Err(_unknown) => (Presence::Absent, None),
    }
}

pub(super) fn too_large() -> Failure {
    Failure::new(StatusCode::PAYLOAD_TOO_LARGE, "request entity too large")
}

fn mismatch(found: BlockHash, wanted: BlockHash) -> Failure {
    let text = format!("content hash {found} did not match specified locator {wanted}");
    Failure::new(StatusCode::BAD_REQUEST, text)
}
