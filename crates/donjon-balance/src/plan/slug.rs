//! Reasons, as the file has them.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

use crate::plan::text::as_text;

/// A word for a program and for people: 1 to 64 of `a-z`, `0-9`, `_` and `-`. What it means, its writer says.
///
/// # Examples
/// ```
/// use donjon_balance::plan::Slug;
/// const EXCESS: Slug = Slug::of("excess");
/// assert_eq!("excess".parse(), Ok(EXCESS));
/// assert!("too many".parse::<Slug>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Slug(Cow<'static, str>);

/// A text that is no slug.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reason is 1 to 64 of the characters a-z, 0-9, _ and -")]
pub struct BadSlug;

const BYTES_MAX: usize = 64;

impl Slug {
    /// A slug of the program itself. Costs no allocation.
    ///
    /// # Panics
    /// If the text is no slug; in a constant, when it is compiled.
    pub const fn of(text: &'static str) -> Slug {
        assert!(
            is_slug(text.as_bytes()),
            "a reason is 1 to 64 of the characters a-z, 0-9, _ and -"
        );
        Slug(Cow::Borrowed(text))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn is_slug(text: &[u8]) -> bool {
    let mut at = 0;
    while at < text.len() {
        if !matches!(text[at], b'a'..=b'z' | b'0'..=b'9' | b'_' | b'-') {
            return false;
        }
        at += 1;
    }
    0 < at && at <= BYTES_MAX
}

impl FromStr for Slug {
    type Err = BadSlug;

    fn from_str(text: &str) -> Result<Self, BadSlug> {
        if !is_slug(text.as_bytes()) {
            return Err(BadSlug);
        }
        Ok(Slug(Cow::Owned(text.to_owned())))
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl fmt::Debug for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

as_text!(Slug);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn other_texts_are_no_slug() {
        for text in ["", "Excess", "too many", "a\"b", "ä", &"a".repeat(65)] {
            assert_eq!(text.parse::<Slug>(), Err(BadSlug), "{text}");
        }
        assert_eq!("a".repeat(64).parse::<Slug>().unwrap().as_str().len(), 64);
    }
}
