//! Random numbers that are the same for the same seed, so that a story can be told again.

use std::time::Duration;

/// A small generator of random numbers.
pub(crate) struct Random(u64);

impl Random {
    pub(crate) fn new(seed: u64) -> Random {
        Random(seed)
    }

    pub(crate) fn next(&mut self, below: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ mixed >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        (mixed ^ mixed >> 31) % below
    }

    pub(crate) fn index(&mut self, length: usize) -> usize {
        usize::try_from(self.next(length as u64)).unwrap()
    }

    /// One of them.
    pub(crate) fn one_of<'a, T>(&mut self, from: &'a [T]) -> Option<&'a T> {
        if from.is_empty() { None } else { from.get(self.index(from.len())) }
    }

    /// Waits before a kill: at a random moment, which orders nothing.
    pub(crate) fn pause(&mut self, milliseconds_max: u64) {
        std::thread::sleep(Duration::from_millis(self.next(milliseconds_max)));
    }
}

/// How many rounds of a long story: `DONJON_CHAOS_ROUNDS` asks for more than are usual.
pub(crate) fn rounds(usual: u64) -> u64 {
    let asked = std::env::var("DONJON_CHAOS_ROUNDS").ok().and_then(|text| text.parse().ok());
    asked.unwrap_or(usual)
}
