//! Where an item's object ends, before anything is known about its content.

/// How many brackets may be open at once within one item, its own brace included.
pub const NESTING_MAX: usize = 100;

/// A walk over the bytes of an object that can stop at any byte and go on with the next frame.
///
/// It counts brackets outside strings and asks nothing else: of a well-formed object it finds the end, and of a malformed
/// one a piece that contains the first mistake, which the decoder then names.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Nesting {
    open: usize,
    within: Within,
}

#[derive(Clone, Copy, Debug, Default)]
enum Within {
    #[default]
    Structure,
    Text,
    Escape,
}

/// What a walk over one piece found. The counts are bytes of that piece.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Walk {
    /// The object ends with the byte before this one.
    Ends(usize),
    /// The piece was used up.
    GoesOn,
    /// The bracket at this byte opens one level too many.
    TooDeep(usize),
}

impl Nesting {
    pub(super) fn walk(&mut self, piece: &[u8]) -> Walk {
        for (at, &byte) in piece.iter().enumerate() {
            match (self.within, byte) {
                (Within::Structure, b'{' | b'[') if self.open == NESTING_MAX => {
                    return Walk::TooDeep(at);
                }
                (Within::Structure, b'{' | b'[') => self.open += 1,
                (Within::Structure, b'}' | b']') if self.open <= 1 => return Walk::Ends(at + 1),
                (Within::Structure, b'}' | b']') => self.open -= 1,
                (Within::Structure, b'"') => self.within = Within::Text,
                (Within::Text, b'"') => self.within = Within::Structure,
                (Within::Text, b'\\') => self.within = Within::Escape,
                (Within::Escape, _) => self.within = Within::Text,
                (Within::Structure | Within::Text, _) => {}
            }
        }
        Walk::GoesOn
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn brackets_in_texts_do_not_count() {
        assert_eq!(Nesting::default().walk(br#"{"a":"}\"}","b":[{}]}, {"#), Walk::Ends(21));
    }

    #[test]
    fn a_walk_goes_on_with_the_next_piece() {
        let object = br#"{"a\\":"\"}","b":[1]}"#;
        for cut in 0..object.len() {
            let mut nesting = Nesting::default();
            assert_eq!(nesting.walk(&object[..cut]), Walk::GoesOn, "{cut}");
            assert_eq!(nesting.walk(&object[cut..]), Walk::Ends(object.len() - cut), "{cut}");
        }
    }

    #[test]
    fn depth_is_bounded() {
        assert_eq!(Nesting::default().walk(&[b'['; NESTING_MAX]), Walk::GoesOn);
        assert_eq!(Nesting::default().walk(&[b'['; NESTING_MAX + 1]), Walk::TooDeep(NESTING_MAX));
    }
}
