//! How large the last run was whose lists were sent: what brakes compare with.

use keep_rules::brake::{RunSize, SourceSize};
use serde::{Deserialize, Serialize};

use crate::plan::{ReferenceInput, Server, Sha256Digest};

/// How large a run was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LastRun {
    /// Collections.
    pub collections: u64,
    /// Blocks that were wanted.
    pub wanted_blocks: u64,
    /// Replicas.
    pub replicas: u64,
    /// Their bytes.
    pub bytes: u64,
    /// Its sources of references. Files of earlier versions do not have them.
    #[serde(default)]
    pub sources: Vec<SourceState>,
    /// The nodes that were asked.
    #[serde(default)]
    pub nodes: Vec<Server>,
}

/// A source of references, as it was.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SourceState {
    /// What it is: `postgresql`, `manifest_store`.
    pub kind: String,
    /// Which one it is.
    pub name: String,
    /// Collections in it.
    pub collections: u64,
    /// The number of its state, if it counts them.
    #[serde(default)]
    pub generation: Option<u64>,
    /// A digest of its contents, if it has one.
    #[serde(default)]
    pub sha256: Option<Sha256Digest>,
    /// It had gone back, or was another, in a later run, and nobody has released a plan since.
    #[serde(default)]
    pub in_doubt: bool,
}

impl LastRun {
    /// Of a run of this size that asked these nodes and read these sources.
    pub fn new(size: &RunSize, nodes: &[Server], sources: &[ReferenceInput]) -> Self {
        LastRun {
            collections: size.collections,
            wanted_blocks: size.wanted_blocks,
            replicas: size.replicas,
            bytes: size.bytes,
            sources: sources.iter().map(SourceState::from).collect(),
            nodes: nodes.to_vec(),
        }
    }

    /// The sizes that brakes know. Nothing was trashed, as far as they are concerned.
    pub fn size(&self) -> RunSize {
        RunSize {
            collections: self.collections,
            wanted_blocks: self.wanted_blocks,
            replicas: self.replicas,
            bytes: self.bytes,
            ..RunSize::default()
        }
    }

    /// Its sources, as brakes know them.
    pub fn source_sizes(&self) -> Vec<SourceSize> {
        self.sources.iter().map(SourceState::size).collect()
    }
}

impl LastRun {
    /// The sources that are in doubt since, as brakes name them.
    pub fn sources_in_doubt(&self) -> Vec<String> {
        self.sources
            .iter()
            .filter(|source| source.in_doubt)
            .map(|source| source.size().name)
            .collect()
    }

    /// Remembers that this source is in doubt; whether that is new.
    pub fn doubt(&mut self, of: &str) -> bool {
        let found =
            self.sources.iter_mut().find(|source| source.size().name == of && !source.in_doubt);
        found.is_some_and(|source| {
            source.in_doubt = true;
            true
        })
    }
}

impl From<&ReferenceInput> for SourceState {
    fn from(read: &ReferenceInput) -> Self {
        SourceState {
            kind: read.kind.clone(),
            name: read.name.clone(),
            collections: read.collections,
            generation: read.generation,
            sha256: read.sha256,
            in_doubt: false,
        }
    }
}

impl SourceState {
    /// As brakes know it.
    pub fn size(&self) -> SourceSize {
        SourceSize {
            name: format!("{} {}", self.kind, self.name),
            collections: self.collections,
            generation: self.generation,
            digest: self.sha256.map(|digest| digest.0),
        }
    }
}
