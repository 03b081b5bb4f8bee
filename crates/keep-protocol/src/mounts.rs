//! The answer to `GET /mounts` (spec section 2.8).

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

/// One mount, as a node describes it. The answer is a JSON array of these, sorted by UUID.
///
/// # Examples
/// ```
/// use keep_protocol::mounts::MountDescription;
/// let answer = r#"[{"uuid":"zzzzz-nyw5e-000000000000000","device_id":"host:/data","allow_write":true,
///     "allow_trash":true,"replication":1,"storage_classes":{"default":true}}]"#;
/// let mounts: Vec<MountDescription> = serde_json::from_str(answer)?;
/// assert!(mounts[0].storage_classes["default"]);
/// # Ok::<(), serde_json::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct MountDescription {
    /// The mount's UUID.
    pub uuid: String,
    /// What backs it. Mounts of one device have one text.
    pub device_id: String,
    /// Whether blocks may be written to it.
    pub allow_write: bool,
    /// Whether blocks may be trashed on it.
    pub allow_trash: bool,
    /// How many copies the device itself keeps; at least 1.
    pub replication: u32,
    /// Its storage classes as configured. A class marked `false` is listed all the same.
    pub storage_classes: BTreeMap<String, bool>,
    /// Of a Donjon node: changes when the disk or directory behind the mount is replaced by another, also by one with
    /// the same UUID and device. The same over restarts and remounts. The text of a `keep_rules::mount::Medium`, whose
    /// format is stable: parse it to compare what two nodes say. Absent if the node cannot tell, and from a keepstore.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub medium: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_in_the_order_of_the_protocol() {
        let mount = MountDescription {
            uuid: "zzzzz-nyw5e-000000000000000".into(),
            device_id: "host:/data".into(),
            allow_write: true,
            allow_trash: false,
            replication: 2,
            storage_classes: [("default".into(), true), ("archive".into(), false)].into(),
            medium: None,
        };
        let text = r#"{"uuid":"zzzzz-nyw5e-000000000000000","device_id":"host:/data","allow_write":true,"allow_trash":false,"replication":2,"storage_classes":{"archive":false,"default":true}}"#;
        assert_eq!(serde_json::to_string(&mount).unwrap(), text);
        assert_eq!(serde_json::from_str::<MountDescription>(text).unwrap(), mount);
    }

    #[test]
    fn a_medium_is_one_more_key() {
        let text = r#"{"uuid":"u","device_id":"d","allow_write":true,"allow_trash":true,"replication":1,"storage_classes":{},"medium":"c-17f"}"#;
        let mount: MountDescription = serde_json::from_str(text).unwrap();
        assert_eq!(mount.medium.as_deref(), Some("c-17f"));
        assert_eq!(serde_json::to_string(&mount).unwrap(), text);
    }
}
