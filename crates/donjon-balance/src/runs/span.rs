//! A part of the key space.

use std::num::NonZeroU32;

/// The records whose head is between two numbers, both included. Of records about blocks the head is the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Span {
    /// The lowest head.
    pub first: u128,
    /// The highest head.
    pub last: u128,
}

impl Span {
    /// Every record.
    pub const ALL: Span = Span { first: 0, last: u128::MAX };

    /// Every record, in so many spans that follow each other: equally wide, but for the last, which may be a little wider.
    /// Hashes are spread evenly, so each holds about as many blocks.
    ///
    /// # Examples
    /// ```
    /// use donjon_balance::runs::Span;
    /// let spans = Span::split(4.try_into()?);
    /// assert_eq!(spans.len(), 4);
    /// assert_eq!(spans[0].last + 1, spans[1].first);
    /// # Ok::<(), std::num::TryFromIntError>(())
    /// ```
    pub fn split(parts: NonZeroU32) -> Vec<Span> {
        let parts = u128::from(parts.get());
        let width = u128::MAX / parts;
        (0..parts)
            .map(|part| {
                let first = part * width;
                let last = if part + 1 == parts { u128::MAX } else { first + (width - 1) };
                Span { first, last }
            })
            .collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_follow_each_other_and_leave_nothing_out() {
        for parts in [1, 2, 3, 7, 256, 1000] {
            let spans = Span::split(NonZeroU32::new(parts).unwrap());
            assert_eq!(spans.len(), parts as usize);
            assert_eq!(spans[0].first, 0);
            assert!(spans.windows(2).all(|two| two[0].last + 1 == two[1].first));
            assert!(spans.iter().all(|span| span.first <= span.last));
            assert_eq!(spans[spans.len() - 1].last, u128::MAX);
        }
    }
}
