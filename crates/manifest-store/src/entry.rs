//! One collection, as the catalog has it.

use std::time::Duration;

use keep_manifest::PortableDataHash;
use keep_rules::Timestamp;
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};

use crate::name::CollectionName;

/// Clocks of different machines differ; and a signature may be used in its last second.
const MARGIN_MAX: Duration = Duration::from_secs(3600);

/// How long a removed collection is wanted beyond the signature TTL: an hour, or a quarter of the TTL if that is less.
///
/// With a TTL of less than four minutes this is shorter than the minute by which the balancer lets clocks differ
/// (`Donjon.Balance.MaxClockSkew`). Such a TTL is one of tests and demonstrations, whose clocks are one clock.
pub(crate) fn margin(ttl: Duration) -> Duration {
    MARGIN_MAX.min(ttl / 4)
}

/// What of a protection of `span` is margin. It was reckoned as a TTL and [`margin`]: a TTL of four hours is one of five, so a
/// fifth of all is the margin, or the hour that is its most.
fn margin_within(span: u64) -> u64 {
    let most = u64::try_from(MARGIN_MAX.as_nanos()).unwrap_or(u64::MAX);
    span.div_ceil(5).min(most)
}

/// The least time that a removed collection is remembered after its protection has ended.
const REMEMBERED_MIN: Duration = Duration::from_secs(24 * 3600);

/// What a collection wants of its blocks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wanted {
    /// How many copies; none is the cluster's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub replication: Option<u32>,
    /// In which storage classes; none is `default`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub classes: Vec<String>,
}

/// One collection, or what one was before it was removed or replaced.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Entry {
    /// What it is called.
    pub name: CollectionName,
    /// The name of its manifest's content.
    #[serde(serialize_with = "write_hash", deserialize_with = "read_hash")]
    pub pdh: PortableDataHash,
    /// The file in `manifests`.
    pub(crate) file: String,
    /// Bytes of that file.
    pub manifest_bytes: u64,
    /// Bytes of its files, as its manifest says.
    pub data_bytes: u64,
    /// Files.
    pub files: u64,
    /// Distinct blocks.
    pub blocks: u64,
    /// What it wants of its blocks.
    #[serde(default)]
    pub wanted: Wanted,
    /// When it was published, in nanoseconds since 1970.
    pub published_at: i64,
    /// When it was removed or replaced, in nanoseconds since 1970.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub removed_at: Option<i64>,
    /// Until when its blocks are protected, in nanoseconds since 1970, as it was reckoned when it was removed or replaced: by
    /// the TTL of that moment, with its margin. Entries of format 1 have none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub protected_until: Option<i64>,
}

/// Until when the blocks of what is removed at `at` are protected.
fn protected_until(at: Timestamp, ttl: Duration) -> Timestamp {
    at.after(ttl).after(margin(ttl))
}

/// Whether a collection still protects its blocks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Standing {
    /// It is there.
    Live,
    /// It was removed; its blocks are kept until then.
    RemovedUntil(Timestamp),
    /// It was removed, and its time is up.
    Over,
}

impl Entry {
    /// How it stands at `now`, if signatures are valid for `ttl`. Its blocks are protected until the later of two instants:
    /// what was reckoned when it was removed, and what is reckoned by `ttl` today.
    pub fn standing(&self, now: Timestamp, ttl: Duration) -> Standing {
        let Some(removed_at) = self.removed_at else { return Standing::Live };
        let today = protected_until(Timestamp::from_nanos(removed_at), ttl);
        let promised = self.protected_until.map_or(today, Timestamp::from_nanos);
        let until = today.max(promised);
        if now < until { Standing::RemovedUntil(until) } else { Standing::Over }
    }

    /// Until when it can be brought back, if it was removed: the earlier of what was reckoned when it was removed, and what is
    /// reckoned by `ttl` today; both without the margin. A balancer may have worked with either TTL, and its clock may be
    /// ahead of ours.
    pub fn undo_until(&self, ttl: Duration) -> Option<Timestamp> {
        let removed_at = self.removed_at?;
        let today = Timestamp::from_nanos(removed_at).after(ttl);
        let Some(protected_until) = self.protected_until else { return Some(today) };
        let span = u64::try_from(protected_until.saturating_sub(removed_at)).unwrap_or(0);
        let margin = Duration::from_nanos(margin_within(span));
        Some(today.min(Timestamp::from_nanos(protected_until).before(margin)))
    }

    /// Removed at `at`, where signatures are valid for `ttl`: from now on it is known until when its blocks are protected.
    pub(crate) fn remove(&mut self, at: Timestamp, ttl: Duration) {
        self.removed_at = Some(at.as_nanos());
        self.protected_until = Some(protected_until(at, ttl).as_nanos());
    }

    /// There again.
    pub(crate) fn restore(&mut self) {
        self.removed_at = None;
        self.protected_until = None;
    }

    /// Whether it may be forgotten at `now`: its protection ended another TTL ago, and a day at least. Until then a clock that
    /// is ahead, or a run that takes long, does no harm.
    pub(crate) fn is_forgettable(&self, now: Timestamp, ttl: Duration) -> bool {
        match self.standing(now, ttl) {
            Standing::Live | Standing::RemovedUntil(_) => false,
            Standing::Over => {
                let past = now.before(ttl.max(REMEMBERED_MIN));
                self.standing(past, ttl) == Standing::Over
            }
        }
    }

    /// Whether it was not removed.
    pub fn is_live(&self) -> bool {
        self.removed_at.is_none()
    }
}

fn write_hash<S: Serializer>(pdh: &PortableDataHash, to: S) -> Result<S::Ok, S::Error> {
    to.collect_str(pdh)
}

fn read_hash<'de, D: Deserializer<'de>>(from: D) -> Result<PortableDataHash, D::Error> {
    String::deserialize(from)?.parse().map_err(de::Error::custom)
}
