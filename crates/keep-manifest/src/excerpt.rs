//! What an error shows of the place it is about: short, printable, and without secrets.

/// At most so many characters are shown.
const SHOWN_MAX: usize = 80;
/// A signature has 40 hex digits, and a hash 32: a longer run may be a signature that lost its mark.
const SECRET_DIGITS: usize = 40;
const LEFT_OUT: char = '…';

/// The beginning of `token`. What follows `+A` or `+R` up to the next `+` is a signature and is left out, and so is every
/// run of hex digits as long as one.
pub(crate) fn excerpt(token: &[u8]) -> Box<str> {
    let mut shown = String::new();
    let mut rest = token;
    let mut count = 0;
    while let Some(piece) = next_piece(rest) {
        if count == SHOWN_MAX {
            shown.push(LEFT_OUT);
            break;
        }
        match piece {
            Piece::Secret(len) => {
                shown.push(LEFT_OUT);
                rest = &rest[len..];
            }
            Piece::Plain(character, len) => {
                push_printable(character, &mut shown);
                rest = &rest[len..];
            }
        }
        count += 1;
    }
    shown.into()
}

/// A character, or something to leave out: how many bytes it has.
enum Piece {
    Plain(char, usize),
    Secret(usize),
}

fn next_piece(text: &[u8]) -> Option<Piece> {
    if let [b'+', b'A' | b'R', rest @ ..] = text {
        let len = rest.iter().take_while(|byte| **byte != b'+' && **byte > b' ').count();
        return Some(Piece::Secret(2 + len));
    }
    let digits = text.iter().take_while(|byte| byte.is_ascii_hexdigit()).count();
    if digits >= SECRET_DIGITS {
        return Some(Piece::Secret(digits));
    }
    let chunk = text.get(..text.len().min(4))?.utf8_chunks().next()?;
    Some(match chunk.valid().chars().next() {
        Some(character) => Piece::Plain(character, character.len_utf8()),
        None => Piece::Plain(char::REPLACEMENT_CHARACTER, 1),
    })
}

fn push_printable(character: char, shown: &mut String) {
    if character.is_control() {
        shown.extend(character.escape_default());
    } else {
        shown.push(character);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";
    const SIGNATURE: &str = "1f27a35dd9af37191d63ad8eb8985624451e7b79";

    #[track_caller]
    fn check(token: &str, shown: &str) {
        assert_eq!(&*excerpt(token.as_bytes()), shown);
    }

    #[test]
    fn signatures_are_not_shown() {
        check(&format!("{FOO}+3+A{SIGNATURE}@5835c8bc"), &format!("{FOO}+3…"));
        check(&format!("{FOO}+3+A{SIGNATURE}@5835c8bc+Z"), &format!("{FOO}+3…+Z"));
        check(&format!("{FOO}+3+Rzzzzz-{SIGNATURE}@5835c8bc+Z"), &format!("{FOO}+3…+Z"));
    }

    #[test]
    fn signatures_that_lost_their_mark_are_not_shown() {
        check(&format!("A{SIGNATURE}@5835c8bc"), "…@5835c8bc");
        check(&format!("{FOO}{SIGNATURE}"), "…");
        check(&format!("x{SIGNATURE}"), "x…");
    }

    #[test]
    fn what_is_shown_is_short_and_printable() {
        check(&format!("{FOO}+3\t{FOO}+3"), &format!("{FOO}+3\\t{FOO}+3"));
        check(&"xy".repeat(1000), &format!("{}…", "xy".repeat(40)));
        assert_eq!(&*excerpt(b"a\xffb"), "a\u{fffd}b");
        check("größe⛵", "größe⛵");
        check("", "");
    }
}
