//! The general path: any object, decoded by `serde_json`.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, IgnoredAny, MapAccess, Visitor};

use super::fields::{Fields, ServerTexts, Shape};
use super::value::Any;
use crate::list::Problem;

/// Why an object was refused, and at which of its bytes.
pub(super) struct Fault {
    pub(super) at: usize,
    pub(super) problem: Problem,
}

/// The values of one item, owned where they had escapes.
#[derive(Default)]
pub(super) struct Decoded<'a> {
    locator: Cow<'a, str>,
    mtime: i64,
    mount: Cow<'a, str>,
    servers: Vec<Cow<'a, str>>,
}

impl Decoded<'_> {
    pub(super) fn fields(&self) -> Fields<'_> {
        Fields {
            locator: self.locator.as_bytes(),
            mtime: self.mtime,
            mount: self.mount.as_bytes(),
            servers: ServerTexts::Decoded(&self.servers),
        }
    }
}

/// Decodes one object, from its brace to its brace.
pub(super) fn read(object: &[u8], shape: Shape) -> Result<Decoded<'_>, Fault> {
    decode(object, shape).map_err(|mut fault| {
        // serde_json says so of an escape with fewer than four bytes behind it, although the object is complete.
        if fault.problem == Problem::Truncated {
            fault.problem = Problem::Malformed(SHORT_ESCAPE.into());
        }
        fault
    })
}

const SHORT_ESCAPE: &str = "a hex escape without four digits";

/// What is wrong with the beginning of an object, apart from its missing end.
pub(super) fn first_mistake(beginning: &[u8], shape: Shape) -> Option<Fault> {
    decode(beginning, shape).err().filter(|fault| fault.problem != Problem::Truncated)
}

fn decode(object: &[u8], shape: Shape) -> Result<Decoded<'_>, Fault> {
    let text = std::str::from_utf8(object).map_err(|error| Fault {
        at: error.valid_up_to(),
        problem: error.error_len().map_or(Problem::Truncated, |_| Problem::NotUtf8),
    })?;
    let mut json = serde_json::Deserializer::from_str(text);
    let decoded =
        Item(shape).deserialize(&mut json).and_then(|decoded| json.end().map(|()| decoded));
    decoded.map_err(|error| fault(text, &error))
}

fn fault(text: &str, error: &serde_json::Error) -> Fault {
    let message = error.to_string();
    let message =
        message.rsplit_once(" at line ").map_or(&*message, |(message, _place)| message).to_owned();
    Fault {
        at: byte_of(text.as_bytes(), error.line(), error.column()),
        problem: match error.classify() {
            serde_json::error::Category::Data => Problem::WrongType(message),
            serde_json::error::Category::Eof => Problem::Truncated,
            serde_json::error::Category::Syntax | serde_json::error::Category::Io => {
                Problem::Malformed(message)
            }
        },
    }
}

/// The byte that `serde_json` means by a line and a column: both count from 1, and the column counts bytes.
fn byte_of(text: &[u8], line: usize, column: usize) -> usize {
    let before =
        text.split_inclusive(|byte| *byte == b'\n').take(line - 1).map(<[u8]>::len).sum::<usize>();
    (before + column).saturating_sub(1)
}

/// Decodes an item.
struct Item(Shape);

impl<'de> DeserializeSeed<'de> for Item {
    type Value = Decoded<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Decoded<'de>, D::Error> {
        json.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for Item {
    type Value = Decoded<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Decoded<'de>, A::Error> {
        let mut item = Decoded::default();
        while let Some(key) = members.next_key_seed(Key(self.0))? {
            let taken = match key {
                Known::Locator => members.next_value_seed(Any)?.text(&mut item.locator),
                Known::Mtime => members.next_value_seed(Any)?.whole(&mut item.mtime),
                Known::Mount => members.next_value_seed(Any)?.text(&mut item.mount),
                Known::Servers => members.next_value_seed(Any)?.texts(&mut item.servers),
                Known::Other => members.next_value::<IgnoredAny>().map(|IgnoredAny| Ok(()))?,
            };
            taken.map_err(|wrong| {
                A::Error::custom(format_args!("{} must be {wrong}", key.text()))
            })?;
        }
        Ok(item)
    }
}

/// What a member of an item is. Unknown ones are decoded for their grammar only.
enum Known {
    Locator,
    Mtime,
    Mount,
    Servers,
    Other,
}

impl Known {
    fn text(&self) -> &'static str {
        match self {
            Known::Locator => "locator",
            Known::Mtime => "block_mtime",
            Known::Mount => "mount_uuid",
            Known::Servers => "servers",
            Known::Other => "an unknown key",
        }
    }
}

struct Key(Shape);

impl<'de> DeserializeSeed<'de> for Key {
    type Value = Known;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Known, D::Error> {
        json.deserialize_str(self)
    }
}

