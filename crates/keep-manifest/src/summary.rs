//! What was read of a manifest, in numbers.

use std::fmt;

/// What was read of a whole manifest, in numbers.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Summary {
    /// The manifest's length in bytes, hints included.
    pub bytes: u64,
    /// Streams.
    pub streams: u64,
    /// Locators, with repetitions and placeholders.
    pub locators: u64,
    /// File tokens: a file may have several.
    pub file_tokens: u64,
    /// What was read although it is not as it should be.
    pub oddities: Oddities,
}

/// What was read although it is not as the grammar wants it: it has one meaning only (spec section 4.3).
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Oddities {
    /// Empty lines.
    pub blank_lines: u64,
    /// Hashes with upper-case digits.
    pub upper_case_hashes: u64,
    /// Sizes with zeros in front.
    pub leading_zeros: u64,
    /// How the last line ends.
    pub end: End,
}

/// How a manifest ends.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum End {
    /// With a line feed, or it is empty.
    #[default]
    LineFeed,
    /// Within a line. It was read as if the line feed were there: its last token may be cut.
    Missing,
}

impl Oddities {
    /// Whether all was as the grammar wants it.
    pub fn is_none(&self) -> bool {
        *self == Oddities::default()
    }
}

/// For a log line: "2 empty lines, no line feed at the end".
impl fmt::Display for Oddities {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let counts = [
            (self.blank_lines, "empty lines"),
            (self.upper_case_hashes, "hashes in upper case"),
            (self.leading_zeros, "sizes with leading zeros"),
        ];
        let mut separator = "";
        for (count, what) in counts.into_iter().filter(|(count, _)| *count > 0) {
            write!(f, "{separator}{count} {what}")?;
            separator = ", ";
        }
        match self.end {
            End::Missing => write!(f, "{separator}no line feed at the end"),
            End::LineFeed if separator.is_empty() => f.write_str("none"),
            End::LineFeed => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn oddities_are_told() {
        let mut oddities = Oddities::default();
        assert!(oddities.is_none());
        assert_eq!(oddities.to_string(), "none");
        oddities.blank_lines = 2;
        oddities.end = End::Missing;
        assert_eq!(oddities.to_string(), "2 empty lines, no line feed at the end");
    }
}
