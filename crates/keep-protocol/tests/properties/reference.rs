//! A second reading of lists, slow and simple: the whole body at once, item by item as key-value pairs.

use std::fmt;

use keep_rules::{BLOCK_SIZE_MAX, BlockHash, Locator};
use serde::de::{Deserialize, Deserializer, Error, IgnoredAny, MapAccess, Visitor};
use serde_json::Value;

/// An item in plain types. Sizes: `Err` if impossible, `Ok(None)` if missing.
#[derive(Debug, Default, PartialEq)]
pub(crate) struct Item {
    pub(crate) locator: Option<(BlockHash, Result<Option<u32>, ()>)>,
    pub(crate) mtime: i64,
    pub(crate) mount: String,
    pub(crate) servers: Vec<String>,
}

/// Why a list is refused.
#[derive(Debug)]
pub(crate) enum Refusal {
    /// The grammar of JSON, at this byte.
    Syntax(usize),
    /// The end is missing.
    Cut,
    /// Anything else.
    Other,
}

/// The items of a trash list.
pub(crate) fn trash_list(body: &[u8]) -> Result<Vec<Item>, Refusal> {
    let list: Option<Vec<Option<Trash>>> = read(body)?;
    Ok(list.unwrap_or_default().into_iter().map(|item| item.unwrap_or_default().0).collect())
}

/// The items of a pull list.
pub(crate) fn pull_list(body: &[u8]) -> Result<Vec<Item>, Refusal> {
    let list: Option<Vec<Option<Pull>>> = read(body)?;
    let list = list.unwrap_or_default();
    if let Some(Some(Pull { bare: true, .. })) = list.first() {
        return Err(Refusal::Other);
    }
    Ok(list.into_iter().map(|item| item.unwrap_or_default().item).collect())
}

fn read<'de, T: Deserialize<'de>>(body: &'de [u8]) -> Result<T, Refusal> {
    let text = std::str::from_utf8(body).map_err(|error| match error.error_len() {
        None => Refusal::Cut,
        Some(_) => Refusal::Other,
    })?;
    serde_json::from_str(text).map_err(|error| match error.classify() {
        serde_json::error::Category::Syntax => Refusal::Syntax(byte_of(text, &error)),
        serde_json::error::Category::Eof => Refusal::Cut,
        serde_json::error::Category::Data | serde_json::error::Category::Io => Refusal::Other,
    })
}

fn byte_of(text: &str, error: &serde_json::Error) -> usize {
    let lines: usize = text.split_inclusive('\n').take(error.line() - 1).map(str::len).sum();
    (lines + error.column()).saturating_sub(1)
}

#[derive(Default)]
struct Trash(Item);

impl<'de> Deserialize<'de> for Trash {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let mut item = Item::default();
        for (key, value) in
            json.deserialize_map(Members(&["locator", "block_mtime", "mount_uuid"]))?
        {
            match (key, value) {
                (_, Value::Null) => {}
                ("locator", Value::String(text)) => item.locator = located(&text),
                ("block_mtime", value) => {
                    item.mtime = value.as_i64().ok_or(D::Error::custom("mtime"))?
                }
                ("mount_uuid", Value::String(text)) => item.mount = text,
                _ => return Err(D::Error::custom(key)),
            }
        }
        Ok(Trash(item))
    }
}

#[derive(Default)]
struct Pull {
    item: Item,
    bare: bool,
}

impl<'de> Deserialize<'de> for Pull {
    fn deserialize<D: Deserializer<'de>>(json: D) -> Result<Self, D::Error> {
        let mut pull = Pull::default();
        for (key, value) in json.deserialize_map(Members(&["locator", "servers", "mount_uuid"]))? {
            match (key, value) {
                ("servers", Value::Null) => pull.item.servers.clear(),
                (_, Value::Null) => {}
                ("locator", Value::String(text)) => {
                    pull.item.locator = located(&text);
                    pull.bare = text.parse::<BlockHash>().is_ok();
                }
                ("servers", Value::Array(values)) => {
                    pull.item.servers = values
                        .into_iter()
                        .map(server)
                        .collect::<Option<_>>()
                        .ok_or(D::Error::custom(key))?;
                }
                ("mount_uuid", Value::String(text)) => pull.item.mount = text,
                _ => return Err(D::Error::custom(key)),
            }
        }
        Ok(pull)
    }
}

fn server(value: Value) -> Option<String> {
    match value {
        Value::Null => Some(String::new()),
        Value::String(text) => Some(text),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn located(text: &str) -> Option<(BlockHash, Result<Option<u32>, ()>)> {
    let locator: Locator = text.parse().ok()?;
    let size = match locator.size() {
        Some(size) if size > BLOCK_SIZE_MAX => Err(()),
        Some(size) => Ok(u32::try_from(size).ok()),
        None if locator.declared_size() < 0 => Err(()),
        None => Ok(None),
    };
    Some((locator.hash(), size))
}

/// The members of an object that have these keys, in whatever case, in order.
struct Members(&'static [&'static str]);

impl<'de> Visitor<'de> for Members {
    type Value = Vec<(&'static str, Value)>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
        let mut members = Vec::new();
        while let Some(key) = map.next_key::<String>()? {
            let folded = key.replace('ſ', "s").replace('\u{212a}', "k").to_ascii_lowercase();
            match self.0.iter().find(|known| **known == folded) {
                Some(known) => members.push((*known, map.next_value()?)),
                None => {
                    map.next_value::<IgnoredAny>()?;
                }
            }
        }
        Ok(members)
    }
}
