//! What is to be done about a block.

use std::collections::BTreeMap;

use keep_rules::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::plan::block_name::BlockName;
use crate::plan::slug::Slug;
use crate::plan::text::nanos;

/// A line of a plan: a block, what is wanted, what there is, and what is to be done.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// The block. Its size is the one that is referenced, or of a block that is not, the one of its replicas.
    pub block: BlockName,
    /// Wanted copies by storage class. Empty if nothing references the block.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub wanted: BTreeMap<String, u32>,
    /// Its replicas on every mount, and what becomes of each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub replicas: Vec<Replica>,
    /// Where copies are to be made.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub pulls: Vec<Pull>,
    /// Why the block is lost: it is wanted, and there is no replica.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lost: Option<Slug>,
    /// What else is to be known about the block.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub report: Vec<Slug>,
}

/// A replica, and what becomes of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Replica {
    /// The mount, by its place in the header.
    pub mount: u16,
    /// Its mtime.
    pub mtime: Timestamp,
    /// Its size in bytes, if that is not the block's. Nothing of such a block is trashed
    /// (spec/keep-balance.md section 3.3, D10).
    pub size: Option<u32>,
    /// Whether it is on the trash list that its server accepted last (spec/keep-balance.md section 2.5, D7).
    pub doomed: bool,
    /// What becomes of it.
    pub fate: Fate,
}

/// What becomes of a replica.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Fate {
    /// It stays.
    Keep {
        /// Why.
        reason: Slug,
    },
    /// Its server is asked to trash it.
    Trash {
        /// Why.
        reason: Slug,
        /// Its urgency: the lowest is sent first. Entries of the same urgency are sent in an order that the salt chooses.
        order: u64,
    },
}

/// A copy to be made.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pull {
    /// The mount that gets it, by its place in the header.
    pub to: u16,
    /// The servers to pull from, by their places in the header, the first to be tried first.
    pub from: Vec<u16>,
    /// Why.
    pub reason: Slug,
    /// Its urgency: the lowest is sent first. Entries of the same urgency are sent in an order that the salt chooses.
    pub order: u64,
}

/// A replica as the file has it: `"keep"` or `"trash"` has the reason.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct ReplicaFields {
    mount: u16,
    #[serde(with = "nanos")]
    mtime: Timestamp,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u32>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    doomed: bool,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    keep: Option<Slug>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    trash: Option<Slug>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    order: Option<u64>,
}

impl Serialize for Replica {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let (keep, trash, order) = match &self.fate {
            Fate::Keep { reason } => (Some(reason.clone()), None, None),
            Fate::Trash { reason, order } => (None, Some(reason.clone()), Some(*order)),
        };
        let &Replica { mount, mtime, size, doomed, .. } = self;
        ReplicaFields { mount, mtime, size, doomed, keep, trash, order }.serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Replica {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let fields = ReplicaFields::deserialize(deserializer)?;
        let ReplicaFields { mount, mtime, size, doomed, keep, trash, order } = fields;
        let fate = match (keep, trash, order) {
            (Some(reason), None, None) => Fate::Keep { reason },
            (None, Some(reason), Some(order)) => Fate::Trash { reason, order },
            _ => {
                return Err(de::Error::custom(
                    "a replica has either `keep`, or `trash` and `order`",
                ));
            }
        };
        Ok(Replica { mount, mtime, size, doomed, fate })
    }
}
