//! Every kind of mistake, with its whole message.

use donjon_node::config::{ConfigErrors, Environment, OwnUrl, parse};

const TOKEN: &str = "0123456789abcdefghijklmnopqrstuvwxyz";

/// A configuration without mistakes, key by key, so that a test can spoil one.
const GOOD: &[(&str, &str)] = &[
    ("SystemRootToken", TOKEN),
    ("ManagementToken", TOKEN),
    ("Collections", "{BlobSigningKey: 0123456789abcdefghijklmnopqrstuvwxyz}"),
    ("Services", "{Keepstore: {InternalURLs: {'http://keep0:25107': {}}}}"),
    (
        "Volumes",
        "{zzzzz-nyw5e-000000000000000: {Driver: Directory, DriverParameters: {Root: /keep}}}",
    ),
];

fn with(key: &str, value: &str) -> String {
    let mut lines: Vec<(&str, &str)> =
        GOOD.iter().copied().filter(|(name, _)| *name != key).collect();
    lines.push((key, value));
    let lines: Vec<String> =
        lines.iter().map(|(key, value)| format!("    {key}: {value}\n")).collect();
    format!("Clusters:\n  zzzzz:\n{}", lines.concat())
}

fn volume(settings: &str) -> String {
    with(
        "Volumes",
        &format!(
            "{{zzzzz-nyw5e-000000000000000: {{Driver: Directory, DriverParameters: {{Root: /keep}}, {settings}}}}}"
        ),
    )
}

fn mistakes(text: &str, own: Option<OwnUrl>) -> Vec<String> {
    let environment = Environment { config_path: None, own_url: own };
    match parse("c.yml", text, &environment) {
        Ok(_) => Vec::new(),
        Err(ConfigErrors::Mistakes { mistakes, .. }) => {
            mistakes.iter().map(ToString::to_string).collect()
        }
        Err(other) => vec![other.to_string()],
    }
}

#[track_caller]
fn check(text: &str, expected: &[&str]) {
    assert_eq!(mistakes(text, None), expected, "{text}");
}

#[test]
fn a_good_configuration_has_none() {
    check(&with("API", "{}"), &[]);
}

#[test]
fn all_mistakes_are_reported_at_once() {
    let text =
        with("Collections", "{BlobSigningTTL: 14d, BlobTrash: maybe, BlobTrashConcurrency: -1}");
    let error = parse("c.yml", &text, &Environment::default()).unwrap_err().to_string();
    assert_eq!(
        error,
        "c.yml: 4 mistakes\n  \
         Clusters.zzzzz.Collections.BlobSigningKey: is empty while BlobSigning is true; set a key, the same for the whole cluster, or BlobSigning: false\n  \
         Clusters.zzzzz.Collections.BlobSigningTTL: \"14d\" is not a duration; write it like 336h\n  \
         Clusters.zzzzz.Collections.BlobTrash: \"maybe\" is not true or false\n  \
         Clusters.zzzzz.Collections.BlobTrashConcurrency: -1 is out of range; it must be from 0 to 10000"
    );
}

#[test]
fn one_mistake_is_listed_with_the_warnings_that_may_explain_it() {
    let text = with("SystemRootToken", "''")
        .replace("zzzzz:\n", &format!("zzzzz:\n    systemroottoken: {TOKEN}\n"));
    let error = parse("c.yml", &text, &Environment::default()).unwrap_err().to_string();
    assert_eq!(
        error,
        "c.yml: one mistake\n  \
         Clusters.zzzzz.SystemRootToken: is empty; without it anybody could trash blocks. Set it to a long random text of letters and digits\n  \
         (warning) Clusters.zzzzz.systemroottoken: is ignored: letter case counts; write SystemRootToken"
    );
}

#[test]
fn text_that_is_not_yaml() {
    check("Clusters: [", &["c.yml: line 1, column 11: unclosed bracket '['"]);
    check(
        "a: 1\nb: *x",
        &["c.yml: line 2, column 4: an alias (*name) has no anchor (&name) before it"],
    );
    check("--- {}\n--- {}", &["c.yml: line 2, column 5: a second document begins here; write one"]);
}

