//! A token that names a block: hash, size and hints (spec section 4.1).

use keep_rules::BlockHash;

use crate::block_ref::{BlockRef, SIZE_MAX};
use crate::decimal;

const HASH_DIGITS: usize = 32;

/// What is wrong with a token that should name a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadLocatorToken {
    /// It does not begin with 32 hex digits.
    #[error("a block's locator must begin with 32 hex digits")]
    Hash,
    /// No size follows the hash. Without it nothing tells which bytes of the stream the block has.
    #[error("a block's locator must have a size: `<hash>+<size>`")]
    NoSize,
    /// What should be the size is no decimal number.
    #[error("the size in a block's locator must be a decimal number")]
    Size,
    /// No block is that large.
    #[error("the size in a block's locator must be at most {SIZE_MAX}: no block is larger")]
    TooLarge,
    /// What follows the size is no hint.
    #[error(
        "a hint in a block's locator must be an upper-case letter, then letters, digits and any of `@_-`"
    )]
    Hint,
}

/// A token that names a block, read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LocatorToken<'a> {
    pub(crate) block: BlockRef,
    /// With the `+` in front of each; empty if there is none.
    pub(crate) hints: &'a [u8],
    pub(crate) hash_case: HashCase,
    pub(crate) zeros: Zeros,
}

/// How the hash is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum HashCase {
    Lower,
    /// With upper-case digits, which mean the same block.
    Upper,
}

/// How the size is written.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Zeros {
    None,
    /// With zeros in front, which mean nothing.
    Leading,
}

/// Whether the token was meant as a locator: it begins with a hash.
pub(crate) fn is_meant(token: &[u8]) -> bool {
    token.get(..HASH_DIGITS).is_some_and(|hash| hash.iter().all(u8::is_ascii_hexdigit))
}

/// Reads a token that names a block.
pub(crate) fn read(token: &[u8]) -> Result<LocatorToken<'_>, BadLocatorToken> {
    let (digits, rest) = token.split_at_checked(HASH_DIGITS).ok_or(BadLocatorToken::Hash)?;
    let (hash, hash_case) = read_hash(digits)?;
    let rest = match rest.split_first() {
        Some((b'+', rest)) => rest,
        Some(_) => return Err(BadLocatorToken::Hash),
        None => return Err(BadLocatorToken::NoSize),
    };
    let (size, hints) = decimal::read_start(rest).ok_or(match rest.first() {
        Some(b'0'..=b'9') => BadLocatorToken::TooLarge,
        Some(b'A'..=b'Z') => BadLocatorToken::NoSize,
        Some(_) | None => BadLocatorToken::Size,
    })?;
    if !hints.is_empty() {
        check_hints(hints)?;
    }
    let size = u32::try_from(size).map_err(|_larger| BadLocatorToken::TooLarge)?;
    let block = BlockRef::new(hash, size).ok_or(BadLocatorToken::TooLarge)?;
    let zeros = match rest {
        [b'0', b'0'..=b'9', ..] => Zeros::Leading,
        _ => Zeros::None,
    };
    Ok(LocatorToken { block, hints, hash_case, zeros })
}

fn read_hash(digits: &[u8]) -> Result<(BlockHash, HashCase), BadLocatorToken> {
    if let Ok(hash) = BlockHash::from_hex(digits) {
        return Ok((hash, HashCase::Lower));
    }
    let hash = BlockHash::from_hex(&digits.to_ascii_lowercase());
    hash.map(|hash| (hash, HashCase::Upper)).map_err(|_bad| BadLocatorToken::Hash)
}

/// `hints` is what follows the size: `+` and a hint, and so on.
fn check_hints(hints: &[u8]) -> Result<(), BadLocatorToken> {
    let Some((b'+', hints)) = hints.split_first() else { return Err(BadLocatorToken::Size) };
    let well_formed = hints.split(|byte| *byte == b'+').all(|hint| match hint.split_first() {
        Some((b'A'..=b'Z', rest)) => rest.iter().all(|byte| is_hint_byte(*byte)),
        Some(_) | None => false,
    });
    if well_formed { Ok(()) } else { Err(BadLocatorToken::Hint) }
}

const fn is_hint_byte(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'_' | b'-')
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";

    #[track_caller]
    fn check(rest: &str, size: u32, hints: &str) {
        let token = format!("{FOO}{rest}");
        let read = read(token.as_bytes()).unwrap();
        assert_eq!(read.block.to_string(), format!("{FOO}+{size}"));
        assert_eq!(read.hints, hints.as_bytes());
    }

    #[track_caller]
    fn check_bad(token: &str, expected: BadLocatorToken) {
        assert_eq!(read(token.as_bytes()), Err(expected), "{token}");
    }

    #[test]
    fn a_locator_is_a_hash_a_size_and_hints() {
        check("+3", 3, "");
        check("+67108864+Z", 67_108_864, "+Z");
        check("+3+A1f27@5835c8bc+K@xyzzy", 3, "+A1f27@5835c8bc+K@xyzzy");
    }

    #[test]
    fn what_means_the_same_block_is_made_the_same() {
        let upper = format!("{}+0003", FOO.to_uppercase());
        let read = read(upper.as_bytes()).unwrap();
        assert_eq!(read.block.to_string(), format!("{FOO}+3"));
        assert_eq!((read.hash_case, read.zeros), (HashCase::Upper, Zeros::Leading));
    }

    #[test]
    fn every_mistake_has_its_name() {
        check_bad("", BadLocatorToken::Hash);
        check_bad("0:3:foo", BadLocatorToken::Hash);
        check_bad(&format!("{FOO}0+3"), BadLocatorToken::Hash);
        check_bad(FOO, BadLocatorToken::NoSize);
        check_bad(&format!("{FOO}+Z"), BadLocatorToken::NoSize);
        check_bad(&format!("{FOO}+"), BadLocatorToken::Size);
        check_bad(&format!("{FOO}+a"), BadLocatorToken::Size);
        check_bad(&format!("{FOO}+3\t{FOO}+3"), BadLocatorToken::Size);
        check_bad(&format!("{FOO}+67108865"), BadLocatorToken::TooLarge);
        check_bad(&format!("{FOO}+99999999999999999999"), BadLocatorToken::TooLarge);
        check_bad(&format!("{FOO}+3+"), BadLocatorToken::Hint);
        check_bad(&format!("{FOO}+3+a"), BadLocatorToken::Hint);
        check_bad(&format!("{FOO}+3+A!"), BadLocatorToken::Hint);
        check_bad(&format!("{FOO}+3+Z+3"), BadLocatorToken::Hint);
    }
}
