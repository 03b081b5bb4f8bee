//! Every kind of warning, with its whole message.

use donjon_node::config::{Environment, OwnUrl, parse};

/// A configuration that gives no warnings; `more` goes below the cluster.
fn config(more: &str) -> String {
    format!(
        "
Clusters:
  zzzzz:
    SystemRootToken: 0123456789abcdefghijklmnopqrstuvwxyz
    ManagementToken: 0123456789abcdefghijklmnopqrstuvwxyz
    Collections: {{BlobSigningKey: 0123456789abcdefghijklmnopqrstuvwxyz}}
    Services: {{Keepstore: {{InternalURLs: {{'http://keep0:25107': {{}}}}}}}}
    Volumes: {{zzzzz-nyw5e-000000000000000: {{Driver: Directory, DriverParameters: {{Root: /keep}}}}}}
{more}"
    )
}

fn warnings(text: &str, own: Option<OwnUrl>) -> Vec<String> {
    let loaded = parse("c.yml", text, &Environment { config_path: None, own_url: own });
    loaded.expect("no mistakes").warnings.iter().map(ToString::to_string).collect()
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(warnings(text, None), expected, "{text}");
}

#[track_caller]
fn check_more(more: &str, expected: &[&str]) {
    check(&config(&format!("    {more}\n")), expected);
}

/// A configuration whose volume has these settings.
fn with_volume(settings: &str) -> String {
    config("").replace("Root: /keep}", &format!("Root: /keep}}, {settings}"))
}

#[test]
fn a_plain_configuration_gives_none() {
    check(&config(""), &[]);
}

#[test]
fn keys_that_differ_in_letter_case_are_dropped() {
    check_more(
        "API: {requestTimeout: not looked at}",
        &[
            "Clusters.zzzzz.API.requestTimeout: is ignored: letter case counts; write RequestTimeout",
        ],
    );
    check_more(
        "donjon: {}",
        &["Clusters.zzzzz.donjon: is ignored: letter case counts; write Donjon"],
    );
}

#[test]
fn unknown_keys() {
    check_more(
        "Donjon: {Colour: red}",
        &["Clusters.zzzzz.Donjon.Colour: is ignored: Donjon does not know this key"],
    );
    check_more(
        "Donjon: {MaxConections: 5}",
        &[
            "Clusters.zzzzz.Donjon.MaxConections: is ignored: Donjon does not know this key; did you mean MaxConnections?",
        ],
    );
    check(
        &with_volume("Serialise: true"),
        &[
            "Clusters.zzzzz.Volumes.zzzzz-nyw5e-000000000000000.Serialise: is ignored: Donjon does not know this key",
        ],
    );
    check(
        &format!("{}AutoReload: true\n", config("")),
        &["AutoReload: is ignored: Donjon does not know this key"],
    );
}

#[test]
fn keys_of_other_programs_are_passed_over_unless_misspelt() {
    check_more("PostgreSQL: {Connection: {password: x}}", &[]);
    check_more("API: {MaxItemsPerResponse: 1000}", &[]);
    check_more(
        "API: {RequestTimeot: 5m}",
        &[
            "Clusters.zzzzz.API.RequestTimeot: is ignored: Donjon does not know this key; did you mean RequestTimeout?",
        ],
    );
}

#[test]
fn samples_and_nulls_are_passed_over() {
    check_more("RemoteClusters: {SAMPLE: {Host: 5}, '*': {Host: 5}}", &[]);
    check_more("API: {RequestTimeout: ~, SAMPLE: 1}", &[]);
    check_more("TLS: ~", &[]);
}

#[test]
fn secrets() {
    let short = config("")
        .replace("SystemRootToken: 0123456789abcdefghijklmnopqrstuvwxyz", "SystemRootToken: short");
    check(
        &short,
        &["Clusters.zzzzz.SystemRootToken: is shorter than 32 characters and could be guessed"],
    );
    let open = config("")
        .replace("ManagementToken: 0123456789abcdefghijklmnopqrstuvwxyz", "ManagementToken: ''");
    check(
        &open,
        &[
            "Clusters.zzzzz.ManagementToken: is empty: anybody who reaches the port can read the metrics, and the health check is off",
        ],
    );
}

