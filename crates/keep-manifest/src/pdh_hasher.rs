//! The portable data hash of a text that arrives in pieces.

use std::io::{self, Read};

use md5::{Digest, Md5};

use crate::hints::HintStripper;
use crate::pdh::PortableDataHash;

/// Takes a manifest's text in pieces of any size, and gives its portable data hash. Leaves out hints as [`HintStripper`]
/// does; whether the text is a manifest is not its concern.
#[derive(Clone, Debug, Default)]
pub struct PdhHasher {
    stripper: HintStripper,
    md5: Md5,
    length: u64,
}

impl PdhHasher {
    /// A hasher of nothing so far.
    pub fn new() -> Self {
        PdhHasher::default()
    }

    /// Takes the next piece.
    pub fn update(&mut self, piece: &[u8]) {
        let PdhHasher { stripper, md5, length } = self;
        stripper.feed(piece, |kept| {
            md5.update(kept);
            *length += kept.len() as u64;
        });
    }

    /// The name of the text that was taken.
    pub fn finish(self) -> PortableDataHash {
        PortableDataHash::new(self.md5.finalize().into(), self.length)
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
