//! The dump shows what the node understood, and no secret.

use donjon_node::config::{Config, Environment, OwnUrl, parse};

const REAL: &str = include_str!("data/cluster.yml");

/// Every secret of that file.
const SECRETS: [&str; 5] = [
    "systemroottoken0systemroottoken0",
    "managementtoken0managementtoken0",
    "blobsigningkey00blobsigningkey00",
    "secretaccesskey",
    "databasepassword",
];

fn real() -> Config {
    let own_url = Some(OwnUrl::Variable("http://keep0.zzzzz.example:25107".into()));
    parse("config.yml", REAL, &Environment { config_path: None, own_url })
        .expect("no mistakes")
        .config
}

#[test]
fn no_secret_is_in_the_dump_or_in_debug() {
    for text in [real().dump_yaml(), real().to_json().to_string(), format!("{:?}", real())] {
        for secret in SECRETS {
            assert!(!text.contains(secret), "{secret} is in {text}");
        }
    }
}

#[test]
fn the_dump_shows_values_and_defaults_in_the_layout_of_the_file() {
    let yaml = real().dump_yaml();
    for line in [
        "Clusters:\n  \"zzzzz\":\n",
        "    SystemRootToken: \"[removed]\"\n",
        "      RequestTimeout: \"10m\"\n",
        "      BlobSigningTTL: \"336h\"\n",
        "      BlobSigningKey: \"[removed]\"\n",
        "      SyncWrites: true\n",
        "          \"http://keep0.zzzzz.example:25107/\":\n            ListenURL: \"http://0.0.0.0:25107/\"\n",
        "          Root: \"/mnt/keep0\"\n          Serialize: true\n",
        "        Driver: \"[not served by this node]\"\n        DriverParameters: \"[removed]\"\n",
        "      LogLevel: \"info\"\n",
    ] {
        let line = line.replace("  \"zzzzz\":", "  zzzzz:");
        assert!(yaml.contains(&line), "no {line:?} in\n{yaml}");
    }
}

#[test]
fn the_yaml_and_the_json_say_the_same() {
    let from_yaml: serde_json::Value = serde_saphyr::from_str(&real().dump_yaml()).unwrap();
    assert_eq!(from_yaml, real().to_json());
}

#[test]
fn unset_secrets_are_shown_as_unset() {
    let text = REAL.replace(
        "ManagementToken: &management \"managementtoken0managementtoken0\"",
        "ManagementToken: ~",
    );
    let own_url = Some(OwnUrl::Variable("http://keep0.zzzzz.example:25107".into()));
    let config =
        parse("config.yml", &text, &Environment { config_path: None, own_url }).unwrap().config;
    assert!(config.dump_yaml().contains("ManagementToken: \"\"\n"));
}
