//! What a configuration file of a real cluster means to a node.

use std::path::Path;
use std::time::Duration;

use donjon_node::config::{
    Config, ConfigErrors, ConfigSource, Driver, Durability, Environment, LogFormat, LogLevel,
    OwnUrl, PeerTrust, SigningMode, Transfers, VolumeConfig, WriteAuth, load, parse,
};
use keep_rules::trash::Trashing;
use keep_rules::{Access, Priority};

/// The file of a cluster with two disk nodes, a bucket behind a third, and everything else that a cluster runs.
const REAL: &str = include_str!("data/cluster.yml");

fn read(text: &str, own: Option<&str>) -> Config {
    let environment =
        Environment { config_path: None, own_url: own.map(|url| OwnUrl::Variable(url.to_owned())) };
    parse("config.yml", text, &environment).unwrap_or_else(|error| panic!("{error}")).config
}

fn served(config: &Config) -> Vec<VolumeConfig> {
    config.volumes.served_by(&config.candidates[0].internal_url).expect("volumes of its own")
}

fn names(volumes: &[VolumeConfig]) -> Vec<&str> {
    volumes.iter().map(|volume| volume.uuid.as_str()).collect()
}

/// The least that a file must say, and `more` below the cluster.
fn least(more: &str) -> String {
    format!(
        "Clusters: {{zzzzz: {{SystemRootToken: t, Collections: {{BlobSigningKey: k}}, Services: {{Keepstore: {{InternalURLs: \
         {{'http://keep0:25107': ~}}}}}}, Volumes: {{v: {{Driver: Directory, DriverParameters: {{Root: /keep}}}}}}, {more}}}}}"
    )
}

#[test]
fn a_real_file_gives_no_surprising_warnings() {
    let loaded = parse("config.yml", REAL, &Environment::default()).unwrap();
    assert_eq!(loaded.warnings, []);
    assert_eq!(loaded.source.sha256.len(), 64);
}

#[test]
fn defaults_are_those_of_the_specification() {
    let config = read(&least(""), None);
    assert_eq!(config.cluster_id.as_str(), "zzzzz");
    assert_eq!(config.tokens.system_root.as_str(), "t");
    assert_eq!(config.tokens.management, None);
    assert_eq!(config.api.max_concurrent_requests.unwrap().get(), 64);
    assert_eq!(config.api.max_queued_requests, 128);
    assert_eq!(config.api.max_keep_blob_buffers.get(), 128);
    assert_eq!(config.api.request_timeout, Some(Duration::from_secs(300)));
    assert!(matches!(config.signing.mode, SigningMode::Required(_)));
    assert_eq!(config.signing.ttl, Duration::from_secs(1_209_600));
    assert_eq!(config.trash.enabled, Trashing::Enabled);
    assert_eq!(config.trash.lifetime, Duration::from_secs(1_209_600));
    assert_eq!(config.trash.check_interval, Some(Duration::from_secs(86_400)));
    assert_eq!(
        (config.trash.workers, config.trash.delete_workers, config.pull.workers.get()),
        (4, 4, 4)
    );
    assert_eq!(config.durability, Durability::Sync);
    assert_eq!(config.write_auth, WriteAuth::RequireToken);
    assert_eq!(config.limits.max_connections.get(), 4096);
    assert_eq!(config.limits.body_stall_timeout, Duration::from_secs(30));
    assert_eq!(config.limits.shutdown_timeout, Duration::from_secs(30));
    assert_eq!((config.logs.level, config.logs.format), (LogLevel::Info, LogFormat::Json));
    assert_eq!(
        (config.tls, config.peer_trust, config.queue_dump_dir),
        (None, PeerTrust::Verify, None)
    );
}

#[test]
fn null_leaves_the_default() {
    let config = read(
        &least("API: {RequestTimeout: ~, MaxQueuedRequests: null}, TLS: ~, Donjon: {SyncWrites: }"),
        None,
    );
    assert_eq!(config.api.request_timeout, Some(Duration::from_secs(300)));
    assert_eq!(config.api.max_queued_requests, 128);
    assert_eq!(config.durability, Durability::Sync);
}

#[test]
fn zero_turns_limits_off() {
    let text = least("API: {RequestTimeout: 0, MaxConcurrentRequests: 0, MaxQueuedRequests: 0}")
        .replace(
            "BlobSigningKey: k",
            "BlobSigningKey: k, BlobTrashCheckInterval: 0, BlobReplicateConcurrency: 0",
        );
    let config = read(&text, None);
    assert_eq!((config.api.request_timeout, config.api.max_concurrent_requests), (None, None));
    assert_eq!(config.api.max_queued_requests, 0);
    assert_eq!(config.trash.check_interval, None);
    assert_eq!(config.pull.workers.get(), 1);
}

