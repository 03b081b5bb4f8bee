//! What is known of a list beside its items.

use std::fmt;
use std::sync::Arc;

use keep_protocol::list::Names;
use keep_rules::Timestamp;

/// What is known of a list beside its items: what an operator is shown of it, and what its items refer to.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Receipt {
    /// Its id. Above that of every list before, also across restarts.
    pub generation: u64,
    /// The SHA-256 of its body.
    pub digest: Digest,
    /// How many items it has.
    pub count: u64,
    /// When it was received.
    pub received_at: Timestamp,
    /// Who sent it.
    pub source: Source,
    /// The epoch that its sender gave it.
    pub epoch: Option<u64>,
    /// The texts that its items refer to.
    pub names: Arc<Names>,
}

/// Who sent a list.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Source {
    /// The address it came from.
    pub remote_addr: Text,
    /// The id of its request.
    pub request_id: Text,
    /// What the program that sent it calls itself.
    pub user_agent: Text,
}

/// The SHA-256 of a list's body. Shows as 64 lower-case hex digits.
#[derive(Clone, Copy, PartialEq, Eq, Hash)]
pub struct Digest(pub [u8; 32]);

impl fmt::Display for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Digest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Digest({self})")
    }
}

/// A text from outside, cut to [`Text::BYTES_MAX`] and without control characters.
///
/// # Examples
/// ```
/// use list_store::Text;
/// assert_eq!(Text::from("keep-balance\n").as_str(), "keep-balance\u{fffd}");
/// assert_eq!(Text::from("é".repeat(600)).as_str().len(), Text::BYTES_MAX);
/// ```
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Text(Box<str>);

impl Text {
    /// Bytes of the longest. No address or request id is as long, and of a user agent it is enough.
    pub const BYTES_MAX: usize = 512;

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl From<&str> for Text {
    fn from(text: &str) -> Self {
        let mut kept = String::new();
        for char in text.chars() {
            let char = if char.is_control() { char::REPLACEMENT_CHARACTER } else { char };
            if kept.len() + char.len_utf8() > Text::BYTES_MAX {
                break;
            }
            kept.push(char);
        }
        Text(kept.into())
    }
}

impl From<String> for Text {
    fn from(text: String) -> Self {
        Text::from(&*text)
    }
}

impl fmt::Display for Text {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}
