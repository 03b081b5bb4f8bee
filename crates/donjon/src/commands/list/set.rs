//! `donjon list set`

use std::str::FromStr;

use keep_protocol::status::{ListName, ListSettings, Origin, Setting, SettingsChange};

use super::WhichList;
use crate::exit::Exit;
use crate::failure::Failure;
use crate::node::NodeArgs;
use crate::output::{Format, print};
use crate::table;

/// Show or change the workers and the rates of a list. Needs the admin token
///
/// Changes take effect at once and last over restarts; `default` goes back to the configuration.
#[derive(Debug, clap::Args)]
#[command(after_help = "\
Examples:
  donjon list set trash --data /srv/keep                                 show the settings
  donjon list set trash --data /srv/keep --items-per-second 50           at most 50 items a second
  donjon list set pull --data /srv/keep --workers 16 --bytes-per-second 0
  donjon list set trash --data /srv/keep --workers default

With --json: the settings, each with its value (null: no limit) and its origin, config or runtime.
Exit status: 0 done, 1 the node refuses a value; nothing is changed then")]
pub(crate) struct SetArgs {
    #[arg(value_enum)]
    list: WhichList,

    /// How many items are worked on at once
    #[arg(long, value_name = "N|default")]
    workers: Option<Value>,

    /// How many items are begun in a second, at most; 0 is no limit
    #[arg(long, value_name = "N|default")]
    items_per_second: Option<Value>,

    /// How many bytes of blocks are begun in a second, at most; 0 is no limit
    #[arg(long, value_name = "N|default")]
    bytes_per_second: Option<Value>,

    #[command(flatten)]
    format: Format,

    #[command(flatten)]
    node: NodeArgs,
}

/// What a setting is to become.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Value {
    /// As the configuration has it.
    Default,
    Number(u64),
}

impl FromStr for Value {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text == "default" {
            return Ok(Value::Default);
        }
        text.parse().map(Value::Number).map_err(|_no_number| "it should be a number, or `default`")
    }
}

impl Value {
    fn wanted(self) -> Option<u64> {
        match self {
            Value::Default => None,
            Value::Number(number) => Some(number),
        }
    }
}

pub(super) async fn run(args: SetArgs) -> Result<Exit, Failure> {
    let list = ListName::from(args.list);
    let client = args.node.connect()?.client;
    let change = SettingsChange {
        workers: args.workers.map(Value::wanted),
        items_per_second: args.items_per_second.map(Value::wanted),
        bytes_per_second: args.bytes_per_second.map(Value::wanted),
    };
    let settings = if change == SettingsChange::default() {
        client.list_settings(list).await
    } else {
        client.change_list_settings(list, &change).await
    };
    let settings = settings.map_err(Failure::node(format!("settings of the {list} list")))?;
    print(args.format, &settings, drawn)?;
    Ok(Exit::Done)
}

fn drawn(settings: &ListSettings) -> String {
    let mut table = table::table(["SETTING", "VALUE", "SET BY"]);
    for (name, setting) in [
        ("workers", settings.workers),
        ("items per second", settings.items_per_second),
        ("bytes per second", settings.bytes_per_second),
    ] {
        table.add_row([name.to_owned(), value(setting), origin(setting).to_owned()]);
    }
    let paused = if settings.paused { "yes" } else { "no" };
    table.add_row(["paused", paused, ""]);
    table::text(&table)
}

fn value(setting: Setting) -> String {
    setting.value.map_or("no limit".to_owned(), |value| value.to_string())
}

fn origin(setting: Setting) -> &'static str {
    match setting.origin {
        Origin::Config => "the configuration",
        Origin::Runtime => "an operator",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_value_is_a_number_or_the_default() {
        assert_eq!("12".parse(), Ok(Value::Number(12)));
        assert_eq!("default".parse(), Ok(Value::Default));
        assert!("-1".parse::<Value>().is_err() && "many".parse::<Value>().is_err());
    }

    #[test]
    fn settings_tell_where_they_come_from() {
        let settings = ListSettings {
            workers: Setting { value: Some(4), origin: Origin::Config },
            items_per_second: Setting { value: Some(50), origin: Origin::Runtime },
            ..ListSettings::default()
        };
        let text = drawn(&settings);
        let lines: Vec<&str> = text.lines().collect();
        assert_eq!(lines[1], "workers           4         the configuration");
        assert_eq!(lines[2], "items per second  50        an operator");
        assert_eq!(lines[3], "bytes per second  no limit  the configuration");
    }
}
