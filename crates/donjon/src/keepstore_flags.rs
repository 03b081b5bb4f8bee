//! The flags of the Go keepstore after `donjon serve`, so that its unit files and scripts keep working (spec section 8).
//!
//! Go programs take `-flag value`, `-flag=value`, and two dashes as well. Only `serve` reads them so.

use std::ffi::{OsStr, OsString};

/// Go flags that have the same meaning here under two dashes.
const SAME: [&str; 3] = ["config", "version", "help"];

/// `args` as clap understands them: Go flags after `serve` get their second dash, or are left out if they mean nothing.
pub(crate) fn understood(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let mut args = args.into_iter();
    let mut understood: Vec<OsString> = args.by_ref().take(2).collect();
    if understood.get(1).is_none_or(|command| command != "serve") {
        understood.extend(args);
        return understood;
    }
    while let Some(arg) = args.next() {
        match meaning(&arg) {
            Meaning::Ours => understood.push(arg),
            Meaning::Renamed(renamed) => understood.push(renamed),
            Meaning::Ignored => {}
            Meaning::IgnoredWithValue => drop(args.next()),
        }
    }
    understood
}

enum Meaning {
    Ours,
    Renamed(OsString),
    Ignored,
    IgnoredWithValue,
}

fn meaning(arg: &OsStr) -> Meaning {
    let Some(flag) = arg.to_str().and_then(|arg| arg.strip_prefix('-')) else {
        return Meaning::Ours;
    };
    let flag = flag.strip_prefix('-').unwrap_or(flag);
    let (name, value) =
        flag.split_once('=').map_or((flag, None), |(name, value)| (name, Some(value)));
    if name == "skip-legacy" {
        Meaning::Ignored
    } else if name == "pprof" || (name.starts_with("legacy-") && name.ends_with("-config")) {
        if value.is_some() { Meaning::Ignored } else { Meaning::IgnoredWithValue }
    } else if SAME.contains(&name) {
        Meaning::Renamed(format!("--{flag}").into())
    } else {
        Meaning::Ours
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(args: &str, expected: &str) {
        let understood = understood(args.split(' ').map(OsString::from));
        let expected: Vec<OsString> = expected.split(' ').map(OsString::from).collect();
        assert_eq!(understood, expected);
    }

    #[test]
    fn go_flags_get_their_second_dash() {
        check("donjon serve -config /etc/x.yml", "donjon serve --config /etc/x.yml");
        check("donjon serve -config=-", "donjon serve --config=-");
        check("donjon serve --config -", "donjon serve --config -");
        check("donjon serve -version", "donjon serve --version");
    }

    #[test]
    fn legacy_flags_are_left_out_with_their_values() {
        check(
            "donjon serve -skip-legacy -legacy-keepstore-config /x -config -",
            "donjon serve --config -",
        );
        check("donjon serve -legacy-ws-config=/x -skip-legacy=true", "donjon serve");
        check("donjon serve -pprof :6060 -config -", "donjon serve --config -");
    }

    #[test]
    fn other_commands_and_flags_are_left_alone() {
        check("donjon index -config x", "donjon index -config x");
        check("donjon serve --data /d -x", "donjon serve --data /d -x");
        check("donjon", "donjon");
    }
}