#[test]
fn the_shape_of_the_file() {
    let none = "Clusters: names no cluster; write Clusters, below it the id of your cluster, and below that its settings";
    check("", &[none]);
    check("{}", &[none]);
    check("Clusters: {SAMPLE: {}}", &[none]);
    check("clusters: {zzzzz: {}}", &[none]);
    check("[]", &["(top of the file): a list is not a map"]);
    check("Clusters: zzzzz", &["Clusters: text is not a map"]);
    check(
        "Clusters: {aaaaa: {}, bbbbb: {}}",
        &["Clusters: names several clusters (\"aaaaa\", \"bbbbb\"); a node serves one"],
    );
    check(
        "Clusters: {Local: {}}",
        &["Clusters.Local: is not the id of a cluster, which is five characters of a-z and 0-9"],
    );
}

#[test]
fn keys_given_twice() {
    check(
        &with("API", "{RequestTimeout: 1m, RequestTimeout: 2m}"),
        &["Clusters.zzzzz.API.RequestTimeout: is given twice; keep one"],
    );
    check(
        &with("Volumes: {}\n    Volumes", GOOD[4].1),
        &["Clusters.zzzzz.Volumes: is given twice; keep one"],
    );
}

#[test]
fn values_of_the_wrong_kind() {
    check(&with("API", "[]"), &["Clusters.zzzzz.API: a list is not a map"]);
    check(
        &with("API", "{MaxQueuedRequests: many}"),
        &["Clusters.zzzzz.API.MaxQueuedRequests: \"many\" is not a whole number"],
    );
    check(
        &with("API", "{MaxQueuedRequests: 1.5}"),
        &["Clusters.zzzzz.API.MaxQueuedRequests: 1.5 is not a whole number"],
    );
    check(&with("TLS", "{Insecure: 1}"), &["Clusters.zzzzz.TLS.Insecure: 1 is not true or false"]);
    check(
        &with("SystemLogs", "{LogLevel: 5}"),
        &["Clusters.zzzzz.SystemLogs.LogLevel: 5 is not text; write it in quotes"],
    );
}

#[test]
fn durations_need_units() {
    let place = "Clusters.zzzzz.API.RequestTimeout";
    check(
        &with("API", "{RequestTimeout: 300}"),
        &[&format!("{place}: 300 is not a duration; write it like 336h")],
    );
    check(
        &with("API", "{RequestTimeout: '300'}"),
        &[&format!("{place}: \"300\" is not a duration; write it like 336h")],
    );
    check(&with("API", "{RequestTimeout: 0}"), &[]);
}

#[test]
fn numbers_out_of_range() {
    let place = "Clusters.zzzzz.API.MaxKeepBlobBuffers";
    check(
        &with("API", "{MaxKeepBlobBuffers: 0}"),
        &[&format!("{place}: 0 is out of range; it must be from 1 to 1000000")],
    );
    check(
        &with("Collections", &format!("{{BlobSigningKey: {TOKEN}, BlobSigningTTL: 0}}")),
        &[
            "Clusters.zzzzz.Collections.BlobSigningTTL: 0 is out of range; it must be from 1s to 87600h",
        ],
    );
    check(
        &with("Donjon", "{BodyStallTimeout: 0s}"),
        &[
            "Clusters.zzzzz.Donjon.BodyStallTimeout: \"0s\" is out of range; it must be from 1ms to 2562047h47m16s854775807ns",
        ],
    );
}

#[test]
fn tokens_and_keys() {
    let root = "Clusters.zzzzz.SystemRootToken";
    check(
        &with("SystemRootToken", "~"),
        &[&format!(
            "{root}: is empty; without it anybody could trash blocks. Set it to a long random text of letters and digits"
        )],
    );
    check(
        &with("SystemRootToken", "top-secret"),
        &[&format!("{root}: holds characters other than ASCII letters and digits")],
    );
    check(
        &with("SystemRootToken", "123456"),
        &[&format!("{root}: is a number, not text; write it in quotes")],
    );
    check(
        &with("SystemRootToken", "[secret]"),
        &[&format!("{root}: is a list, not text; write it in quotes")],
    );
    check(
        &with("ManagementToken", "{a: b}"),
        &["Clusters.zzzzz.ManagementToken: is a map, not text; write it in quotes"],
    );
}

