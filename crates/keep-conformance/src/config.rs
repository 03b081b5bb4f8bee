use std::time::Duration;

use serde_json::{Map, Value, json};

use crate::http::Origin;
use crate::setup::{Access, RemoteSetup, ServedBy, Setup, Signing, Trash, VolumeSetup};

/// Writes `setup` as an Arvados `config.yml` (spec section 8) for a service at `internal_url`.
///
/// The text is JSON, which is YAML too: nothing has to be quoted by hand.
///
/// # Examples
/// ```
/// use keep_conformance::{Setup, config_yaml};
/// let text = config_yaml(&Setup::new("/tmp".as_ref()), &"http://127.0.0.1:25107".parse()?);
/// assert!(text.contains("\"BlobSigningTTL\": \"3600000ms\""));
/// # Ok::<(), keep_conformance::BadUrl>(())
/// ```
pub fn config_yaml(setup: &Setup, internal_url: &Origin) -> String {
    let url = service_url(internal_url);
    let cluster = json!({
        "SystemRootToken": setup.admin_token.expose(),
        "ManagementToken": setup.management_token.expose(),
        "API": {
            "MaxConcurrentRequests": setup.concurrent_requests_max,
            "MaxQueuedRequests": setup.queued_requests_max,
            "MaxKeepBlobBuffers": setup.buffers,
            "RequestTimeout": duration(setup.request_timeout),
        },
        "Collections": collections(setup),
        "Services": {
            // Never called, but a Go keepstore pulls nothing while it is empty (spec section 5.3).
            "Controller": { "ExternalURL": "https://127.0.0.1:1/" },
            "Keepstore": { "InternalURLs": { url: {} } },
        },
        "StorageClasses": storage_classes(&setup.storage_classes),
        "Volumes": map(setup.volumes.iter().map(|volume| (volume.mount_uuid.clone(), volume_entry(volume)))),
        "RemoteClusters": map(setup.remote.iter().map(remote_entry)),
        "TLS": { "Insecure": true },
        "SystemLogs": { "Format": "json", "LogLevel": "info" },
    });
    format!("{:#}\n", json!({ "Clusters": { setup.cluster_id.as_str(): cluster } }))
}

/// The text that names a service in its configuration and its environment: with a path, `/`.
pub(crate) fn service_url(origin: &Origin) -> String {
    format!("{origin}/")
}

fn collections(setup: &Setup) -> Value {
    let (signing, key) = match &setup.signing {
        Signing::On(key) => (true, key.expose()),
        Signing::Off(key) => (false, key.expose()),
        Signing::OnWithoutKey => (true, ""),
    };
    json!({
        "BlobSigning": signing,
        "BlobSigningKey": key,
        "BlobSigningTTL": duration(setup.signing_ttl),
        "BlobTrash": setup.trash == Trash::On,
        "BlobTrashLifetime": duration(setup.trash_lifetime),
        "BlobTrashConcurrency": setup.trash_workers,
        "BlobReplicateConcurrency": 1,
    })
}

fn storage_classes(names: &[String]) -> Value {
    map(names
        .iter()
        .enumerate()
        .map(|(position, name)| (name.clone(), json!({ "Default": position == 0 }))))
}

fn volume_entry(volume: &VolumeSetup) -> Value {
    let hosts = match volume.served_by {
        ServedBy::All => json!({}),
        ServedBy::AnotherService => json!({ "http://127.0.0.1:2/": {} }),
    };
    json!({
        "Driver": "Directory",
        "DriverParameters": { "Root": volume.root },
        "AccessViaHosts": hosts,
        "ReadOnly": volume.access != Access::ReadWrite,
        "AllowTrashWhenReadOnly": volume.access == Access::ReadAndTrash,
        "Replication": volume.replication,
        "StorageClasses": map(volume.storage_classes.iter().map(|class| (class.clone(), json!(true)))),
    })
}

fn remote_entry(remote: &RemoteSetup) -> (String, Value) {
    (remote.cluster_id.clone(), json!({ "Host": remote.host, "Insecure": true, "Proxy": true }))
}

fn map(entries: impl Iterator<Item = (String, Value)>) -> Value {
    Value::Object(entries.collect::<Map<_, _>>())
}

fn duration(length: Duration) -> String {
    format!("{}ms", length.as_millis())
}
