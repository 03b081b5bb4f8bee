//! What the command line takes, and that mistakes end with 2 before anything is tried.

use crate::program::donjon;

#[track_caller]
fn usage_error(args: &[&str], expected: &str) {
    donjon(args).ends_with(2).complains(expected);
}

#[test]
fn an_unknown_command_flag_or_argument_is_a_usage_error() {
    usage_error(&["frobnicate"], "unrecognized subcommand");
    usage_error(&["index", "--frobnicate"], "unexpected argument '--frobnicate'");
    usage_error(&["mounts", "extra"], "unexpected argument 'extra'");
    usage_error(&["serve", "-frobnicate"], "unexpected argument");
    usage_error(&["serve", "extra"], "unexpected argument 'extra'");
}

#[test]
fn what_is_missing_is_named() {
    usage_error(&["block", "get"], "<LOCATOR>");
    usage_error(&["list", "put", "trash"], "<FILE>");
    usage_error(&["list", "release", "7"], "--digest");
    usage_error(&["untrash"], "--list <ID>");
    usage_error(&["completions"], "<SHELL>");
    usage_error(&["conformance", "--url", "http://127.0.0.1:1"], "--token");
}

#[test]
fn bad_values_are_named_with_what_would_be_right() {
    usage_error(&["block", "head", "foo"], "32 lower-case hex digits");
    usage_error(&["index", "--prefix", "xyz"], "at most 32 lower-case hex digits");
    usage_error(&["list", "status", "rubbish"], "possible values: trash, pull");
    usage_error(&["list", "set", "trash", "--workers", "many"], "a number, or `default`");
    usage_error(&["untrash", "--since", "yesterday"], "\"30m ago\"");
    usage_error(&["untrash", "--list", "1", "--parallel", "0"], "1..=64");
    usage_error(&["conformance", "--only", "92"], "numbered 1 to 91");
    usage_error(&["conformance", "--keepstore-command", "keepstore"], "{config}");
    usage_error(&["mounts", "--url", "not a url"], "invalid value 'not a url'");
    usage_error(&["mounts", "--url", "ftp://host/"], "neither http nor https");
    for address in ["10.0.0.1:25107", "keep0:25107", "keep0", "[::1]:25107"] {
        let advice = format!("it has no scheme; write http://{address}");
        usage_error(&["mounts", "--url", address], &advice);
        usage_error(&["get", "a", "--url", address], &advice);
        usage_error(&["balance", "once", "--url", &format!("http://a:1,{address}")], &advice);
    }
    usage_error(&["serve", "--data", "/d", "--listen", "nonsense"], "it is not HOST:PORT");
    usage_error(&["balance", "run", "--listen", "keep0:99999"], "it is not HOST:PORT");
}

#[test]
fn contradictions_are_usage_errors() {
    usage_error(&["serve", "--data", "/d", "--config", "/c"], "cannot be used with");
    usage_error(&["serve", "--listen", "127.0.0.1:1"], "--data");
    usage_error(&["mounts", "--data", "/d", "--config", "/c"], "cannot be used with");
    usage_error(&["config", "check", "--data", "/d", "file"], "cannot be used with");
    usage_error(&["list", "put", "trash", "f", "--dry-run", "--wait"], "cannot be used with");
    usage_error(&["untrash", "--list", "1", "--since", "1h"], "cannot be used with");
}

#[test]
fn the_keepstore_flags_of_serve_are_understood() {
    let version = donjon(&["serve", "-version"]).ends_with(0).text();
    assert_eq!(version, format!("donjon {}\n", env!("CARGO_PKG_VERSION")));
    let help = donjon(&["serve", "-help"]).ends_with(0).text();
    assert!(help.contains("Run a node"), "{help}");
    // The file does not exist: so the flags were understood, and the start failed.
    let args = [
        "serve",
        "-skip-legacy",
        "-legacy-keepstore-config",
        "/x",
        "-config",
        "/nonexistent/config.yml",
    ];
    donjon(&args).ends_with(1).complains("cannot read /nonexistent/config.yml");
}

#[test]
fn the_flags_of_keep_balance_are_understood() {
    let version = donjon(&["balance", "run", "-version"]).ends_with(0).text();
    assert_eq!(version, format!("donjon {}\n", env!("CARGO_PKG_VERSION")));
    let help = donjon(&["balance", "run", "-once", "-commit-pulls", "-help"]).ends_with(0).text();
    assert!(help.contains("One run"), "{help}");
    let args = [
        "balance",
        "run",
        "-once",
        "-commit-confirmed-fields=false",
        "-config",
        "/nonexistent.yml",
    ];
    donjon(&args).ends_with(2).complains("cannot read /nonexistent.yml");
    usage_error(&["balance", "run", "-commit-trash=false"], "-c");
}

#[test]
fn every_command_explains_itself_with_examples() {
    for command in [
        "serve",
        "demo",
        "block put",
        "block get",
        "block head",
        "block touch",
        "block trash",
        "block untrash",
        "index",
        "mounts",
        "list show",
        "list put",
        "list status",
        "list remove",
        "list pause",
        "list resume",
        "list cancel",
        "list set",
        "list release",
        "untrash",
        "freeze",
        "unfreeze",
        "ledger show",
        "ledger verify",
        "ledger export",
        "block explain",
        "status",
        "config check",
        "config dump",
        "conformance",
        "completions",
    ] {
        let args: Vec<&str> = command.split(' ').chain(["--help"]).collect();
        let help = donjon(&args).ends_with(0).text();
        assert!(help.contains("Examples:\n  "), "{command} has no examples: {help}");
        assert!(
            help.contains(&format!("donjon {command}")),
            "the examples of {command} do not show it: {help}"
        );
    }
}

#[test]
fn completions_know_every_command() {
    for shell in ["bash", "zsh", "fish"] {
        let script = donjon(&["completions", shell]).ends_with(0).text();
        for word in ["untrash", "conformance", "keepstore-command", "token-file"] {
            assert!(script.contains(word), "{shell}: no {word}");
        }
    }
}
