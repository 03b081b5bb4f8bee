//! Why an operation ended as it did, as a label.

use std::borrow::Cow;
use std::fmt;
use std::str::FromStr;

/// The longest reason, in bytes. Labels are words, not messages: those go to the log.
pub const REASON_BYTES_MAX: usize = 64;

/// Why: one to 64 lower-case letters, digits and underscores, as metrics label it. Never free text, so that nothing
/// secret gets on record.
///
/// # Examples
/// ```
/// use ledger::Reason;
/// const REWRITTEN: Reason = Reason::label("rewritten");
/// assert_eq!("rewritten".parse(), Ok(REWRITTEN));
/// assert!("It was rewritten.".parse::<Reason>().is_err());
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Reason(Cow<'static, str>);

/// A text that is no label.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a reason is a label: 1 to {REASON_BYTES_MAX} lower-case letters, digits and underscores")]
pub struct BadReason;

impl Reason {
    /// A label that stands in the source.
    ///
    /// # Panics
    /// If it is none; in a `const`, the program then does not compile.
    pub const fn label(label: &'static str) -> Self {
        assert!(is_label(label.as_bytes()), "a reason in the source must be a label");
        Reason(Cow::Borrowed(label))
    }

    /// The label.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

const fn is_label(text: &[u8]) -> bool {
    let mut at = 0;
    while at < text.len() {
        if !matches!(text[at], b'a'..=b'z' | b'0'..=b'9' | b'_') {
            return false;
        }
        at += 1;
    }
    !text.is_empty() && text.len() <= REASON_BYTES_MAX
}

impl FromStr for Reason {
    type Err = BadReason;

    fn from_str(text: &str) -> Result<Self, BadReason> {
        if is_label(text.as_bytes()) { Ok(Reason(text.to_owned().into())) } else { Err(BadReason) }
    }
}

impl fmt::Display for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&self.0)
    }
}

impl fmt::Debug for Reason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:?}", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_short_words() {
        assert!("too_new".parse::<Reason>().is_ok());
        assert!("a".repeat(REASON_BYTES_MAX).parse::<Reason>().is_ok());
        for bad in ["", "Too new", "naïve", "a\n", &"a".repeat(REASON_BYTES_MAX + 1)] {
            assert_eq!(bad.parse::<Reason>(), Err(BadReason), "{bad}");
        }
    }
}
