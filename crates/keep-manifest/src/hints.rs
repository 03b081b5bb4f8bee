//! The text of a manifest without hints, while it arrives in pieces (spec section 4.2).

use crate::token_end;

/// Leaves the hints out of a manifest's text that arrives in pieces of any size.
///
/// Whether the text is a manifest is not its concern: a hint is what follows the second `+` of a token that begins with 32
/// hex digits and a `+`.
///
/// # Examples
/// ```
/// use keep_manifest::HintStripper;
/// let (mut stripper, mut text) = (HintStripper::new(), Vec::new());
/// for piece in [". acbd18db4cc2f85cedef654fccc4a4d8+3+A1f", "27@5835c8bc+Z 0:3:a+b+c\n"] {
///     stripper.feed(piece.as_bytes(), |kept| text.extend_from_slice(kept));
/// }
/// assert_eq!(text, b". acbd18db4cc2f85cedef654fccc4a4d8+3 0:3:a+b+c\n");
/// ```
#[derive(Clone, Debug)]
pub struct HintStripper {
    within: Within,
}

/// Where in a token the next byte is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Within {
    /// After so many hex digits that began a token, at most 32.
    Hash(usize),
    /// After the first `+` of a locator.
    Size,
    /// After the second: left out.
    Hints,
    /// In a token that is no locator.
    Other,
}

const HASH_DIGITS: usize = 32;

impl Default for HintStripper {
    fn default() -> Self {
        HintStripper::new()
    }
}

impl HintStripper {
    /// At the beginning of a text.
    pub fn new() -> Self {
        HintStripper { within: Within::Hash(0) }
    }

    /// Takes the next piece, and gives `sink` what is kept of it, in order; perhaps in several parts, perhaps nothing.
    pub fn feed<'a>(&mut self, piece: &'a [u8], mut sink: impl FnMut(&'a [u8])) {
        let mut kept = 0; // where the bytes begin that were not given out yet
        let mut at = 0;
        while at < piece.len() {
            if self.within == Within::Hints {
                let Some(end) = token_end::find(&piece[at..]) else { return };
                at += end;
                kept = at;
                self.within = Within::Other;
            } else {
                at += self.walk(&piece[at..]);
                if self.within == Within::Hints {
                    sink(&piece[kept..at - 1]); // without the second `+`
                }
            }
        }
        if self.within != Within::Hints {
            sink(&piece[kept..]);
        }
    }

    /// Goes on through kept bytes, at most until hints begin or a token ends: how many. At least one.
    fn walk(&mut self, piece: &[u8]) -> usize {
        match self.within {
            Within::Hash(0) if begins_as_locator(piece) => {
                self.within = Within::Size;
                HASH_DIGITS + 1
            }
            Within::Other => match token_end::find(piece) {
                Some(end) => {
                    self.within = Within::Hash(0);
                    end + 1
                }
                None => piece.len(),
            },
            Within::Hash(_) | Within::Size | Within::Hints => {
                self.within = self.within.after(piece[0]);
                1
            }
        }
    }
}

impl Within {
    fn after(self, byte: u8) -> Within {
        match (self, byte) {
            (_, b' ' | b'\n') => Within::Hash(0),
            (Within::Hash(HASH_DIGITS), b'+') => Within::Size,
            (Within::Hash(digits), byte) if digits < HASH_DIGITS && byte.is_ascii_hexdigit() => {
                Within::Hash(digits + 1)
            }
            (Within::Size, b'+') | (Within::Hints, _) => Within::Hints,
            (Within::Size, _) => Within::Size,
            (Within::Hash(_) | Within::Other, _) => Within::Other,
        }
    }
}

/// Whether a whole hash and a `+` are there. If not, they may still follow.
fn begins_as_locator(piece: &[u8]) -> bool {
    match piece.split_first_chunk::<HASH_DIGITS>() {
        // Without a branch for each digit.
        Some((hash, [b'+', ..])) => {
            hash.iter().fold(true, |all, digit| all & digit.is_ascii_hexdigit())
        }
        Some(_) | None => false,
    }
}
