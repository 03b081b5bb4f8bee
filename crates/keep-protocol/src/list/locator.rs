//! What a list keeps of a locator: hash and size.

use keep_rules::locator::Locator;
use keep_rules::{BLOCK_SIZE_MAX, BlockHash};

/// The size that a locator in a list declares.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SizeHint {
    /// This many bytes, at most [`BLOCK_SIZE_MAX`]; 0 only for the empty block.
    Bytes(u32),
    /// The locator has no size that a read could be checked against, as [`Locator::size`] has it: none at all, something
    /// that is no number, or 0 although the block is not the empty one.
    Missing,
    /// A size that no block has: negative, or above [`BLOCK_SIZE_MAX`].
    Impossible,
}

/// The hash and the size that a locator names; `None` if it is no locator (spec section 1).
pub(super) fn read(text: &[u8]) -> Option<(BlockHash, SizeHint)> {
    usual(text).or_else(|| general(std::str::from_utf8(text).ok()?))
}

/// `hash` or `hash+size`, as lists have them.
fn usual(text: &[u8]) -> Option<(BlockHash, SizeHint)> {
    let (hex, rest) = text.split_first_chunk::<32>()?;
    let hash = hash(hex)?;
    match rest {
        [] => Some((hash, hint(hash, 0))),
        [b'+', digits @ ..] if (1..=18).contains(&digits.len()) => {
            let mut size = 0_i64;
            for digit in digits {
                size = size * 10 + i64::from(char::from(*digit).to_digit(10)?);
            }
            Some((hash, hint(hash, size)))
        }
        _ => None,
    }
}

fn general(text: &str) -> Option<(BlockHash, SizeHint)> {
    let locator: Locator = text.parse().ok()?;
    Some((locator.hash(), hint(locator.hash(), locator.declared_size())))
}

fn hint(hash: BlockHash, declared: i64) -> SizeHint {
    if declared == 0 && hash != BlockHash::EMPTY {
        return SizeHint::Missing;
    }
    match u32::try_from(declared) {
        Ok(bytes) if u64::from(bytes) <= BLOCK_SIZE_MAX => SizeHint::Bytes(bytes),
        Ok(_) | Err(_) => SizeHint::Impossible,
    }
}

/// Not a hex digit.
const NONE: u8 = 0xff;

/// The value of each lower-case hex digit. A table, because ten million hashes are ten million times 32 digits.
const NIBBLES: [u8; 256] = {
    let mut nibbles = [NONE; 256];
    let mut value = 0;
    while value < 16 {
        nibbles[b"0123456789abcdef"[value as usize] as usize] = value;
        value += 1;
    }
    nibbles
};

fn hash(hex: &[u8; 32]) -> Option<BlockHash> {
    let mut digest = [0; 16];
    let mut wrong = 0;
    for (byte, pair) in digest.iter_mut().zip(hex.chunks_exact(2)) {
        let (high, low) = (NIBBLES[usize::from(pair[0])], NIBBLES[usize::from(pair[1])]);
        wrong |= high | low;
        *byte = high << 4 | low & 15;
    }
    (wrong != NONE).then(|| BlockHash::from_bytes(digest))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";

    #[track_caller]
    fn check(text: &str, expected: Option<SizeHint>) {
        let found = read(text.as_bytes());
        assert_eq!(found.map(|(_, size)| size), expected);
        if let Some((hash, _)) = found {
            assert_eq!(hash.to_string(), text[..32]);
        }
        if let Some(found) = usual(text.as_bytes()) {
            assert_eq!(general(text), Some(found), "both ways agree");
        }
    }

    #[test]
    fn hash_and_size_are_read() {
        check(&format!("{FOO}+3"), Some(SizeHint::Bytes(3)));
        check(&format!("{FOO}+0003"), Some(SizeHint::Bytes(3)));
        check(&format!("{FOO}+67108864"), Some(SizeHint::Bytes(67_108_864)));
        check(&format!("{FOO}+3+Kzzzzz+A0@1"), Some(SizeHint::Bytes(3)));
        check("d41d8cd98f00b204e9800998ecf8427e+0", Some(SizeHint::Bytes(0)));
        check("d41d8cd98f00b204e9800998ecf8427e", Some(SizeHint::Bytes(0)));
    }

    #[test]
    fn sizes_that_cannot_be_checked_are_missing() {
        check(FOO, Some(SizeHint::Missing));
        check(&format!("{FOO}+0"), Some(SizeHint::Missing));
        check(&format!("{FOO}+Kzzzzz"), Some(SizeHint::Missing));
        check(&format!("{FOO}+99999999999999999999"), Some(SizeHint::Missing));
    }

    #[test]
    fn sizes_that_no_block_has_are_impossible() {
        check(&format!("{FOO}+67108865"), Some(SizeHint::Impossible));
        check(&format!("{FOO}+4294967299"), Some(SizeHint::Impossible));
        check(&format!("{FOO}+-3"), Some(SizeHint::Impossible));
    }

    #[test]
    fn other_texts_are_no_locators() {
        for text in [
            "",
            "xyz",
            &FOO[1..],
            &format!("{FOO}0"),
            &format!("{FOO}+"),
            &format!("{FOO}+3+3"),
            &FOO.to_uppercase(),
        ] {
            check(text, None);
        }
    }
}