impl Visitor<'_> for Key {
    type Value = Known;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    fn visit_str<E: Error>(self, key: &str) -> Result<Known, E> {
        let is = |known: &str| key.chars().map(folded).eq(known.chars());
        Ok(match self.0 {
            _ if is("locator") => Known::Locator,
            _ if is("mount_uuid") => Known::Mount,
            Shape::Trash if is("block_mtime") => Known::Mtime,
            Shape::Pull if is("servers") => Known::Servers,
            Shape::Trash | Shape::Pull => Known::Other,
        })
    }
}

/// Case folding as `encoding/json` does it: two letters beyond ASCII fold into it.
fn folded(char: char) -> char {
    match char {
        'ſ' => 's',
        '\u{212a}' => 'k', // the Kelvin sign
        other => other.to_ascii_lowercase(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Locator, mtime, mount, servers.
    type Values<'a> = (&'a str, i64, &'a str, &'a [&'a str]);

    #[track_caller]
    fn check(object: &str, shape: Shape, expected: Result<Values<'_>, (usize, &str)>) {
        match (read(object.as_bytes(), shape), expected) {
            (Ok(found), Ok(expected)) => {
                let servers: Vec<&str> = found.servers.iter().map(|server| &**server).collect();
                assert_eq!((&*found.locator, found.mtime, &*found.mount, &*servers), expected);
            }
            (Err(fault), Err((at, text))) => {
                assert_eq!(fault.at, at, "{}", fault.problem);
                assert!(fault.problem.to_string().contains(text), "{}", fault.problem);
            }
            (Ok(_), Err(_)) => panic!("{object} was read"),
            (Err(fault), Ok(_)) => panic!("{object}: {} at {}", fault.problem, fault.at),
        }
    }

    #[test]
    fn keys_are_matched_whatever_their_case_and_the_last_wins() {
        check(
            r#"{"LOCATOR":"a","Mount_UUID":"m","bloc\u212a_mtime":3}"#,
            Shape::Trash,
            Ok(("a", 3, "m", &[])),
        );
        check(r#"{"ſerverS":["s"]}"#, Shape::Pull, Ok(("", 0, "", &["s"])));
        check(r#"{"locator":"a","Locator":"b"}"#, Shape::Trash, Ok(("b", 0, "", &[])));
        check(r#"{"locator":"a","locator":null}"#, Shape::Trash, Ok(("a", 0, "", &[])));
        check(r#"{"servers":["a"],"servers":null}"#, Shape::Pull, Ok(("", 0, "", &[])));
    }

    #[test]
    fn nulls_and_unknown_keys_are_zero_values() {
        check(
            r#"{"locator":null,"block_mtime":null,"mount_uuid":null}"#,
            Shape::Trash,
            Ok(("", 0, "", &[])),
        );
        check(r#"{"servers":[null,"a"]}"#, Shape::Pull, Ok(("", 0, "", &["", "a"])));
        check(r#"{"block_mtime":"x","servers":[]}"#, Shape::Pull, Ok(("", 0, "", &[])));
        check(r#"{"servers":5,"x":{"y":[1e999,"\ud800"]}}"#, Shape::Trash, Ok(("", 0, "", &[])));
    }

    #[test]
    fn wrong_types_are_named_without_their_value() {
        check(
            r#"{"locator":5}"#,
            Shape::Trash,
            Err((12, "locator must be a string, found a number")),
        );
        check(
            r#"{"block_mtime":"secret"}"#,
            Shape::Trash,
            Err((23, "block_mtime must be a whole number of 64 bits, found a string")),
        );
        check(r#"{"block_mtime":1.0}"#, Shape::Trash, Err((18, "found a fraction")));
        check(
            r#"{"block_mtime":9223372036854775808}"#,
            Shape::Trash,
            Err((34, "found a larger number")),
        );
        check(r#"{"mount_uuid":{"a":1}}"#, Shape::Trash, Err((21, "found an object")));
        check(
            r#"{"servers":["a",true]}"#,
            Shape::Pull,
            Err((21, "servers must be an array of strings, found true or false")),
        );
    }

    #[test]
    fn malformed_objects_are_refused_at_the_byte() {
        check("{\n  \"locator\" \"a\"}", Shape::Trash, Err((14, "expected `:`")));
        check(r#"{"x":tru}"#, Shape::Trash, Err((8, "expected ident")));
        check(r#"{"x":"\q"}"#, Shape::Trash, Err((7, "invalid escape")));
        check(r#"{"locator":"\ud800"}"#, Shape::Trash, Err((18, "unexpected end of hex escape")));
        check(r#"{"a":1,}"#, Shape::Trash, Err((7, "trailing comma")));
        check(r#"{"a":[1}]"#, Shape::Trash, Err((7, "expected `,` or `]`")));
    }

    #[test]
    fn a_short_escape_is_a_mistake_and_not_a_missing_end() {
        check(r#"{"x":"\u"}"#, Shape::Trash, Err((9, SHORT_ESCAPE)));
        check(r#"{"locator":"\ud83d\u0"}"#, Shape::Trash, Err((22, SHORT_ESCAPE)));
    }

    #[test]
    fn texts_must_be_utf8() {
        let fault = read(b"{\"x\":\"\xff\"}", Shape::Trash).err().unwrap();
        assert_eq!((fault.at, fault.problem), (6, Problem::NotUtf8));
    }
}
