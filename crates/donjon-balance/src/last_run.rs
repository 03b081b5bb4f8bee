//! How large the last run was whose lists were sent: what brakes compare with.

use keep_rules::brake::{RunSize, SourceSize};
use serde::{Deserialize, Serialize};

use crate::plan::{ReferenceInput, Sha256Digest};

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
}

impl LastRun {
    /// Of a run of this size that read these sources.
    pub fn new(size: &RunSize, sources: &[ReferenceInput]) -> Self {
        LastRun {
            collections: size.collections,
            wanted_blocks: size.wanted_blocks,
            replicas: size.replicas,
            bytes: size.bytes,
            sources: sources.iter().map(SourceState::from).collect(),
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

impl From<&ReferenceInput> for SourceState {
    fn from(read: &ReferenceInput) -> Self {
        SourceState {
            kind: read.kind.clone(),
            name: read.name.clone(),
            collections: read.collections,
            generation: read.generation,
            sha256: read.sha256,
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
