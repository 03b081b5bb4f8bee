//! What a collection is called.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};

/// The longest name, in bytes.
const BYTES_MAX: usize = 255;

/// What a collection is called: 1 to 255 bytes of text without control characters, and without blanks at its ends.
///
/// It is never part of a path.
///
/// # Examples
/// ```
/// use manifest_store::CollectionName;
/// assert_eq!("photos/2026".parse::<CollectionName>()?.as_str(), "photos/2026");
/// assert!("".parse::<CollectionName>().is_err());
/// # Ok::<(), manifest_store::BadName>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CollectionName(String);

/// A text that names no collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "the name of a collection is 1 to {BYTES_MAX} bytes of text without control characters, not beginning or ending with a blank"
)]
pub struct BadName;

impl CollectionName {
    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for CollectionName {
    type Err = BadName;

    fn from_str(text: &str) -> Result<Self, BadName> {
        CollectionName::try_from(text.to_owned())
    }
}

impl TryFrom<String> for CollectionName {
    type Error = BadName;

    fn try_from(text: String) -> Result<Self, BadName> {
        let good = !text.is_empty()
            && text.len() <= BYTES_MAX
            && text.trim() == text
            && !text.chars().any(char::is_control);
        if good { Ok(CollectionName(text)) } else { Err(BadName) }
    }
}

impl From<CollectionName> for String {
    fn from(name: CollectionName) -> String {
        name.0
    }
}

impl fmt::Display for CollectionName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_texts_that_can_be_shown() {
        for good in ["a", "photos/2026", "ä b", &"x".repeat(255)] {
            assert_eq!(good.parse::<CollectionName>().unwrap().as_str(), good);
        }
        for bad in ["", " a", "a ", "a\nb", "\u{7f}", &"x".repeat(256)] {
            assert_eq!(bad.parse::<CollectionName>(), Err(BadName), "{bad:?}");
        }
    }
}
