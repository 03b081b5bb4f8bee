//! Lower-case hex digits, both ways.

const DIGITS: &[u8; 16] = b"0123456789abcdef";

/// The two digits of a byte.
pub(crate) const fn digits(byte: u8) -> [u8; 2] {
    [DIGITS[(byte >> 4) as usize], DIGITS[(byte & 15) as usize]]
}

/// The value of a lower-case digit.
pub(crate) const fn value(digit: u8) -> Option<u8> {
    match digit {
        b'0'..=b'9' => Some(digit - b'0'),
        b'a'..=b'f' => Some(digit - b'a' + 10),
        _ => None,
    }
}

/// Appends the digits of all bytes.
pub(crate) fn push(text: &mut String, bytes: &[u8]) {
    text.extend(bytes.iter().flat_map(|byte| digits(*byte)).map(char::from));
}

/// Reads exactly as many bytes as fit into the array.
pub(crate) fn read<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    if text.len() != 2 * N {
        return None;
    }
    // Without a branch for each digit: manifests and indexes are millions of these.
    let mut bytes = [0; N];
    let mut are_digits = true;
    for (byte, pair) in bytes.iter_mut().zip(text.chunks_exact(2)) {
        are_digits &= is_digit(pair[0]) & is_digit(pair[1]);
        *byte = value_of_digit(pair[0]) << 4 | value_of_digit(pair[1]);
    }
    are_digits.then_some(bytes)
}

const fn is_digit(digit: u8) -> bool {
    digit.wrapping_sub(b'0') < 10 || digit.wrapping_sub(b'a') < 6
}

/// The value, if it is a digit; something below 16 if not.
const fn value_of_digit(digit: u8) -> u8 {
    // Bit 6 is set in letters only, whose low bits are 1 to 6.
    (digit & 15).wrapping_add((digit >> 6 & 1) * 9) & 15
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_byte_is_a_digit_or_none() {
        for byte in 0..=u8::MAX {
            let expected = value(byte);
            assert_eq!(read(&[b'0', byte]).map(|[read]| read), expected, "{byte}");
            assert_eq!(
                read(&[byte, b'0']).map(|[read]| read),
                expected.map(|value| value << 4),
                "{byte}"
            );
        }
        assert_eq!(read::<1>(b"000"), None);
    }
}
