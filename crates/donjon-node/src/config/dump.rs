//! The configuration as the node understood it, without secrets.

use std::path::Path;

use serde_json::{Map, Value, json};

use keep_rules::trash::Trashing;
use keep_rules::{HostAccess, VolumeAccess};

use super::balance::ClassOrder;
use super::cluster::Config;
use super::collections::SigningMode;
use super::driver::{Driver, Transfers};
use super::duration::show_duration;
use super::identity::ServiceUrl;
use super::list_policy::OnTrashHit;
use super::own_keys::{Durability, WriteAuth};
use super::tls::PeerTrust;
use super::volumes::VolumeEntry;

/// What stands for a secret.
const REMOVED: &str = "[removed]";

impl Config {
    /// The effective configuration: every key that the node reads, defaults filled in, in the layout of the file.
    /// A secret that is set is shown as `[removed]`, one that is not as an empty text.
    pub fn to_json(&self) -> Value {
        let mut cluster = Map::new();
        cluster.insert("SystemRootToken".into(), REMOVED.into());
        cluster.insert("ManagementToken".into(), removed(self.tokens.management.is_some()));
        cluster.insert("API".into(), self.api_json());
        cluster.insert("Collections".into(), self.collections_json());
        cluster.insert("Donjon".into(), self.own_keys_json());
        cluster.insert(
            "Services".into(),
            json!({ "Keepstore": { "InternalURLs": self.services_json() } }),
        );
        cluster.insert("StorageClasses".into(), self.classes_json());
        let volumes =
            self.volumes.entries().iter().map(|entry| (entry.uuid.to_string(), volume_json(entry)));
        cluster.insert("Volumes".into(), Value::Object(volumes.collect()));
        cluster.insert("RemoteClusters".into(), self.remotes_json());
        cluster.insert("TLS".into(), self.tls_json());
        cluster.insert("SystemLogs".into(), self.logs_json());
        json!({ "Clusters": { self.cluster_id.as_str(): cluster } })
    }

    /// [`Config::to_json`] as YAML, which can be loaded again once the secrets are put back.
    pub fn dump_yaml(&self) -> String {
        let mut text = String::new();
        write_yaml(&mut text, &self.to_json(), 0);
        text
    }

    fn api_json(&self) -> Value {
        json!({
            "MaxConcurrentRequests": self.api.max_concurrent_requests.map_or(0, usize::from),
            "MaxQueuedRequests": self.api.max_queued_requests,
            "MaxKeepBlobBuffers": self.api.max_keep_blob_buffers,
            "RequestTimeout": show_duration(self.api.request_timeout.unwrap_or_default()),
        })
    }

    fn collections_json(&self) -> Value {
        json!({
            "BlobSigning": matches!(self.signing.mode, SigningMode::Required(_)),
            "BlobSigningKey": removed(self.signing.key().is_some()),
            "BlobSigningTTL": show_duration(self.signing.ttl),
            "BlobTrash": self.trash.enabled == Trashing::Enabled,
            "BlobTrashLifetime": show_duration(self.trash.lifetime),
            "BlobTrashCheckInterval": show_duration(self.trash.check_interval.unwrap_or_default()),
            "BlobTrashConcurrency": self.trash.workers,
            "BlobDeleteConcurrency": self.trash.delete_workers,
            "BlobReplicateConcurrency": self.pull.workers,
            "DefaultReplication": self.balance.default_replication,
            "BalancePeriod": show_duration(self.balance.period.unwrap_or_default()),
            "BalanceTimeout": show_duration(self.balance.timeout),
            "BalancePullLimit": self.balance.pull_limit,
            "BalanceTrashLimit": self.balance.trash_limit,
            "BalanceUpdateLimit": self.balance.update_limit,
            "BlobMissingReport": self.balance.missing_report.as_deref().map_or(String::new(), shown_path),
        })
    }

    fn own_keys_json(&self) -> Value {
        json!({
            "SyncWrites": self.durability == Durability::Sync,
            "AnonymousWrites": self.write_auth == WriteAuth::AllowAnonymous,
            "MaxConnections": self.limits.max_connections,
            "MaxListItems": self.limits.max_list_items,
            "BodyStallTimeout": show_duration(self.limits.body_stall_timeout),
            "ShutdownTimeout": show_duration(self.limits.shutdown_timeout),
            "StateDir": self.lists.state_dir,
            "ListMaxAge": show_duration(self.lists.max_age),
            "ResumeTrashWithin": show_duration(self.lists.resume_trash_within),
            "TrashGuardPercent": self.lists.guard.percent,
            "TrashGuardFloor": self.lists.guard.floor,
            "UntrashOnHit": self.lists.on_hit == OnTrashHit::Untrash,
            "HoldAfterHits": self.lists.hold_after_hits,
            "Balance": {
                "Manifests": self.balance.manifests,
                "StateDir": self.balance.state_dir,
                "MaxTrashPercent": self.balance.brakes.trash_percent,
                "MaxDropPercent": self.balance.brakes.drop_percent,
                "BrakeFloor": self.balance.brakes.floor,
                "MaxClockSkew": show_duration(self.balance.clock_skew_max),
                "PlanMaxAge": show_duration(self.balance.plan_max_age),
                "Memory": self.balance.memory,
                "ClassFirst": self.balance.class_order == ClassOrder::ClassFirst,
            },
        })
    }

