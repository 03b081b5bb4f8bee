//! `donjon config`

use std::fs;

use crate::program::{donjon, donjon_with_input};

const GOOD: &str = "
Clusters:
  zzzzz:
    SystemRootToken: systemroottoken0systemroottoken0systemroottoken0
    ManagementToken: managementtoken0managementtoken0managementtoken0
    Collections: {BlobSigningKey: blobsigningkey0blobsigningkey0blobsigningkey0}
    Services: {Keepstore: {InternalURLs: {\"http://127.0.0.1:25107\": {}}}}
    Volumes:
      zzzzz-nyw5e-000000000000000: {Driver: Directory, DriverParameters: {Root: /srv/keep}}
";

const BAD: &str = "
Clusters:
  zzzzz:
    SystemRootToken: systemroottoken0systemroottoken0systemroottoken0
    API: {RequestTimeout: 5 minutes}
    Collections: {BlobSigningTTL: -1s}
";

#[test]
fn a_good_configuration_passes() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("config.yml");
    fs::write(&file, GOOD).unwrap();
    let text = donjon(&["config", "check", file.to_str().unwrap()]).ends_with(0).text();
    assert!(text.contains("a node can use it"), "{text}");
    donjon(&["config", "check", "--config", file.to_str().unwrap()]).ends_with(0);
    let json =
        donjon_with_input(&["config", "check", "-", "--json"], GOOD.as_bytes()).ends_with(0).json();
    assert_eq!((&json["usable"], &json["mistakes"]), (&true.into(), &serde_json::json!([])));
}

#[test]
fn all_mistakes_are_told_at_once_with_their_keys() {
    let text = donjon_with_input(&["config", "check", "-"], BAD.as_bytes()).ends_with(1).text();
    for key in [
        "Clusters.zzzzz.API.RequestTimeout",
        "Clusters.zzzzz.Collections.BlobSigningTTL",
        "BlobSigningKey",
    ] {
        assert!(text.contains(key), "no {key}: {text}");
    }
    let json =
        donjon_with_input(&["config", "check", "-", "--json"], BAD.as_bytes()).ends_with(1).json();
    assert_eq!(json["usable"], false);
    assert!(json["mistakes"].as_array().unwrap().len() >= 3, "{json}");
    assert_eq!(json["mistakes"][0]["key"], "Clusters.zzzzz.API.RequestTimeout");
}

#[test]
fn a_dump_has_the_defaults_and_no_secrets() {
    let yaml = donjon_with_input(&["config", "dump", "-"], GOOD.as_bytes()).ends_with(0).text();
    assert!(yaml.contains("BlobSigningTTL: \"336h\""), "{yaml}");
    let json = donjon_with_input(&["config", "dump", "-", "--json"], GOOD.as_bytes()).ends_with(0);
    assert_eq!(json.json()["Clusters"]["zzzzz"]["API"]["MaxConcurrentRequests"], 64);
    for text in [yaml, json.text()] {
        for secret in ["systemroottoken0", "managementtoken0", "blobsigningkey0"] {
            assert!(!text.contains(secret), "{secret} leaks: {text}");
        }
    }
}

#[test]
fn a_configuration_that_no_node_can_use_is_not_dumped() {
    donjon_with_input(&["config", "dump", "-"], BAD.as_bytes())
        .ends_with(1)
        .complains("RequestTimeout");
    donjon(&["config", "dump", "/nonexistent.yml"])
        .ends_with(1)
        .complains("cannot read /nonexistent.yml");
}