#[test]
fn signing_may_be_off_with_or_without_a_key() {
    let off = |key: &str| {
        read(&least("").replace("BlobSigningKey: k", &format!("BlobSigning: off{key}")), None)
            .signing
    };
    assert!(matches!(off("").mode, SigningMode::Off));
    assert!(matches!(off(", BlobSigningKey: k").mode, SigningMode::Offered(_)));
    assert!(off(", BlobSigningKey: k").key().is_some());
    assert!(matches!(off(", BlobSigningKey: k").for_reads(), keep_rules::Signing::Off));
}

#[test]
fn each_node_serves_its_own_volumes() {
    let keep0 = read(REAL, Some("http://keep0.zzzzz.example:25107"));
    let keep1 = read(REAL, Some("http://keep1.zzzzz.example:25107/"));
    assert_eq!(
        names(&served(&keep0)),
        ["zzzzz-nyw5e-000000000000000", "zzzzz-nyw5e-000000000000002"]
    );
    assert_eq!(
        names(&served(&keep1)),
        ["zzzzz-nyw5e-000000000000001", "zzzzz-nyw5e-000000000000002"]
    );
}

#[test]
fn a_volume_is_what_its_node_makes_of_it() {
    let keep0 = served(&read(REAL, Some("http://keep0.zzzzz.example:25107")));
    let disk = &keep0[0];
    assert_eq!(
        disk.driver,
        Driver::Directory { root: "/mnt/keep0".into(), transfers: Transfers::OneAtATime }
    );
    assert_eq!((disk.access, disk.replication.get()), (Access::ReadWrite, 1));
    assert_eq!(disk.classes.to_string(), "default, fast");
    assert_eq!(disk.uncounted_classes.to_string(), "fast");
    assert_eq!(disk.priority, Priority::highest([0]));
    let shared = &keep0[1];
    assert_eq!((shared.access, shared.replication.get()), (Access::ReadAndTrash, 2));
    assert_eq!(shared.priority, Priority::highest([10]));
    let keep1 = served(&read(REAL, Some("http://keep1.zzzzz.example:25107")));
    assert_eq!(
        keep1[1].access,
        Access::ReadOnly,
        "ReadOnly of the host goes before AllowTrashWhenReadOnly of the volume"
    );
}

#[test]
fn a_bucket_of_another_node_is_no_mistake_but_an_own_one_is() {
    let environment =
        |url: &str| Environment { config_path: None, own_url: Some(OwnUrl::Variable(url.into())) };
    let error =
        parse("config.yml", REAL, &environment("http://keep2.zzzzz.example:25107")).unwrap_err();
    let ConfigErrors::Mistakes { mistakes, .. } = error else { panic!("{error}") };
    assert_eq!(mistakes.len(), 1);
    assert!(mistakes[0].to_string().contains("does not serve S3 volumes yet"), "{}", mistakes[0]);
}

#[test]
fn a_node_that_was_not_told_its_url_may_be_any_of_them() {
    let config = read(REAL, None);
    let candidates: Vec<String> = config
        .candidates
        .iter()
        .map(|it| format!("{} at {}", it.internal_url, it.listen))
        .collect();
    assert_eq!(
        candidates,
        [
            "http://keep0.zzzzz.example:25107/ at http://0.0.0.0:25107/",
            "http://keep1.zzzzz.example:25107/ at http://keep1.zzzzz.example:25107/",
            "http://keep2.zzzzz.example:25107/ at http://keep2.zzzzz.example:25107/",
        ]
    );
    assert!(config.volumes.served_by(&config.candidates[2].internal_url).is_err());
}

#[test]
fn a_known_own_url_listens_where_the_file_says() {
    let config = read(REAL, Some("http://keep0.zzzzz.example:25107"));
    assert_eq!(config.candidates.len(), 1);
    assert_eq!(config.candidates[0].listen.to_string(), "http://0.0.0.0:25107/");
}

#[test]
fn the_command_line_goes_before_the_variable() {
    let variable = Environment {
        config_path: None,
        own_url: Some(OwnUrl::Variable("http://keep0:25107".into())),
    };
    let environment = variable.clone().listening(Some("127.0.0.1:0".into()));
    let config = parse("c.yml", &least(""), &environment).unwrap().config;
    assert_eq!(config.candidates[0].listen.to_string(), "http://127.0.0.1:0/");
    assert_eq!(variable.clone().listening(None), variable);
}

