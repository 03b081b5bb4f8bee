//! Where a token ends.

const LOW_BITS: u64 = u64::from_ne_bytes([0x01; 8]);
const HIGH_BITS: u64 = u64::from_ne_bytes([0x80; 8]);

/// How many bytes come before the next space or line feed; `None` if there is none.
///
/// Looks at eight bytes at a time: of reading a manifest, this is a third.
pub(crate) fn find(text: &[u8]) -> Option<usize> {
    let mut at = 0;
    while let Some(word) = text.get(at..).and_then(<[u8]>::first_chunk) {
        let word = u64::from_le_bytes(*word);
        let ends = zeros(word ^ repeated(b' ')) | zeros(word ^ repeated(b'\n'));
        if ends != 0 {
            // The first byte is the lowest; a false mark can only be above a true one.
            return Some(at + ends.trailing_zeros() as usize / 8);
        }
        at += 8;
    }
    let rest = text[at..].iter().position(|byte| matches!(byte, b' ' | b'\n'))?;
    Some(at + rest)
}

const fn repeated(byte: u8) -> u64 {
    u64::from_ne_bytes([byte; 8])
}

/// The high bit of the lowest byte that is zero, and perhaps of some above it.
const fn zeros(word: u64) -> u64 {
    word.wrapping_sub(LOW_BITS) & !word & HIGH_BITS
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn the_end_is_the_first_space_or_line_feed(
            text in prop::collection::vec(prop_oneof![Just(b' '), Just(b'\n'), 9..12_u8, 31..34_u8, any::<u8>(), Just(b'x'), Just(b'x'), Just(b'x')], 0..40)
        ) {
            prop_assert_eq!(find(&text), text.iter().position(|byte| matches!(byte, b' ' | b'\n')));
        }
    }
}
