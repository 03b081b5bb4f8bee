//! Decimal numbers at the beginning of a text.

/// The number that the text begins with, and what follows it. `None` if it begins with no digit, or the number has more
/// than 64 bits.
pub(crate) fn read_start(text: &[u8]) -> Option<(u64, &[u8])> {
    let digits = text.iter().take_while(|byte| byte.is_ascii_digit()).count();
    let (digits, rest) = text.split_at(digits);
    if digits.is_empty() {
        return None;
    }
    let number = digits.iter().try_fold(0_u64, |number, digit| {
        number.checked_mul(10)?.checked_add(u64::from(digit - b'0'))
    })?;
    Some((number, rest))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_number_ends_where_no_digit_follows() {
        assert_eq!(read_start(b"012:3"), Some((12, &b":3"[..])));
        assert_eq!(read_start(b"18446744073709551615"), Some((u64::MAX, &b""[..])));
        for text in ["", "x", "-1", "+1", "18446744073709551616"] {
            assert_eq!(read_start(text.as_bytes()), None, "{text}");
        }
    }
}
