//! Where in a configuration file something stands.

use std::fmt;

/// The keys from the top of the file down to a value, joined by dots: `Clusters.zzzzz.API.RequestTimeout`.
///
/// Keys that hold a dot, a blank or anything unusual are quoted; a key that looks like a URL with a password is hidden.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct KeyPath(String);

/// The longest key that is shown in full, in characters.
const KEY_SHOWN_MAX: usize = 80;

impl KeyPath {
    /// The top of the file.
    pub(super) const fn top() -> Self {
        KeyPath(String::new())
    }

    /// A place outside the file, such as an environment variable.
    pub(super) fn outside(name: &str) -> Self {
        KeyPath(name.to_owned())
    }

    /// The place of `key` below this one.
    pub(super) fn child(&self, key: &str) -> Self {
        let key = shown_key(key);
        KeyPath(if self.0.is_empty() { key } else { format!("{}.{key}", self.0) })
    }

    /// The path, as messages show it.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn shown_key(key: &str) -> String {
    let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
    if key.contains('@') {
        "\"[hidden: holds an @]\"".to_owned()
    } else if key.chars().count() > KEY_SHOWN_MAX {
        format!("{:?}…", key.chars().take(KEY_SHOWN_MAX).collect::<String>())
    } else if !key.is_empty() && key.chars().all(plain) {
        key.to_owned()
    } else {
        format!("{key:?}")
    }
}

impl fmt::Display for KeyPath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0.is_empty() { f.write_str("(top of the file)") } else { f.write_str(&self.0) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_join_keys_with_dots() {
        assert_eq!(KeyPath::top().child("Clusters").child("zzzzz").to_string(), "Clusters.zzzzz");
        assert_eq!(KeyPath::top().to_string(), "(top of the file)");
    }

    #[test]
    fn unusual_keys_are_quoted() {
        assert_eq!(KeyPath::top().child("a").child("http://x:1/").to_string(), "a.\"http://x:1/\"");
        assert_eq!(KeyPath::top().child("a\nb").to_string(), "\"a\\nb\"");
        assert_eq!(KeyPath::top().child("").to_string(), "\"\"");
    }

    #[test]
    fn long_keys_are_cut_and_passwords_hidden() {
        assert!(KeyPath::top().child(&"x".repeat(1000)).to_string().len() < 100);
        assert!(!KeyPath::top().child("http://me:word@x/").to_string().contains("word"));
    }
}
