//! The node: everything that a request may need, built once.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use keep_protocol::list::{PullRequest, TrashRequest};
use keep_protocol::status::ListName;
use keep_rules::guard::Guard;
use keep_rules::{BlockHash, ClusterId, Timestamp, Token};
use keep_volume::Halt;
use ledger::LedgerError;
use tokio::sync::{RwLock, Semaphore};

use crate::buffer::BufferPool;
use crate::clock::Clock;
use crate::config::{
    ApiLimits, Config, NodeLimits, OnTrashHit, PullSettings, Signing, SigningMode, Tokens,
    TrashSettings, WriteAuth,
};
use crate::federation::Remotes;
use crate::http::{ActiveRequests, Gate, GateLimits};
use crate::ledger::Books;
use crate::life::Life;
use crate::lists::{Foreseen, Stores, StoresNotOpened, WorkList};
use crate::metrics::Metrics;
use crate::mounts::Mounts;
use crate::peers::Peers;
use crate::pulse::Pulse;
use crate::steering::Steering;

/// Lists that are read at the same time.
const LIST_READERS: usize = 8;

/// A node that has its mounts and can answer requests. Workers and the listener are started by [`crate::run()`].
#[derive(Debug)]
pub struct Node {
    pub(crate) cluster_id: ClusterId,
    pub(crate) config_text: ConfigText,
    pub(crate) tokens: Tokens,
    pub(crate) signing: Signing,
    pub(crate) write_auth: WriteAuth,
    pub(crate) trash: TrashSettings,
    pub(crate) pull: PullSettings,
    pub(crate) api: ApiLimits,
    pub(crate) limits: NodeLimits,
    pub(crate) queue_dump_dir: Option<PathBuf>,
    pub(crate) mounts: Mounts,
    pub(crate) trash_list: WorkList<TrashRequest>,
    pub(crate) pull_list: WorkList<PullRequest>,
    pub(crate) dry_trash_list: WorkList<TrashRequest>,
    pub(crate) dry_pull_list: WorkList<PullRequest>,
    /// What the guard would say of the dry trash list.
    pub(crate) foreseen: Foreseen,
    pub(crate) stores: Option<Stores>,
    pub(crate) list_max_age: Duration,
    pub(crate) resume_trash_within: Duration,
    pub(crate) life: Option<Life>,
    pub(crate) pulse: Pulse,
    pub(crate) guard: Guard,
    pub(crate) on_hit: OnTrashHit,
    pub(crate) hold_after_hits: u64,
    pub(crate) hit_search: Semaphore,
    pub(crate) halt: Halt,
    pub(crate) books: Books,
    pub(crate) steering: Steering,
    /// Held for reading while a replica is trashed or trash deleted; a freeze waits for it. Whoever has it asks again
    /// whether a freeze is in force.
    pub(crate) acts: RwLock<()>,
    /// Lists that are read at the same time: each holds a thread for as long as its sender takes.
    pub(crate) list_readers: Semaphore,
    pub(crate) peers: Peers,
    pub(crate) remotes: Remotes,
    pub(crate) gate: Gate,
    pub(crate) active: ActiveRequests,
    pub(crate) metrics: Metrics,
    pub(crate) buffers: BufferPool,
    pub(crate) clock: Clock,
    pub(crate) started: Timestamp,
}

/// Which configuration the node runs, for its metrics.
#[derive(Clone, Debug)]
pub struct ConfigText {
    /// SHA-256 of the text, in hex.
    pub sha256: String,
    /// When the file was last changed, if it is one.
    pub modified: Option<SystemTime>,
}

/// What a [`Node`] is made of.
#[derive(Debug)]
pub struct NodeParts {
    /// What the operator wants. Where it names volumes and a state directory, those below are what became of them.
    pub config: Config,
    /// Which configuration this is.
    pub config_text: ConfigText,
    /// What the node is called in its ledger: its URL.
    pub name: String,
    /// Where the node keeps its own state: lists, settings, ledger. `None`: it is gone with the process.
    pub state_dir: Option<PathBuf>,
    /// Why the node must begin frozen, if it must: a sentence.
    pub doubt: Option<String>,
    /// Where the blocks are.
    pub mounts: Mounts,
    /// The time.
    pub clock: Clock,
}