#[test]
fn storage_classes() {
    let volume_place = "Clusters.zzzzz.Volumes.zzzzz-nyw5e-000000000000000.StorageClasses";
    check(
        &with("StorageClasses", "{fast: {}}"),
        &[
            "Clusters.zzzzz.StorageClasses: no storage class has Default: true; set it for one at least",
            &format!(
                "{volume_place}: is empty, although storage classes are configured; name one at least"
            ),
        ],
    );
    check(
        &volume("StorageClasses: {default: true}"),
        &[&format!(
            "{volume_place}.default: the class is not configured; add it to StorageClasses of the cluster"
        )],
    );
    let bad_name = volume("StorageClasses: {'a, b': true}");
    assert_eq!(
        mistakes(&bad_name, None)[0],
        format!(
            "{volume_place}.\"a, b\": \"a, b\" is not the name of a storage class, which has no comma, blank or equals sign"
        )
    );
    let bad_flag = volume("StorageClasses: {default: yess}");
    assert_eq!(
        mistakes(&bad_flag, None)[0],
        format!("{volume_place}.default: \"yess\" is not true or false")
    );
}

#[test]
fn volumes() {
    let place = "Clusters.zzzzz.Volumes.zzzzz-nyw5e-000000000000000";
    let one =
        |settings: &str| with("Volumes", &format!("{{zzzzz-nyw5e-000000000000000: {settings}}}"));
    check(&with("Volumes", "{}"), &["Clusters.zzzzz.Volumes: there are no volumes"]);
    check(
        &with("Volumes", "{'a/b': {Driver: Directory, DriverParameters: {Root: /x}}}"),
        &[
            "Clusters.zzzzz.Volumes.\"a/b\": is not the name of a volume, which is 1 to 100 letters, digits and hyphens",
            "Clusters.zzzzz.Volumes: there are no volumes",
        ],
    );
    check(&one("~"), &[&format!("{place}.Driver: is missing; set it to Directory")]);
    check(&one("{Driver: 3}"), &[&format!("{place}.Driver: 3 is not text; write it in quotes")]);
    check(
        &one("{Driver: S3, DriverParameters: {SecretAccessKey: x}}"),
        &[&format!(
            "{place}.Driver: Donjon does not serve S3 volumes yet; name other nodes in AccessViaHosts, or keep the Go keepstore for it"
        )],
    );
    check(
        &one("{Driver: Tape}"),
        &[&format!("{place}.Driver: \"Tape\" is not a driver; Donjon serves Directory")],
    );
    check(
        &one("{Driver: Directory}"),
        &[&format!(
            "{place}.DriverParameters.Root: is missing; set it to the directory that holds the blocks"
        )],
    );
    check(
        &one("{Driver: Directory, DriverParameters: {Root: 5}}"),
        &[&format!("{place}.DriverParameters.Root: 5 is not text; write it in quotes")],
    );
    check(
        &one("{Driver: Directory, DriverParameters: {Root: keep}}"),
        &[&format!(
            "{place}.DriverParameters.Root: \"keep\" is not an absolute path; begin it with /"
        )],
    );
}

#[test]
fn two_volumes_in_one_directory() {
    let twice = "{a: {Driver: Directory, DriverParameters: {Root: /keep}}, b: {Driver: Directory, DriverParameters: {Root: /keep/}}}";
    check(
        &with("Volumes", twice),
        &[
            "Clusters.zzzzz.Volumes.b.DriverParameters.Root: is also the root of volume a; one directory cannot be two volumes",
        ],
    );
}

#[test]
fn no_volume_for_this_node() {
    check(
        &volume("AccessViaHosts: {'http://keep1:25107': {}}"),
        &[
            "Clusters.zzzzz.Volumes: no volume is to be mounted by http://keep0:25107/; look at AccessViaHosts of the volumes",
        ],
    );
}

