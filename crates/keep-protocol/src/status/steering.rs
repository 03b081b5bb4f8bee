//! What an operator sees and sets: where a list came from, what holds it, settings, freeze.

use serde::{Deserialize, Serialize};

/// Who sent a list.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListSource {
    /// The address it came from.
    pub remote_addr: String,
    /// The id of its request.
    pub request_id: String,
    /// What the program that sent it calls itself.
    pub user_agent: String,
}

/// What happens to a list now.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ListState {
    /// There is none, or nothing waits and nothing runs.
    #[default]
    Idle,
    /// Workers take from it.
    Running,
    /// The guard counts the volumes before anything is done.
    Checking,
    /// It names too much, trashed what is asked for, or its node was away for long. `release` lets it through once.
    Held,
    /// An operator paused it.
    Paused,
    /// Trashing is frozen on this node.
    Frozen,
    /// Nothing works it off: the configuration says so.
    Off,
    /// A newer list took its place.
    Superseded,
}

impl ListState {
    /// The word in JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            ListState::Idle => "idle",
            ListState::Running => "running",
            ListState::Checking => "checking",
            ListState::Held => "held",
            ListState::Paused => "paused",
            ListState::Frozen => "frozen",
            ListState::Off => "off",
            ListState::Superseded => "superseded",
        }
    }
}

/// What the guard says of a list in a dry run: it would not be worked off until an operator had released it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WouldBeHeld {
    /// What it names too much of: a sentence.
    pub reason: String,
    /// The largest part of a volume that a list may name, in percent: `Donjon.TrashGuardPercent`.
    pub percent: u64,
    /// So many blocks of a volume every list may name: `Donjon.TrashGuardFloor`.
    pub floor: u64,
}

/// Where a setting comes from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The configuration.
    #[default]
    Config,
    /// It was set at run time, and stays so after a restart.
    Runtime,
}

/// A setting and where it comes from. `None` means no limit.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Setting {
    /// The value.
    pub value: Option<u64>,
    /// Where it comes from.
    pub origin: Origin,
}

/// The settings of a list: `GET /donjon/v1/lists/{trash,pull}/settings`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ListSettings {
    /// Workers.
    pub workers: Setting,
    /// Items that are begun in a second, at most.
    pub items_per_second: Setting,
    /// Bytes of blocks that are begun in a second, at most.
    pub bytes_per_second: Setting,
    /// Whether the list is paused.
    pub paused: bool,
}

/// `PUT /donjon/v1/lists/{trash,pull}/settings`: what to change. An absent key stays as it is; `null` goes back to the
/// configuration.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SettingsChange {
    /// See [`ListSettings::workers`].
    #[serde(default, skip_serializing_if = "Option::is_none", with = "given")]
    pub workers: Option<Option<u64>>,
    /// See [`ListSettings::items_per_second`]. 0 is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "given")]
    pub items_per_second: Option<Option<u64>>,
    /// See [`ListSettings::bytes_per_second`]. 0 is no limit.
    #[serde(default, skip_serializing_if = "Option::is_none", with = "given")]
    pub bytes_per_second: Option<Option<u64>>,
}

/// A key that is there, perhaps with the value `null`.
mod given {
    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        from: D,
    ) -> Result<Option<Option<u64>>, D::Error> {
        Option::<u64>::deserialize(from).map(Some)
    }

    pub(super) fn serialize<S: Serializer>(
        value: &Option<Option<u64>>,
        to: S,
    ) -> Result<S::Ok, S::Error> {
        value.flatten().serialize(to)
    }
}

/// `GET /donjon/v1/freeze`: whether trashing and emptying are stopped, on all volumes, also after restarts.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Freeze {
    /// Whether they are.
    pub frozen: bool,
    /// Since when, nanoseconds since 1970.
    pub since_ns: Option<i64>,
    /// Why, as the operator wrote it.
    pub reason: Option<String>,
}

/// `PUT /donjon/v1/freeze`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct FreezeRequest {
    /// Why: shown to everybody who looks.
    #[serde(default)]
    pub reason: String,
}

/// `DELETE /donjon/v1/lists/{trash,pull}/items/{hash}`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Removed {
    /// Items of that block that were taken off. Items that a worker held already are not among them.
    pub removed: u64,
}
