//! The flags of the Go programs, so that their unit files and scripts keep working: those of keepstore after `donjon serve`
//! (`spec/keep-protocol.md` section 8), those of keep-balance after `donjon balance run` (`spec/keep-balance.md` section 5.2).
//!
//! Go programs take `-flag value`, `-flag=value`, and two dashes as well. Only these two commands read them so.

use std::ffi::{OsStr, OsString};

/// `args` as clap understands them: Go flags get their second dash and our name, or are left out if they mean nothing here.
pub(crate) fn understood(args: impl IntoIterator<Item = OsString>) -> Vec<OsString> {
    let args: Vec<OsString> = args.into_iter().collect();
    let starts_with = |words: &[&str]| {
        args.len() > words.len() && args[1..].iter().zip(words).all(|(arg, word)| arg == word)
    };
    if starts_with(&["serve"]) {
        translated(args, 2, keepstore)
    } else if starts_with(&["balance", "run"]) {
        translated(args, 3, keep_balance)
    } else {
        args
    }
}

enum Meaning {
    Ours,
    /// The same under another name.
    Renamed(OsString),
    /// Nothing.
    Ignored,
    /// Nothing, and neither does the value that follows.
    IgnoredWithValue,
    /// The version, and nothing else.
    Version,
    /// Another command: `run` becomes it.
    Command(&'static str),
}

/// A Go flag: its name, and its value if that stands behind a `=`.
#[derive(Clone, Copy)]
struct Flag<'a> {
    name: &'a str,
    value: Option<&'a str>,
    /// As it was given, without dashes.
    whole: &'a str,
}

impl Flag<'_> {
    fn dashed(self) -> Meaning {
        Meaning::Renamed(format!("--{}", self.whole).into())
    }

    fn ignored_with_value(self) -> Meaning {
        if self.value.is_some() { Meaning::Ignored } else { Meaning::IgnoredWithValue }
    }

    /// The value of a flag that is on or off, as Go reads it.
    fn is_on(self) -> Option<bool> {
        match self.value {
            None | Some("1" | "t" | "T" | "true" | "TRUE" | "True") => Some(true),
            Some("0" | "f" | "F" | "false" | "FALSE" | "False") => Some(false),
            Some(_) => None,
        }
    }
}

fn translated(
    args: Vec<OsString>,
    command: usize,
    meaning: fn(Flag<'_>) -> Meaning,
) -> Vec<OsString> {
    let mut args = args.into_iter();
    let mut understood: Vec<OsString> = args.by_ref().take(command).collect();
    while let Some(arg) = args.next() {
        match flag(&arg).map_or(Meaning::Ours, meaning) {
            Meaning::Ours => understood.push(arg),
            Meaning::Renamed(renamed) => understood.push(renamed),
            Meaning::Ignored => {}
            Meaning::IgnoredWithValue => drop(args.next()),
            Meaning::Version => {
                understood.truncate(1);
                understood.push("--version".into());
                return understood;
            }
            Meaning::Command(name) => understood[command - 1] = name.into(),
        }
    }
    understood
}

fn flag(arg: &OsStr) -> Option<Flag<'_>> {
    let whole = arg.to_str()?.strip_prefix('-')?;
    let whole = whole.strip_prefix('-').unwrap_or(whole);
    let (name, value) =
        whole.split_once('=').map_or((whole, None), |(name, value)| (name, Some(value)));
    Some(Flag { name, value, whole })
}

fn keepstore(flag: Flag<'_>) -> Meaning {
    match flag.name {
        "config" | "version" | "help" => flag.dashed(),
        "skip-legacy" => Meaning::Ignored,
        "pprof" => flag.ignored_with_value(),
        name if name.starts_with("legacy-") && name.ends_with("-config") => {
            flag.ignored_with_value()
        }
        _ => Meaning::Ours,
    }
}

/// `-commit-pulls=false` and `-commit-trash=false` are left as they are: no program takes them, and clap says so. There is
/// always a plan, which is the dump; and a run needs no prefix to fit into memory.
fn keep_balance(flag: Flag<'_>) -> Meaning {
    match (flag.name, flag.is_on()) {
        ("config" | "help", _) => flag.dashed(),
        ("version", _) => Meaning::Version,
        ("once", Some(true)) => Meaning::Command("once"),
        ("commit-confirmed-fields", Some(false)) => {
            Meaning::Renamed("--no-confirmed-columns".into())
        }
        ("once", Some(false))
        | ("commit-pulls" | "commit-trash" | "commit-confirmed-fields", Some(true))
        | ("dump" | "skip-legacy", Some(_)) => Meaning::Ignored,
        ("pprof" | "chunk-prefix" | "legacy-keepbalance-config", _) => flag.ignored_with_value(),
        _ => Meaning::Ours,
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
        check("donjon balance run -config=x", "donjon balance run --config=x");
    }

    #[test]
    fn legacy_flags_are_left_out_with_their_values() {
        check(
            "donjon serve -skip-legacy -legacy-keepstore-config /x -config -",
            "donjon serve --config -",
        );
        check("donjon serve -legacy-ws-config=/x -skip-legacy=true", "donjon serve");
        check("donjon serve -pprof :6060 -config -", "donjon serve --config -");
        check(
            "donjon balance run -chunk-prefix 0f -dump -pprof=:6060 -config x",
            "donjon balance run --config x",
        );
    }

    #[test]
    fn keep_balance_s_flags_become_commands_and_ours() {
        check("donjon balance run -once -config x", "donjon balance once --config x");
        check("donjon balance run -once=false", "donjon balance run");
        check(
            "donjon balance run -commit-pulls=true -commit-trash -commit-confirmed-fields=false",
            "donjon balance run --no-confirmed-columns",
        );
        check("donjon balance run -config x -version", "donjon --version");
    }

    #[test]
    fn what_keep_balance_refuses_is_left_for_clap_to_refuse() {
        check("donjon balance run -commit-trash=false", "donjon balance run -commit-trash=false");
        check("donjon balance run -once=maybe", "donjon balance run -once=maybe");
    }

    #[test]
    fn other_commands_and_flags_are_left_alone() {
        check("donjon index -config x", "donjon index -config x");
        check("donjon balance once -config x", "donjon balance once -config x");
        check("donjon serve --data /d -x", "donjon serve --data /d -x");
        check("donjon balance", "donjon balance");
        check("donjon", "donjon");
    }
}
