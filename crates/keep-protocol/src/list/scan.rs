//! Reading the plain parts of JSON: strings without escapes, whole numbers.
//!
//! Everything here either reads what is surely right or gives up with `None`; the caller then decodes properly.

/// A place in a text.
pub(super) struct Cursor<'a> {
    text: &'a [u8],
    at: usize,
}

impl<'a> Cursor<'a> {
    pub(super) fn new(text: &'a [u8]) -> Self {
        Cursor { text, at: 0 }
    }

    /// Bytes read so far.
    pub(super) fn at(&self) -> usize {
        self.at
    }

    /// What was read since `start`, an earlier value of [`Cursor::at`].
    pub(super) fn since(&self, start: usize) -> &'a [u8] {
        &self.text[start..self.at]
    }

    fn rest(&self) -> &'a [u8] {
        &self.text[self.at..]
    }

    pub(super) fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    pub(super) fn next(&mut self) -> Option<u8> {
        let byte = self.peek()?;
        self.at += 1;
        Some(byte)
    }

    /// Reads exactly these bytes.
    pub(super) fn word(&mut self, word: &[u8]) -> Option<()> {
        self.rest().starts_with(word).then(|| self.at += word.len())
    }

    pub(super) fn skip_space(&mut self) {
        while self.peek().is_some_and(is_space) {
            self.at += 1;
        }
    }

    /// Reads a string of printable ASCII without escapes; gives what is between its quotes.
    pub(super) fn plain_string(&mut self) -> Option<&'a [u8]> {
        self.word(b"\"")?;
        let rest = self.rest();
        let len = plain_len(rest);
        (rest.get(len) == Some(&b'"')).then(|| {
            self.at += len + 1;
            &rest[..len]
        })
    }

    /// Reads a whole number in its only plain form: no sign but `-`, no leading zero, no fraction, no exponent.
    pub(super) fn integer(&mut self) -> Option<i64> {
        let negative = self.word(b"-").is_some();
        let text = self.rest();
        let mut digits = 0;
        let mut size = 0_u64;
        for digit in text.iter().map(|byte| byte.wrapping_sub(b'0')).take_while(|digit| *digit < 10)
        {
            size = size.wrapping_mul(10).wrapping_add(u64::from(digit));
            digits += 1;
        }
        // Nineteen digits always fit an unsigned word, and no signed one has more.
        if !(1..=19).contains(&digits) || (text[0] == b'0' && (digits > 1 || negative)) {
            return None;
        }
        self.at += digits;
        if matches!(self.peek()?, b'.' | b'e' | b'E') {
            return None;
        }
        if negative { 0_i64.checked_sub_unsigned(size) } else { i64::try_from(size).ok() }
    }
}

/// White space as JSON has it.
pub(super) fn is_space(byte: u8) -> bool {
    matches!(byte, b' ' | b'\n' | b'\r' | b'\t')
}

const ONES: u64 = u64::MAX / 255;
const HIGHS: u64 = ONES << 7;

/// How many bytes stand before the first quote, backslash, control character or byte beyond ASCII.
fn plain_len(text: &[u8]) -> usize {
    let mut words = text.chunks_exact(8);
    let mut len = 0;
    for word in &mut words {
        let special = specials(u64::from_le_bytes(word.try_into().expect("a chunk of eight")));
        if special != 0 {
            return len + (special.trailing_zeros() / 8) as usize;
        }
        len += 8;
    }
    let special = |byte: &u8| matches!(byte, b'"' | b'\\' | ..=0x1f | 0x80..);
    len + words.remainder().iter().position(special).unwrap_or(words.remainder().len())
}

/// The high bit of each special byte. Bits above the lowest may be false: borrows run upwards.
fn specials(word: u64) -> u64 {
    let equal = |byte: u8| {
        let differing = word ^ (ONES * u64::from(byte));
        differing.wrapping_sub(ONES) & !differing
    };
    let control = word.wrapping_sub(ONES * 0x20) & !word;
    (equal(b'"') | equal(b'\\') | control | word) & HIGHS
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_plain_string_ends_at_the_first_special_byte() {
        for special in [b'"', b'\\', 0, 0x1f, 0x80, 0xff] {
            for place in 0..20 {
                let mut text = vec![b'a'; 24];
                text[place] = special;
                assert_eq!(plain_len(&text), place, "{special:#x}");
            }
        }
        let every_plain: Vec<u8> = (0x20..0x80).filter(|byte| !b"\"\\".contains(byte)).collect();
        assert_eq!(plain_len(&every_plain), every_plain.len());
    }

    #[test]
    fn numbers_of_the_plain_form_are_read() {
        let read = |text: &str| Cursor::new(format!("{text},").as_bytes()).integer();
        for number in [0, 7, -7, 1_707_249_451_308_502_672, i64::MAX, i64::MIN] {
            assert_eq!(read(&number.to_string()), Some(number));
        }
        for text in [
            "",
            "-",
            "-0",
            "01",
            "+1",
            "1.0",
            "1e3",
            "9223372036854775808",
            "-9223372036854775809",
            "99999999999999999999",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
        assert_eq!(Cursor::new(b"12").integer(), None, "the number may go on");
    }
}
