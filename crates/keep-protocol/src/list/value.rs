//! Values whose type is only judged once the whole value was read, so that a refusal can name what it found.

use std::borrow::Cow;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, Error, MapAccess, SeqAccess, Visitor};

/// A value of any type. Of those that no key has, only what to call them in an error, never their content.
pub(super) enum Value<'a> {
    Null,
    Text(Cow<'a, str>),
    Whole(i64),
    Array(Vec<Value<'a>>),
    Other(&'static str),
}

/// What was asked for, and what was found instead.
pub(super) struct Wrong {
    wanted: &'static str,
    found: &'static str,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}, found {}", self.wanted, self.found)
    }
}

/// Each puts the value into its place; `null` leaves a text or number as it is and empties an array, as `encoding/json` does.
impl<'a> Value<'a> {
    pub(super) fn text(self, place: &mut Cow<'a, str>) -> Result<(), Wrong> {
        match self {
            Value::Null => {}
            Value::Text(text) => *place = text,
            Value::Whole(_) | Value::Array(_) | Value::Other(_) => return self.wrong("a string"),
        }
        Ok(())
    }

    pub(super) fn whole(self, place: &mut i64) -> Result<(), Wrong> {
        match self {
            Value::Null => {}
            Value::Whole(number) => *place = number,
            Value::Text(_) | Value::Array(_) | Value::Other(_) => {
                return self.wrong("a whole number of 64 bits");
            }
        }
        Ok(())
    }

    pub(super) fn texts(self, place: &mut Vec<Cow<'a, str>>) -> Result<(), Wrong> {
        place.clear();
        match self {
            Value::Null => {}
            Value::Array(values) => {
                for value in values {
                    let mut text = Cow::default();
                    value
                        .text(&mut text)
                        .map_err(|wrong| Wrong { wanted: "an array of strings", ..wrong })?;
                    place.push(text);
                }
            }
            Value::Text(_) | Value::Whole(_) | Value::Other(_) => {
                return self.wrong("an array of strings");
            }
        }
        Ok(())
    }

    fn wrong(&self, wanted: &'static str) -> Result<(), Wrong> {
        let found = match self {
            Value::Null => "null",
            Value::Text(_) => "a string",
            Value::Whole(_) => "a number",
            Value::Array(_) => "an array",
            Value::Other(found) => found,
        };
        Err(Wrong { wanted, found })
    }
}

/// Decodes a value of any type.
pub(super) struct Any;

impl<'de> DeserializeSeed<'de> for Any {
    type Value = Value<'de>;

    fn deserialize<D: Deserializer<'de>>(self, json: D) -> Result<Value<'de>, D::Error> {
        json.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Any {
    type Value = Value<'de>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a value")
    }

    fn visit_unit<E: Error>(self) -> Result<Value<'de>, E> {
        Ok(Value::Null)
    }

    fn visit_bool<E: Error>(self, _: bool) -> Result<Value<'de>, E> {
        Ok(Value::Other("true or false"))
    }

    fn visit_i64<E: Error>(self, number: i64) -> Result<Value<'de>, E> {
        Ok(Value::Whole(number))
    }

    fn visit_u64<E: Error>(self, number: u64) -> Result<Value<'de>, E> {
        Ok(i64::try_from(number).map_or(Value::Other("a larger number"), Value::Whole))
    }

    fn visit_f64<E: Error>(self, _: f64) -> Result<Value<'de>, E> {
        Ok(Value::Other("a fraction or a larger number"))
    }

    fn visit_borrowed_str<E: Error>(self, text: &'de str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Borrowed(text)))
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Value<'de>, E> {
        Ok(Value::Text(Cow::Owned(text.to_owned())))
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut elements: A) -> Result<Value<'de>, A::Error> {
        let mut values = Vec::new();
        while let Some(value) = elements.next_element_seed(Any)? {
            values.push(value);
        }
        Ok(Value::Array(values))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut members: A) -> Result<Value<'de>, A::Error> {
        while members.next_entry_seed(Any, Any)?.is_some() {}
        Ok(Value::Other("an object"))
    }
}
