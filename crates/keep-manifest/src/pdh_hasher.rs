//! The portable data hash of a text that arrives in pieces.

use std::io::{self, Read};

use md5::{Digest, Md5};

use crate::pdh::PortableDataHash;
use crate::token_end;

/// Takes a manifest's text in pieces of any size, leaves out the hints, and gives the portable data hash.
///
/// Whether the text is a manifest is not its concern: a hint is what follows the second `+` of a token that begins with 32
/// hex digits and a `+`.
#[derive(Clone, Debug)]
pub struct PdhHasher {
    md5: Md5,
    length: u64,
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

impl Default for PdhHasher {
    fn default() -> Self {
        PdhHasher::new()
    }
}

impl PdhHasher {
    /// A hasher of nothing so far.
    pub fn new() -> Self {
        PdhHasher { md5: Md5::new(), length: 0, within: Within::Hash(0) }
    }

    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        let mut kept = 0; // where the bytes begin that are not hashed yet
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
                    self.hash(&piece[kept..at - 1]); // without the second `+`
                }
            }
        }
        if self.within != Within::Hints {
            self.hash(&piece[kept..]);
        }
    }

    /// The name of the text that was taken.
    pub fn finish(self) -> PortableDataHash {
        PortableDataHash::new(self.md5.finalize().into(), self.length)
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

    fn hash(&mut self, kept: &[u8]) {
        self.md5.update(kept);
        self.length += kept.len() as u64;
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

/// A source that notes the portable data hash of what is read from it.
#[derive(Debug)]
pub struct PdhRead<R> {
    source: R,
    hasher: PdhHasher,
}

impl<R> PdhRead<R> {
    /// Nothing was read yet.
    pub fn new(source: R) -> Self {
        PdhRead { source, hasher: PdhHasher::new() }
    }

    /// The portable data hash of all that was read.
    pub fn finish(self) -> PortableDataHash {
        self.hasher.finish()
    }
}

impl<R: Read> Read for PdhRead<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.source.read(buffer)?;
        self.hasher.update(&buffer[..read]);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";

    /// Whether `text` is hashed as `stripped` is in whole, in pieces of any size.
    #[track_caller]
    fn check(text: &str, stripped: &str) {
        let expected = PortableDataHash::new(Md5::digest(stripped).into(), stripped.len() as u64);
        for size in 1..=text.len().max(1) {
            let mut hasher = PdhHasher::new();
            text.as_bytes().chunks(size).for_each(|piece| hasher.update(piece));
            assert_eq!(hasher.finish(), expected, "{text:?} in pieces of {size}");
        }
    }

    #[test]
    fn hints_are_left_out() {
        check("", "");
        check(&format!(". {FOO}+3 0:3:f\n"), &format!(". {FOO}+3 0:3:f\n"));
        check(&format!(". {FOO}+3+A1@2+Z 0:3:f\n"), &format!(". {FOO}+3 0:3:f\n"));
        check(&format!(". {FOO}+3+Z {FOO}+3+K@x\n. x"), &format!(". {FOO}+3 {FOO}+3\n. x"));
        check(&format!(". {FOO}+3+Z"), &format!(". {FOO}+3"));
    }

    #[test]
    fn other_tokens_are_kept() {
        check(". 0:3:a+b+c 0:3:x\n", ". 0:3:a+b+c 0:3:x\n");
        check(&format!("./{FOO}+3+Z {FOO}0+3+Z {FOO}"), &format!("./{FOO}+3+Z {FOO}0+3+Z {FOO}"));
        check(&format!("{}+3+Z", &FOO[1..]), &format!("{}+3+Z", &FOO[1..]));
    }
}
