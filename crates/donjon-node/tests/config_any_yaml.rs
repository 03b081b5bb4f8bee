//! Whatever the file says, reading it neither panics nor tells a secret.

use donjon_node::config::{Environment, parse};
use proptest::prelude::*;

/// Stands for every token, key and password. No message may hold it.
const SECRET: &str = "hunter2hunter2hunter2";

/// The keys whose values are secrets, wherever they stand and whatever kind of value they are given.
const SECRET_KEYS: &[&str] =
    &["SystemRootToken", "ManagementToken", "BlobSigningKey", "SecretAccessKey", "password"];

const KEYS: &[&str] = &[
    "Clusters",
    "zzzzz",
    "API",
    "Collections",
    "Services",
    "Keepstore",
    "InternalURLs",
    "http://keep0:25107",
    "Volumes",
    "zzzzz-nyw5e-000000000000000",
    "Driver",
    "DriverParameters",
    "Root",
    "Serialize",
    "AccessViaHosts",
    "ReadOnly",
    "StorageClasses",
    "default",
    "Default",
    "Priority",
    "RemoteClusters",
    "Host",
    "TLS",
    "Key",
    "Certificate",
    "SystemLogs",
    "LogLevel",
    "Donjon",
    "SyncWrites",
    "RequestTimeout",
    "BlobSigningTTL",
    "BlobTrash",
    "SAMPLE",
    "<<",
    "Replication",
    "MaxKeepBlobBuffers",
    "ListenURL",
    "",
    "a key",
    "=",
    "~",
];

/// A value whose every scalar is a secret.
fn secret_value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => Just(SECRET.to_owned()),
        1 => Just(format!("[{SECRET}, {SECRET}]")),
        1 => Just(format!("{{a: {SECRET}}}")),
        1 => Just(format!("'{SECRET} with blanks'")),
        1 => Just(format!("!!int {SECRET}")),
        1 => Just(format!("{{SystemRootToken: {SECRET}, SystemRootToken: {SECRET}}}")),
    ]
}

fn scalar() -> impl Strategy<Value = String> {
    prop_oneof![
        prop::sample::select(vec![
            "~",
            "true",
            "no",
            "0",
            "-1",
            "1e400",
            ".inf",
            "0x1F",
            "336h",
            "14d",
            "''",
            "Directory",
            "S3",
            "/keep",
            "keep",
            "http://keep0:25107",
            "https://keep0",
            "[]",
            "{}",
            "99999999999999999999999",
            "&a x",
            "*a",
            "!!binary AA==",
        ])
        .prop_map(str::to_owned),
        "[ -~]{0,12}".prop_map(|text| format!("{text:?}")),
    ]
}

fn value() -> impl Strategy<Value = String> {
    scalar().prop_recursive(7, 60, 6, |inner| {
        let secret = (prop::sample::select(SECRET_KEYS), secret_value());
        let entry = (prop::sample::select(KEYS), inner.clone());
        prop_oneof![
            5 => (prop::collection::vec(entry, 0..6), prop::collection::vec(secret, 0..3)).prop_map(|(entries, secrets)| {
                let entries = entries.iter().map(|(key, value)| format!("{key:?}: {value}"));
                let secrets = secrets.iter().map(|(key, value)| format!("{key}: {value}"));
                format!("{{{}}}", entries.chain(secrets).collect::<Vec<_>>().join(", "))
            }),
            1 => prop::collection::vec(inner, 0..3).prop_map(|items| format!("[{}]", items.join(", "))),
        ]
    })
}

/// Everything that reading the text may show to anybody.
fn shown(text: &str) -> String {
    match parse("c.yml", text, &Environment::default()) {
        Ok(loaded) => format!("{:?}\n{}\n{:?}", loaded.warnings, loaded.config.dump_yaml(), loaded),
        Err(error) => format!("{error}\n{error:?}"),
    }
}

/// Where something can be put in without cutting a word in two: nobody could know half a secret for one.
fn places(text: &str) -> Vec<usize> {
    let word = |byte: u8| byte.is_ascii_alphanumeric();
    let between = |at: &usize| !(word(text.as_bytes()[at - 1]) && word(text.as_bytes()[*at]));
    (1..text.len()).filter(|at| text.is_char_boundary(*at)).filter(between).collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 1000, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn a_cluster_of_any_values_tells_no_secret(cluster in value()) {
        let text = format!("Clusters: {{zzzzz: {cluster}}}");
        prop_assert!(!shown(&text).contains(SECRET), "{text}");
    }

    #[test]
    fn a_broken_file_tells_no_secret(cluster in value(), cut in any::<prop::sample::Index>(), put in "[\\[\\]{}:,*&!'\"\\-\n\t ]") {
        let mut text = format!("Clusters: {{zzzzz: {cluster}, SystemRootToken: {SECRET}}}");
        let at = *cut.get(&places(&text));
        text.insert_str(at, &put);
        let shown = shown(&text);
        let syntax_error = shown.starts_with("c.yml: line");
        prop_assert!(!syntax_error || !shown.contains(SECRET), "{text}\n{shown}");
    }

    #[test]
    fn any_text_is_read_or_refused(text in "\\PC{0,200}") {
        let _shown = shown(&text);
    }
}
