//! Locators: how clients name a block, its size and what they may do with it (spec section 1).

use std::fmt;
use std::str::FromStr;

use crate::block::BlockHash;

/// A parsed locator: a hash, perhaps a size, and hints. If you hold one, it is well-formed as far as reading a block goes;
/// signatures are checked by [`SigningKey::verify`](crate::SigningKey::verify).
///
/// `Display` and `Debug` leave out signatures, so a locator may be logged; [`Locator::as_str`] has everything.
///
/// # Examples
/// ```
/// use keep_rules::Locator;
/// let locator: Locator = "acbd18db4cc2f85cedef654fccc4a4d8+3+Kzzzzz+A0123@4567".parse()?;
/// assert_eq!(locator.size(), Some(3));
/// assert!(locator.is_signed());
/// assert_eq!(locator.to_string(), "acbd18db4cc2f85cedef654fccc4a4d8+3+Kzzzzz");
/// # Ok::<(), keep_rules::BadLocator>(())
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct Locator {
    text: Box<str>,
    hash: BlockHash,
    declared_size: i64,
}

/// What is wrong with a locator.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadLocator {
    /// The text before the first `+` is no hash.
    #[error(
        "invalid locator: it must begin with 32 lower-case hex digits, alone or followed by '+'"
    )]
    Hash,
    /// Two `+` side by side, or one at the end.
    #[error("invalid locator: nothing follows one of its '+' signs")]
    EmptyPart,
    /// A third or later part begins with a digit: only the second part may be a size.
    #[error(
        "invalid locator: a hint begins with a digit; only the part after the hash may be a size"
    )]
    MisplacedSize,
}

impl Locator {
    /// The whole text, with its signatures: for the wire, never for a log.
    pub fn as_str(&self) -> &str {
        &self.text
    }

    /// The block's hash.
    pub fn hash(&self) -> BlockHash {
        self.hash
    }

    /// The size as parsed: 0 if the second part is absent or no 64-bit integer. May be negative (spec section 1).
    pub fn declared_size(&self) -> i64 {
        self.declared_size
    }

    /// The size in bytes, if a read can be checked against it: more than 0, or 0 for the empty block.
    pub fn size(&self) -> Option<u64> {
        u64::try_from(self.declared_size)
            .ok()
            .filter(|size| *size > 0 || self.hash == BlockHash::EMPTY)
    }

    /// Whether some hint begins with `A`: a signature of this cluster, or something that wants to be one.
    pub fn is_signed(&self) -> bool {
        self.hints().any(is_local_signature)
    }

    /// Whether some hint begins with `R`: a signature of another cluster.
    pub fn is_remote(&self) -> bool {
        self.hints().any(is_remote_signature)
    }

    /// The parts that follow hash and size, in order.
    pub fn hints(&self) -> impl Iterator<Item = &str> {
        let mut parts = self.text.split('+').skip(1).peekable();
        parts.next_if(|part| looks_like_size(part));
        parts
    }

    /// The same locator, without the hints that begin with `A`.
    #[must_use]
    pub fn without_signature(&self) -> Locator {
        self.rewritten(|part| (!is_local_signature(part)).then(|| part.into()))
    }

    /// The locator whose parts after the hash are what `rewrite` makes of each; `None` drops one.
    /// What `rewrite` gives must not be empty, nor begin with a digit where the original did not.
    pub(crate) fn rewritten<'a>(
        &'a self,
        mut rewrite: impl FnMut(&'a str) -> Option<std::borrow::Cow<'a, str>>,
    ) -> Locator {
        let mut text = self.hash.to_string();
        for part in self.text.split('+').skip(1).filter_map(&mut rewrite) {
            text.push('+');
            text.push_str(&part);
        }
        text.parse().expect("what is left of a locator, or a hint in place of a hint, is a locator")
    }
}

fn is_local_signature(part: &str) -> bool {
    part.starts_with('A')
}

fn is_remote_signature(part: &str) -> bool {
    part.starts_with('R')
}

/// Whether the second part is meant as a size, even if it is none.
fn looks_like_size(part: &str) -> bool {
    part.starts_with(|first: char| first.is_ascii_digit() || first == '-')
}

impl FromStr for Locator {
    type Err = BadLocator;

    fn from_str(text: &str) -> Result<Self, BadLocator> {
        let mut parts = text.split('+');
        let hash = parts.next().unwrap_or_default().parse().or(Err(BadLocator::Hash))?;
        let mut declared_size = 0;
        for (place, part) in parts.enumerate() {
            if part.is_empty() {
                return Err(BadLocator::EmptyPart);
            }
            if place == 0 {
                declared_size = part.parse().unwrap_or(0);
            } else if part.starts_with(|first: char| first.is_ascii_digit()) {
                return Err(BadLocator::MisplacedSize);
            }
        }
        Ok(Locator { text: text.into(), hash, declared_size })
    }
}

