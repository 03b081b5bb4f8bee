//! Configs: what is accepted survives being dumped and read again; what is refused says why.

use donjon_node::config::{Config, ConfigErrors, Environment, parse};

/// Stands for every secret that a dump leaves out; the length is enough for any of them.
const SECRET: &str = "0123456789abcdefghijklmnopqrstuvwxyz0123456789abcdef";

/// What a dump shows of volumes that only other nodes serve. Those cannot be read again.
const NOT_SERVED: &str = "[not served by this node]";

/// What became of a text.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Judged {
    Accepted,
    Refused,
}

/// Holds for every text.
pub(crate) fn config(text: &[u8]) -> Judged {
    let Ok(text) = std::str::from_utf8(text) else { return Judged::Refused };
    match read(text) {
        Ok(config) => {
            survives(&config);
            Judged::Accepted
        }
        Err(ConfigErrors::Mistakes { mistakes, .. }) => {
            assert!(!mistakes.is_empty(), "refused without a reason");
            Judged::Refused
        }
        Err(error) => {
            assert!(!error.to_string().is_empty(), "refused without a word");
            Judged::Refused
        }
    }
}

fn survives(config: &Config) {
    let dump = config.dump_yaml();
    let value: serde_json::Value = serde_saphyr::from_str(&dump).expect("a dump is YAML");
    assert_eq!(value, config.to_json(), "both dumps say the same");
    if dump.contains(NOT_SERVED) {
        return;
    }
    let with_secrets = dump.replace("[removed]", SECRET);
    let again = read(&with_secrets).unwrap_or_else(|error| panic!("{error}\n{dump}"));
    assert_eq!(again.to_json(), config.to_json(), "it means the same when read again");
}

fn read(text: &str) -> Result<Config, ConfigErrors> {
    parse("config.yml", text, &Environment::default()).map(|loaded| loaded.config)
}
