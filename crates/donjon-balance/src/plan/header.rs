//! What a plan was made from.

use std::fmt;
use std::str::FromStr;

use keep_rules::{Access, Timestamp};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use crate::plan::digest::Sha256Digest;
use crate::plan::text::{as_text, nanos};

/// The format that is written, and the newest that is read.
pub const FORMAT: u32 = 1;

/// The first line of a plan: everything that was known before the first block.
///
/// Instants are nanoseconds since 1970. Servers and mounts are named by their places in the two tables.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Header {
    /// [`FORMAT`].
    pub format: u32,
    /// The version of the program that made the plan.
    pub donjon: String,
    /// The plan's name: no other plan has it.
    pub id: String,
    /// When the plan was begun.
    #[serde(with = "nanos")]
    pub made_at: Timestamp,
    /// The balancer's clock before anything was read: T0 (spec/keep-balance.md section 0).
    #[serde(with = "nanos")]
    pub t0: Timestamp,
    /// A replica is new, and not trashed, unless its mtime is before this: M (spec/keep-balance.md section 0).
    #[serde(with = "nanos")]
    pub min_mtime: Timestamp,
    /// The signature TTL, in nanoseconds.
    pub signature_ttl: u64,
    /// The options of the decision.
    pub policy: Map<String, Value>,
    /// What orders entries of the same urgency.
    pub salt: Salt,
    /// How much each server is sent.
    pub limits: Limits,
    /// The servers.
    pub servers: Vec<Server>,
    /// The mounts.
    pub mounts: Vec<Mount>,
    /// What was read.
    pub inputs: Inputs,
}

/// A server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The UUID by which clients rank it.
    pub uuid: String,
    /// Where it is reached, and where others pull from.
    pub url: String,
}

/// A mount.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Mount {
    /// The UUID: mounts with the same one are views of the same device.
    pub uuid: String,
    /// The server it is on.
    pub server: u16,
    /// What the server may do to it.
    pub access: MountAccess,
    /// How many copies it stands for: at least one.
    pub replication: u32,
    /// Its storage classes.
    pub classes: Vec<String>,
    /// Which disk is behind it, if its server tells: another one of the same UUID is not what the plan is for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<String>,
}

/// What a server may do to a mount, beside reading it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MountAccess {
    /// Write and trash.
    ReadWrite,
    /// Trash.
    ReadAndTrash,
    /// Write, but not trash.
    ReadAndWrite,
    /// Nothing.
    ReadOnly,
}

impl MountAccess {
    /// Whether blocks may be pulled to it.
    pub const fn allows_write(self) -> bool {
        matches!(self, MountAccess::ReadWrite | MountAccess::ReadAndWrite)
    }

    /// Whether replicas on it may be trashed.
    pub const fn allows_trash(self) -> bool {
        matches!(self, MountAccess::ReadWrite | MountAccess::ReadAndTrash)
    }
}

impl From<Access> for MountAccess {
    fn from(access: Access) -> Self {
        match access {
            Access::ReadWrite => MountAccess::ReadWrite,
            Access::ReadAndTrash => MountAccess::ReadAndTrash,
            Access::ReadOnly => MountAccess::ReadOnly,
        }
    }
}

/// How much each server is sent. More is deferred to a later run (spec/keep-balance.md section 2.6).
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Limits {
    /// Pull entries for each server.
    pub pulls: u64,
    /// Trash entries for each server.
    pub trashes: u64,
}

/// What was read. The evidence behind the plan.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Inputs {
    /// The indexes: what exists.
    pub indexes: Vec<IndexInput>,
    /// The sources of references: what is wanted.
    pub references: Vec<ReferenceInput>,
}

/// The index of a device.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct IndexInput {
    /// The device: the UUID of its mounts.
    pub device: String,
    /// The server that gave the index.
    pub via: u16,
    /// Lines in it.
    pub replicas: u64,
    /// Bytes in it, the end mark included.
    pub bytes: u64,
    /// Of its lines.
    pub sha256: Sha256Digest,
    /// Whether it ended with its mark. No plan rests on an index that did not.
    pub end_mark: bool,
}

/// A source of references.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ReferenceInput {
    /// What it is: `postgresql`, `manifest_store`.
    pub kind: String,
    /// Which one it is. No password is in it.
    pub name: String,
    /// Collections in it.
    pub collections: u64,
    /// References to blocks in them, each as often as it occurs.
    pub references: u64,
    /// Of its contents, if it can be said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<Sha256Digest>,
    /// Its generation, if it counts them.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub generation: Option<u64>,
}

/// A number that is another in each run, so that what comes last once does not always come last
/// (spec/keep-balance.md section 2.6). Written as 16 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Salt(pub u64);

/// A text that is not 16 lower-case hex digits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a salt is 16 lower-case hex digits")]
pub struct BadSalt;

impl FromStr for Salt {
    type Err = BadSalt;

    fn from_str(text: &str) -> Result<Self, BadSalt> {
        let salt = u64::from_str_radix(text, 16).map(Salt).map_err(|_not_hex| BadSalt)?;
        // One text for one salt: no capitals, no sign, no other length.
        if salt.to_string() == text { Ok(salt) } else { Err(BadSalt) }
    }
}

impl fmt::Display for Salt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:016x}", self.0)
    }
}

as_text!(Salt);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_salt_has_one_text() {
        for salt in [0, 1, u64::MAX] {
            assert_eq!(Salt(salt).to_string().parse(), Ok(Salt(salt)));
        }
        for text in ["", "1", "+000000000000001", "000000000000000A", "00000000000000001"] {
            assert_eq!(text.parse::<Salt>(), Err(BadSalt), "{text}");
        }
    }
}