    /// Where each URL listens, as far as this node may be it; the others by their names alone.
    fn services_json(&self) -> Value {
        let listen = |url: &ServiceUrl| {
            let own = self.candidates.iter().find(|candidate| candidate.internal_url == *url);
            own.map_or(json!({}), |candidate| json!({ "ListenURL": candidate.listen.to_string() }))
        };
        let candidates = self.candidates.iter().map(|candidate| &candidate.internal_url);
        let urls = self.keepstores.iter().map(|keepstore| &keepstore.url).chain(candidates);
        Value::Object(urls.map(|url| (url.to_string(), listen(url))).collect())
    }

    fn classes_json(&self) -> Value {
        let classes = self.classes.priorities.iter().map(|(class, priority)| {
            let settings =
                json!({ "Priority": priority, "Default": self.classes.defaults.contains(class) });
            (class.to_string(), settings)
        });
        Value::Object(classes.collect())
    }

    fn remotes_json(&self) -> Value {
        let remotes = self.remotes.iter().map(|(id, remote)| {
            (
                id.to_string(),
                json!({ "Host": remote.host, "Insecure": remote.trust == PeerTrust::AcceptAny }),
            )
        });
        Value::Object(remotes.collect())
    }

    fn tls_json(&self) -> Value {
        let files = self.tls.as_ref();
        json!({
            "Certificate": files.map_or(String::new(), |files| shown_path(&files.certificate)),
            "Key": files.map_or(String::new(), |files| shown_path(&files.key)),
            "Insecure": self.peer_trust == PeerTrust::AcceptAny,
        })
    }

    fn logs_json(&self) -> Value {
        json!({
            "LogLevel": self.logs.level.as_str(),
            "Format": self.logs.format.as_str(),
            "RequestQueueDumpDirectory": self.queue_dump_dir.as_deref().map_or(String::new(), shown_path),
        })
    }
}

fn volume_json(volume: &VolumeEntry) -> Value {
    let (driver, parameters) = match &volume.driver {
        Ok(Driver::Directory { root, transfers }) => {
            let serialize = *transfers == Transfers::OneAtATime;
            (json!("Directory"), json!({ "Root": shown_path(root), "Serialize": serialize }))
        }
        // Another node's: its parameters may hold keys to a cloud.
        Err(_) => (json!("[not served by this node]"), json!(REMOVED)),
    };
    let hosts = volume.hosts.iter().map(|(url, access)| {
        (url.to_string(), json!({ "ReadOnly": *access == HostAccess::ReadOnly }))
    });
    let classes =
        volume.classes.iter().map(|(class, counts)| (class.to_string(), Value::Bool(*counts)));
    json!({
        "Driver": driver,
        "DriverParameters": parameters,
        "AccessViaHosts": Value::Object(hosts.collect()),
        "ReadOnly": volume.access != VolumeAccess::ReadWrite,
        "AllowTrashWhenReadOnly": volume.access == VolumeAccess::ReadAndTrash,
        "Replication": volume.replication.get(),
        "StorageClasses": Value::Object(classes.collect()),
    })
}

fn removed(is_set: bool) -> Value {
    Value::from(if is_set { REMOVED } else { "" })
}

fn shown_path(path: &Path) -> String {
    path.display().to_string()
}

/// A text as a YAML scalar in double quotes. JSON's quotes and escapes are YAML's too.
pub(super) fn quoted(text: &str) -> String {
    Value::from(text).to_string()
}

/// Writes maps on lines of their own and everything else as JSON, which is YAML.
fn write_yaml(out: &mut String, value: &Value, indent: usize) {
    let Some(map) = value.as_object() else { return };
    for (key, value) in map {
        let plain = !key.is_empty() && key.bytes().all(|byte| byte.is_ascii_alphabetic());
        let key = if plain { key.clone() } else { quoted(key) };
        out.push_str(&format!("{:indent$}{key}:", ""));
        match value.as_object() {
            Some(inner) if !inner.is_empty() => {
                out.push('\n');
                write_yaml(out, value, indent + 2);
            }
            _ => out.push_str(&format!(" {value}\n")),
        }
    }
}