/// Why a node cannot be put together.
#[derive(Debug, thiserror::Error)]
pub enum NodeNotMade {
    /// The TLS library cannot be set up for outgoing connections.
    #[error("cannot set up outgoing connections")]
    Client(#[from] reqwest::Error),
    /// The state directory cannot be used.
    #[error(transparent)]
    State(#[from] StoresNotOpened),
    /// The ledger cannot be written, or was changed by somebody else. Look at it, and move it away if it is to begin anew.
    #[error("the ledger in the state directory cannot be used")]
    Ledger(#[from] LedgerError),
    /// The node must begin frozen, and that cannot be written.
    #[error(
        "the node must begin frozen, and cannot write that into its state directory; make room there, or check its disk"
    )]
    Settings(#[source] io::Error),
}

impl Node {
    /// Puts a node together. Nothing runs yet.
    ///
    /// # Errors
    /// [`NodeNotMade`]
    pub fn new(parts: NodeParts) -> Result<Arc<Node>, NodeNotMade> {
        let NodeParts { config, config_text, name, state_dir, doubt, mounts, clock } = parts;
        let gate = GateLimits {
            running: config.api.max_concurrent_requests,
            queued: config.api.max_queued_requests,
        };
        // First: its file tells new state from state that lost it.
        let steering = Steering::open(state_dir.as_deref(), doubt.as_deref(), clock.now());
        let freeze = |doubt: &str| steering.begin_frozen(doubt, clock.now());
        let books = Books::open(state_dir.as_deref(), &name, clock.now(), freeze)?;
        Ok(Arc::new(Node {
            cluster_id: config.cluster_id,
            config_text,
            stores: state_dir.as_deref().map(Stores::open).transpose()?,
            list_max_age: config.lists.max_age,
            resume_trash_within: config.lists.resume_trash_within,
            life: state_dir.as_deref().map(Life::in_dir),
            pulse: Pulse::new(clock.now()),
            guard: config.lists.guard,
            on_hit: config.lists.on_hit,
            hold_after_hits: config.lists.hold_after_hits,
            hit_search: Semaphore::new(1),
            halt: Halt::default(),
            books,
            steering,
            acts: RwLock::default(),
            list_readers: Semaphore::new(LIST_READERS),
            peers: Peers::new(config.peer_trust)?,
            remotes: Remotes::new(config.remotes)?,
            tokens: config.tokens,
            signing: config.signing,
            write_auth: config.write_auth,
            trash: config.trash,
            pull: config.pull,
            gate: Gate::new(gate),
            api: config.api,
            limits: config.limits,
            queue_dump_dir: config.queue_dump_dir,
            mounts,
            trash_list: WorkList::new(ListName::Trash, clock.clone()),
            pull_list: WorkList::new(ListName::Pull, clock.clone()),
            dry_trash_list: WorkList::new(ListName::Trash, clock.clone()),
            dry_pull_list: WorkList::new(ListName::Pull, clock.clone()),
            foreseen: Foreseen::default(),
            active: ActiveRequests::default(),
            metrics: Metrics::default(),
            buffers: BufferPool::default(),
            started: clock.now(),
            clock,
        }))
    }

    /// `hash+size`, signed for `token` if there is a key and a token. The signature ends one TTL after `mtime`, and so
    /// never outlives what the replica's mtime keeps (spec sections 3.1, 5.5).
    pub(crate) fn sign(
        &self,
        hash: BlockHash,
        size: u64,
        token: Option<&Token>,
        mtime: Timestamp,
    ) -> String {
        let locator = format!("{hash}+{size}");
        match (self.signing.key(), token) {
            (Some(key), Some(token)) => {
                key.sign(&locator, hash, token, mtime.after(self.signing.ttl), self.signing.ttl)
            }
            _no_key_or_no_token => locator,
        }
    }

    /// Whether a block may be stored only by somebody who shows a token.
    pub(crate) fn writes_need_a_token(&self) -> bool {
        matches!(self.signing.mode, SigningMode::Required(_))
            && self.write_auth == WriteAuth::RequireToken
    }
}