#[test]
fn urls() {
    let urls = "Clusters.zzzzz.Services.Keepstore.InternalURLs";
    let services =
        |urls: &str| with("Services", &format!("{{Keepstore: {{InternalURLs: {{{urls}}}}}}}"));
    check(
        &services(""),
        &[&format!(
            "{urls}: is empty; add the URL under which other services reach this node, like http://keep0.example:25107"
        )],
    );
    check(
        &services("'http://a': {}, 'http://a/': {}"),
        &[&format!("{urls}.\"http://a/\": means the same URL as another key here; keep one")],
    );
    check(
        &services("'http://a': {}, 'keep0:25107': {}"),
        &[&format!(
            "{urls}.\"keep0:25107\": \"keep0:25107\" is not the URL of a service; write it like http://keep0.example:25107"
        )],
    );
    check(
        &services("'http://a': {ListenURL: 'http://:x'}"),
        &[&format!(
            "{urls}.\"http://a\".ListenURL: \"http://:x\" is not the URL of a service; write it like http://keep0.example:25107"
        )],
    );
    check(
        &services("'http://a': {}, 'http://me:word@b': {}"),
        &[&format!(
            "{urls}.\"[hidden: holds an @]\": a text with an @ is not the URL of a service; write it like http://keep0.example:25107"
        )],
    );
}

#[test]
fn the_own_url() {
    let good = with("API", "{}");
    let expected =
        "\"keep0\" is not the URL of a service; write it like http://keep0.example:25107";
    assert_eq!(
        mistakes(&good, Some(OwnUrl::Variable("keep0".into()))),
        [format!("ARVADOS_SERVICE_INTERNAL_URL: {expected}")]
    );
    let flag = mistakes(&good, Some(OwnUrl::CommandLine("a b".into())));
    assert_eq!(
        flag,
        [
            "--listen: \"http://a b\" is not the URL of a service; write it like http://keep0.example:25107"
        ]
    );
}

#[test]
fn tls_files() {
    let text = with("Services", "{Keepstore: {InternalURLs: {'https://keep0': {}}}}");
    check(
        &text,
        &[
            "Clusters.zzzzz.TLS.Certificate: is empty, but https://keep0/ listens with TLS; set it to the path of a PEM file",
            "Clusters.zzzzz.TLS.Key: is empty, but https://keep0/ listens with TLS; set it to the path of a PEM file",
        ],
    );
    let relative =
        format!("{text}    TLS: {{Certificate: 'file:///c.pem', Key: 'MIIEvQIBADANBgkqhkiG'}}\n");
    check(&relative, &["Clusters.zzzzz.TLS.Key: is not the absolute path of a PEM file"]);
}

#[test]
fn remote_clusters() {
    let host = |host: &str| with("RemoteClusters", &format!("{{aaaaa: {{Host: '{host}'}}}}"));
    let place = "Clusters.zzzzz.RemoteClusters.aaaaa.Host";
    check(
        &host("https://a.example/"),
        &[&format!(
            "{place}: \"https://a.example/\" is not the name of a host, like arvados.example:443"
        )],
    );
    check(
        &host("me:word@a.example"),
        &[&format!(
            "{place}: a text with an @ is not the name of a host, like arvados.example:443"
        )],
    );
}

#[test]
fn log_settings() {
    check(
        &with("SystemLogs", "{LogLevel: loud, Format: xml}"),
        &[
            "Clusters.zzzzz.SystemLogs.LogLevel: \"loud\" is none of trace, debug, info, warning and error",
            "Clusters.zzzzz.SystemLogs.Format: \"xml\" is none of json, text and plain",
        ],
    );
}

#[test]
fn long_values_are_cut() {
    let text = with("SystemLogs", &format!("{{Format: {}}}", "x".repeat(1000)));
    let cut = "x".repeat(80);
    check(
        &text,
        &[&format!("Clusters.zzzzz.SystemLogs.Format: \"{cut}\"… is none of json, text and plain")],
    );
}