#[test]
fn settings_that_give_up_safety() {
    check_more(
        "Donjon: {SyncWrites: false}",
        &[
            "Clusters.zzzzz.Donjon.SyncWrites: is false: a crash or power loss may take blocks that a client was told are stored",
        ],
    );
    check_more(
        "Donjon: {AnonymousWrites: true}",
        &[
            "Clusters.zzzzz.Donjon.AnonymousWrites: is true: anybody who reaches the port can store blocks",
        ],
    );
    check_more(
        "TLS: {Insecure: true}",
        &[
            "Clusters.zzzzz.TLS.Insecure: is true: a node that pulls does not check whom it talks to",
        ],
    );
    let trash = config("").replace(
        "Collections: {",
        "Collections: {BlobSigningTTL: 10s, BlobTrashLifetime: 0, BlobTrashConcurrency: 0, ",
    );
    check(
        &trash,
        &[
            "Clusters.zzzzz.Collections.BlobSigningTTL: is shorter than an hour: blocks may be trashed soon after they are written",
            "Clusters.zzzzz.Collections.BlobTrashLifetime: is 0: blocks are deleted at once and cannot be untrashed",
            "Clusters.zzzzz.Collections.BlobTrashConcurrency: is 0: lists are accepted but not worked off",
        ],
    );
    check(
        &trash.replace("BlobTrashLifetime: 0", "BlobTrash: false, BlobTrashLifetime: 0"),
        &[
            "Clusters.zzzzz.Collections.BlobSigningTTL: is shorter than an hour: blocks may be trashed soon after they are written",
        ],
    );
}

#[test]
fn volumes() {
    let place = "Clusters.zzzzz.Volumes.zzzzz-nyw5e-000000000000000";
    check(
        &with_volume("Replication: 0"),
        &[&format!("{place}.Replication: is less than 1 and counts as 1")],
    );
    check(
        &with_volume("AccessViaHosts: {'http://keep0:25107': ~, 'http://keep0': {}}"),
        &[
            &format!(
                "{place}.AccessViaHosts.\"http://keep0:25107\": has no value; write {{}} if none is meant"
            ),
            &format!(
                "{place}.AccessViaHosts.\"http://keep0\": is none of Services.Keepstore.InternalURLs; check the spelling, which must be the same to the letter"
            ),
        ],
    );
    check(
        &config("").replace("zzzzz-nyw5e-000000000000000", "attic"),
        &["Clusters.zzzzz.Volumes.attic: is not of the usual form zzzzz-nyw5e-000000000000000"],
    );
}

#[test]
fn storage_classes() {
    let text = with_volume("StorageClasses: {default: true, fast: ~}")
        + "    StorageClasses: {default: {Default: true}, fast: {}, slow: {}}\n";
    check(
        &text,
        &[
            "Clusters.zzzzz.Volumes.zzzzz-nyw5e-000000000000000.StorageClasses.fast: has no value; write {} if none is meant",
            "Clusters.zzzzz.StorageClasses.slow: no volume has this class",
        ],
    );
}

#[test]
fn remote_clusters() {
    check_more(
        "RemoteClusters: {elsewhere: {Host: a.example}}",
        &["Clusters.zzzzz.RemoteClusters.elsewhere: is not the id of a cluster and is ignored"],
    );
}

#[test]
fn the_own_url() {
    let own = |text: &str| Some(OwnUrl::Variable(text.to_owned()));
    assert_eq!(warnings(&config(""), own("http://keep0:25107/")), [""; 0]);
    assert_eq!(
        warnings(&config(""), own("http://keep0")),
        [
            "ARVADOS_SERVICE_INTERNAL_URL: is none of Services.Keepstore.InternalURLs; listening there nevertheless",
        ]
    );
    assert_eq!(warnings(&config(""), Some(OwnUrl::CommandLine("127.0.0.1:0".into()))), [""; 0]);
}
