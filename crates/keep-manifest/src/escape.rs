//! Names as manifests write them: with octal escapes (spec section 4.1).

/// What is wrong with the text of a name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadEscape {
    /// A `\` that begins no escape.
    #[error("after a `\\` must come another, or three octal digits up to 377")]
    Escape,
    /// A control character, such as TAB, that must be escaped.
    #[error("a name must not have the control character {0:#04x}: write it as an escape")]
    Control(u8),
    /// Bytes that are no UTF-8.
    #[error("a name must be UTF-8: write other bytes as escapes")]
    NotUtf8,
}

/// Appends to `name` what `text` means. Nothing is promised of `name` after an error.
pub(crate) fn unescape(text: &[u8], name: &mut Vec<u8>) -> Result<(), BadEscape> {
    if let Some(control) = text.iter().find(|byte| **byte <= b' ') {
        return Err(BadEscape::Control(*control));
    }
    if !text.is_ascii() && std::str::from_utf8(text).is_err() {
        return Err(BadEscape::NotUtf8);
    }
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| *byte == b'\\') {
        name.extend_from_slice(&rest[..at]);
        let (byte, after) = read_escape(&rest[at + 1..]).ok_or(BadEscape::Escape)?;
        name.push(byte);
        rest = after;
    }
    name.extend_from_slice(rest);
    Ok(())
}

/// What follows a `\`: the byte that is meant, and the rest.
fn read_escape(text: &[u8]) -> Option<(u8, &[u8])> {
    match text {
        [b'\\', rest @ ..] => Some((b'\\', rest)),
        [high @ b'0'..=b'3', middle @ b'0'..=b'7', low @ b'0'..=b'7', rest @ ..] => {
            Some(((high - b'0') << 6 | (middle - b'0') << 3 | (low - b'0'), rest))
        }
        _ => None,
    }
}

/// Appends to `text` how a manifest writes `name`: bytes 00 to 20, `:` and `\` as escapes, and what is no UTF-8.
pub(crate) fn escape(name: &[u8], text: &mut Vec<u8>) {
    for chunk in name.utf8_chunks() {
        for byte in chunk.valid().bytes() {
            match byte {
                0..=b' ' | b':' | b'\\' => push_octal(byte, text),
                _ => text.push(byte),
            }
        }
        for byte in chunk.invalid() {
            push_octal(*byte, text);
        }
    }
}

fn push_octal(byte: u8, text: &mut Vec<u8>) {
    text.extend([b'\\', b'0' + (byte >> 6), b'0' + (byte >> 3 & 7), b'0' + (byte & 7)]);
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(name: &[u8], text: &[u8]) {
        let mut written = Vec::new();
        escape(name, &mut written);
        assert_eq!(written, text);
        check_read(text, name);
    }

    #[track_caller]
    fn check_read(text: &[u8], name: &[u8]) {
        let mut read = Vec::new();
        assert_eq!(unescape(text, &mut read), Ok(()));
        assert_eq!(read, name);
    }

    #[track_caller]
    fn check_bad(text: &[u8], expected: BadEscape) {
        assert_eq!(unescape(text, &mut Vec::new()), Err(expected));
    }

    #[test]
    fn names_are_written_with_escapes_and_read_back() {
        check(b"plain.txt", b"plain.txt");
        check(b"sub dir", b"sub\\040dir");
        check(b"a:b", b"a\\072b");
        check(b"back\\slash", b"back\\134slash");
        check(b"\0\t\n", b"\\000\\011\\012");
        check("größe".as_bytes(), "größe".as_bytes());
    }

    #[test]
    fn what_is_no_utf8_is_escaped() {
        check(b"a\xff\xc3", b"a\\377\\303");
    }

    #[test]
    fn every_byte_survives() {
        let all: Vec<u8> = (0..=255).collect();
        let mut text = Vec::new();
        escape(&all, &mut text);
        assert!(std::str::from_utf8(&text).is_ok());
        check_read(&text, &all);
    }

    #[test]
    fn readers_take_more_than_writers_write() {
        check_read(b"a\\\\b", b"a\\b");
        check_read(b"a:b\\101", b"a:bA");
    }

    #[test]
    fn every_mistake_has_its_name() {
        check_bad(b"a\\", BadEscape::Escape);
        check_bad(b"a\\40", BadEscape::Escape);
        check_bad(b"a\\400", BadEscape::Escape);
        check_bad(b"a\\048", BadEscape::Escape);
        check_bad(b"a\\n", BadEscape::Escape);
        check_bad(b"a\tb", BadEscape::Control(9));
        check_bad(b"a\r", BadEscape::Control(13));
        check_bad(b"a\xff", BadEscape::NotUtf8);
    }
}
