//! Fields as they are stored: little-endian, of fixed width; an optional one has a byte before it.

use crate::receipt::Text;

/// Reads fields, one after the other. `None` where the bytes end too early or are no value of the field.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields<'a>(pub(crate) &'a [u8]);

impl<'a> Fields<'a> {
    pub(crate) fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        let (field, rest) = self.0.split_first_chunk()?;
        self.0 = rest;
        Some(*field)
    }

    pub(crate) fn u8(&mut self) -> Option<u8> {
        self.array().map(u8::from_le_bytes)
    }

    pub(crate) fn u16(&mut self) -> Option<u16> {
        self.array().map(u16::from_le_bytes)
    }

    pub(crate) fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_le_bytes)
    }

    pub(crate) fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_le_bytes)
    }

    pub(crate) fn i64(&mut self) -> Option<i64> {
        self.array().map(i64::from_le_bytes)
    }

    /// The outer `None` is a bad field, the inner one an absent value.
    pub(crate) fn optional_u64(&mut self) -> Option<Option<u64>> {
        match (self.u8()?, self.u64()?) {
            (0, 0) => Some(None),
            (1, value) => Some(Some(value)),
            _ => None,
        }
    }

    pub(crate) fn text(&mut self) -> Option<Text> {
        let length = usize::from(self.u16()?);
        let (text, rest) = self.0.split_at_checked(length)?;
        self.0 = rest;
        std::str::from_utf8(text).ok().map(Text::from)
    }

    /// What is left.
    pub(crate) fn rest(self) -> &'a [u8] {
        self.0
    }
}

pub(crate) fn put_optional_u64(bytes: &mut Vec<u8>, value: Option<u64>) {
    bytes.push(u8::from(value.is_some()));
    bytes.extend_from_slice(&value.unwrap_or(0).to_le_bytes());
}

pub(crate) fn put_text(bytes: &mut Vec<u8>, text: &Text) {
    let length = u16::try_from(text.as_str().len()).expect("a Text is bounded far below 64 KiB");
    bytes.extend_from_slice(&length.to_le_bytes());
    bytes.extend_from_slice(text.as_str().as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_come_back() {
        let mut bytes = Vec::new();
        put_optional_u64(&mut bytes, Some(u64::MAX));
        put_optional_u64(&mut bytes, None);
        put_text(&mut bytes, &Text::from("äö"));
        bytes.extend_from_slice(&(-7_i64).to_le_bytes());
        let mut fields = Fields(&bytes);
        assert_eq!(fields.optional_u64(), Some(Some(u64::MAX)));
        assert_eq!(fields.optional_u64(), Some(None));
        assert_eq!(fields.text(), Some(Text::from("äö")));
        assert_eq!(fields.i64(), Some(-7));
        assert!(fields.rest().is_empty());
        assert_eq!(fields.u8(), None);
    }

    #[test]
    fn a_text_that_goes_on_beyond_the_end_is_none() {
        assert_eq!(Fields(&[3, 0, b'a', b'b']).text(), None);
        assert_eq!(Fields(&[1, 0, 0xff]).text(), None);
        assert_eq!(Fields(&[2, 0, 0, 0, 0, 0, 0, 0, 0]).optional_u64(), None);
    }
}