/// Without signatures, local or remote: safe to log.
impl fmt::Display for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.hash)?;
        for part in self
            .text
            .split('+')
            .skip(1)
            .filter(|part| !is_local_signature(part) && !is_remote_signature(part))
        {
            write!(f, "+{part}")?;
        }
        Ok(())
    }
}

impl fmt::Debug for Locator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Whether `path`, decoded and without its leading `/`, is for the block routes: 32 lower-case hex digits, then anything but a
/// newline. Only then is it worth parsing; otherwise the answer is "Bad Request" (spec section 1).
pub fn route_matches(path: &str) -> bool {
    let bytes = path.as_bytes();
    bytes.get(..32).is_some_and(|hash| BlockHash::from_hex(hash).is_ok()) && !bytes.contains(&b'\n')
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";

    fn locator(rest: &str) -> Locator {
        format!("{FOO}{rest}").parse().unwrap()
    }

    #[track_caller]
    fn check_bad(text: &str, expected: BadLocator) {
        assert_eq!(text.parse::<Locator>(), Err(expected), "{text}");
    }

    #[test]
    fn every_mistake_has_its_name() {
        check_bad("", BadLocator::Hash);
        check_bad(&FOO.to_uppercase(), BadLocator::Hash);
        check_bad(&format!("{FOO}0+3"), BadLocator::Hash);
        check_bad(&format!("+{FOO}"), BadLocator::Hash);
        check_bad(&format!("{FOO}+"), BadLocator::EmptyPart);
        check_bad(&format!("{FOO}++3"), BadLocator::EmptyPart);
        check_bad(&format!("{FOO}+3+3"), BadLocator::MisplacedSize);
        check_bad(&format!("{FOO}+A+3"), BadLocator::MisplacedSize);
    }

    #[track_caller]
    fn check_size(rest: &str, declared: i64, usable: Option<u64>) {
        let locator = locator(rest);
        assert_eq!((locator.declared_size(), locator.size()), (declared, usable), "{rest}");
    }

    #[test]
    fn a_size_is_usable_if_a_read_can_be_checked_against_it() {
        check_size("", 0, None);
        check_size("+0", 0, None);
        check_size("+-0", 0, None);
        check_size("+3", 3, Some(3));
        check_size("+0003+Z", 3, Some(3));
        check_size("+-3", -3, None);
        check_size("+3x", 0, None);
        check_size("+Z+A", 0, None);
        check_size("+9223372036854775807", i64::MAX, Some(i64::MAX as u64));
        check_size("+9223372036854775808", 0, None);
    }

    #[test]
    fn the_empty_block_needs_no_size() {
        for rest in ["", "+0", "+Z"] {
            let locator: Locator = format!("{}{rest}", BlockHash::EMPTY).parse().unwrap();
            assert_eq!(locator.size(), Some(0), "{rest}");
        }
    }

    #[test]
    fn hints_follow_hash_and_size() {
        for (rest, expected) in [
            ("", ""),
            ("+3", ""),
            ("+Z", "Z"),
            ("+3+Z+A1@2", "Z A1@2"),
            ("+-3+z", "z"),
            ("+3x+Y", "Y"),
        ] {
            assert_eq!(locator(rest).hints().collect::<Vec<_>>().join(" "), expected, "{rest}");
        }
    }

    #[test]
    fn signatures_can_be_taken_off() {
        assert_eq!(
            locator("+3+K@x+A1@2+Zfoo+Rzzzzz-1").without_signature(),
            locator("+3+K@x+Zfoo+Rzzzzz-1")
        );
        assert_eq!(locator("+A1@2").without_signature(), locator(""));
    }

    #[test]
    fn signatures_do_not_show() {
        let signed = locator("+3+Zfoo+Asecret@1+Rzzzzz-secret@1");
        assert_eq!(signed.to_string(), format!("{FOO}+3+Zfoo"));
        assert_eq!(format!("{signed:?}"), signed.to_string());
    }

    #[test]
    fn the_route_needs_a_hash_and_no_newline() {
        for path in [FOO.to_owned(), format!("{FOO}⛵/x y"), format!("{FOO}+3")] {
            assert!(route_matches(&path), "{path}");
        }
        for path in [
            String::new(),
            FOO[1..].to_owned(),
            FOO.to_uppercase(),
            format!("{FOO}\n"),
            format!("/{FOO}"),
        ] {
            assert!(!route_matches(&path), "{path}");
        }
    }
}