#[test]
fn without_any_class_every_volume_is_default() {
    let config = read(&least(""), None);
    assert_eq!(config.classes.defaults.to_string(), "default");
    assert_eq!(served(&config)[0].classes.to_string(), "default");
}

#[test]
fn remotes_without_a_host_are_left_out() {
    let config = read(REAL, None);
    let remotes: Vec<_> = config
        .remotes
        .iter()
        .map(|(id, remote)| (id.as_str(), remote.host.as_str(), remote.trust))
        .collect();
    assert_eq!(
        remotes,
        [
            ("aaaaa", "aaaaa.example:8443", PeerTrust::AcceptAny),
            ("bbbbb", "bbbbb.example", PeerTrust::Verify)
        ]
    );
}

#[test]
fn the_cluster_as_json_on_standard_input_reads_the_same() {
    let tree: serde_json::Value =
        serde_json::from_str(&read(REAL, None).to_json().to_string()).unwrap();
    let text =
        tree.to_string().replace("[removed]", "secret").replace("[not served by this node]", "S3");
    let text = text.replace("\"DriverParameters\":\"secret\"", "\"DriverParameters\":{}");
    let again = read(&text, Some("http://keep0.zzzzz.example:25107"));
    let once = read(REAL, Some("http://keep0.zzzzz.example:25107"));
    assert_eq!(served(&again), served(&once));
    assert_eq!((again.api, again.trash, again.remotes), (once.api, once.trash, once.remotes));
}

#[test]
fn tls_listeners_get_their_files() {
    let text = least("TLS: {Certificate: 'file:///etc/keep.crt', Key: /etc/keep.key}")
        .replace("http://keep0:25107", "https://keep0");
    let files = read(&text, None).tls.unwrap();
    assert_eq!(
        (files.certificate.as_path(), files.key.as_path()),
        (Path::new("/etc/keep.crt"), Path::new("/etc/keep.key"))
    );
}

#[test]
fn the_argument_goes_before_the_variable_before_the_default() {
    let unset = Environment::default();
    let set = Environment { config_path: Some("/v.yml".into()), own_url: None };
    let check = |argument: Option<&str>, environment: &Environment, expected: ConfigSource| {
        assert_eq!(ConfigSource::from_argument(argument.map(Path::new), environment), expected);
    };
    check(Some("-"), &set, ConfigSource::Stdin);
    check(Some("/a.yml"), &set, ConfigSource::File("/a.yml".into()));
    check(None, &set, ConfigSource::File("/v.yml".into()));
    check(None, &unset, ConfigSource::File("/etc/arvados/config.yml".into()));
}

#[test]
fn files_that_cannot_be_read_say_so() {
    let dir = tempfile::tempdir().unwrap();
    let check = |name: &str, content: Option<&[u8]>, expected: &str| {
        let path = dir.path().join(name);
        if let Some(content) = content {
            std::fs::write(&path, content).unwrap();
        }
        let error = load(&ConfigSource::File(path.clone()), &Environment::default())
            .unwrap_err()
            .to_string();
        assert_eq!(error, expected.replace("PATH", &path.display().to_string()));
    };
    check("absent", None, "cannot read PATH: No such file or directory (os error 2)");
    check("binary", Some(b"\xff"), "PATH: is not UTF-8 text");
    check(
        "long",
        Some(&vec![b'#'; (16 << 20) + 1]),
        "PATH: longer than 16 MiB, so it is no configuration",
    );
}

#[test]
fn a_file_that_everybody_may_read_gives_a_warning() {
    use std::os::unix::fs::PermissionsExt;
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("config.yml");
    std::fs::write(&path, REAL).unwrap();
    let warnings = |mode: u32| -> Vec<String> {
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(mode)).unwrap();
        let loaded = load(&ConfigSource::File(path.clone()), &Environment::default()).unwrap();
        assert!(loaded.source.modified.is_some());
        loaded.warnings.iter().map(ToString::to_string).collect()
    };
    assert_eq!(warnings(0o640), [""; 0]);
    let expected = "holds secrets, but every user of this machine may read it; take that right away: chmod o-rwx";
    assert_eq!(
        warnings(0o644),
        [format!("{:?}: {expected}", path.display().to_string()).replace('"', "")]
    );
}
