//! A queue that a vector becomes, and that becomes a vector, without moving its items.

/// Up to this many items, [`Queue::into_vec`] puts them in order: 256 items of 40 bytes move in under a microsecond.
const ORDERED_MAX: usize = 256;

/// First in, first out, on one vector.
///
/// A `VecDeque` takes over a vector in constant time, but does not give one back: once items were taken from its
/// front, the rest must move to the start of the buffer, 400 MB of them on a list of 10 M items of 40 bytes. Here the
/// rest always sits at the start of the buffer: taking the front item puts the *last* item in its place. So the vector
/// turns itself round while it is drained, and after half of it the rest is in reverse and is taken from the end.
///
/// ```text
/// abcdef   take a   fbcde   take b   fecd   take c   fed   take d, e, f from the end
///                   ^                ^^              ^^^   reversed
/// ```
///
/// Items that are given back wait in a second vector, which becomes the first once that is empty.
pub(crate) struct Queue<W> {
    /// In order of claim: `front[reversed..]`, then `front[..reversed]` from its end to its start, then `back`.
    front: Vec<W>,
    /// Never more than `front.len()`.
    reversed: usize,
    back: Vec<W>,
}

impl<W> Queue<W> {
    pub(crate) fn new() -> Self {
        Queue::from(Vec::new())
    }

    pub(crate) fn len(&self) -> usize {
        self.front.len() + self.back.len()
    }

    /// Takes the oldest item.
    #[inline]
    pub(crate) fn pop(&mut self) -> Option<W> {
        if self.front.is_empty() {
            if self.back.is_empty() {
                return None;
            }
            std::mem::swap(&mut self.front, &mut self.back);
        }
        let last = self.front.len() - 1;
        let item = self.front.swap_remove(self.reversed.min(last));
        self.reversed = (self.reversed + 1).min(last);
        Some(item)
    }

    /// Puts an item behind all others.
    pub(crate) fn push(&mut self, item: W) {
        self.back.push(item);
    }

    /// The items, oldest first.
    pub(crate) fn iter(&self) -> impl Iterator<Item = &W> {
        let (reversed, straight) = self.front.split_at(self.reversed);
        straight.iter().chain(reversed.iter().rev()).chain(&self.back)
    }

    /// Takes out every item that matches; the others keep their order. If `matches` panics, nothing has changed.
    pub(crate) fn remove(&mut self, mut matches: impl FnMut(&W) -> bool) -> Vec<W> {
        // All answers first: from here on no foreign code runs.
        let front_hits = hits(&self.front, &mut matches);
        let back_hits = hits(&self.back, &mut matches);

        self.reversed -= front_hits.partition_point(|&index| index < self.reversed);
        let mut removed = extract(&mut self.front, &front_hits);
        removed.append(&mut extract(&mut self.back, &back_hits));
        removed
    }

    /// The items as a vector: oldest first if there are at most [`ORDERED_MAX`], in any order if there are more.
    /// Takes time for the items given back and for the ordering, none for the length of the list.
    pub(crate) fn into_vec(self) -> Vec<W> {
        let Queue { mut front, reversed, mut back } = self;
        if front.len() + back.len() <= ORDERED_MAX {
            front[..reversed].reverse();
            front.rotate_left(reversed);
        }
        if front.is_empty() {
            return back;
        }
        front.append(&mut back);
        front
    }
}

impl<W> From<Vec<W>> for Queue<W> {
    fn from(items: Vec<W>) -> Self {
        Queue { front: items, reversed: 0, back: Vec::new() }
    }
}

fn hits<W>(items: &[W], matches: &mut impl FnMut(&W) -> bool) -> Vec<usize> {
    items.iter().enumerate().filter(|(_, item)| matches(item)).map(|(index, _)| index).collect()
}

/// Takes out the items at the given rising indices.
fn extract<W>(items: &mut Vec<W>, hits: &[usize]) -> Vec<W> {
    let Some(&first) = hits.first() else { return Vec::new() };
    let mut hits = hits.iter().copied().peekable();
    let mut index = first;
    let mut is_hit = |_: &mut W| {
        let hit = hits.next_if_eq(&index).is_some();
        index += 1;
        hit
    };
    items.extract_if(first.., &mut is_hit).collect()
}

#[cfg(all(test, not(loom)))]
mod tests {
    use std::collections::VecDeque;

    use proptest::prelude::*;

    use super::*;

    #[derive(Clone, Debug)]
    enum Op {
        Pop,
        Push(u8),
        Remove(u8),
    }

    fn op() -> impl Strategy<Value = Op> {
        prop_oneof![6 => Just(Op::Pop), 3 => (0..8u8).prop_map(Op::Push), 1 => (0..8u8).prop_map(Op::Remove)]
    }

    proptest! {
        #[test]
        fn it_is_a_queue(start in prop::collection::vec(0..8u8, 0..24), ops in prop::collection::vec(op(), 0..60)) {
            let mut model: VecDeque<u8> = start.iter().copied().collect();
            let mut queue = Queue::from(start);
            for op in ops {
                match op {
                    Op::Pop => prop_assert_eq!(queue.pop(), model.pop_front()),
                    Op::Push(item) => {
                        queue.push(item);
                        model.push_back(item);
                    }
                    Op::Remove(item) => {
                        let before = model.len();
                        model.retain(|other| *other != item);
                        prop_assert_eq!(queue.remove(|other| *other == item).len(), before - model.len());
                    }
                }
                prop_assert!(queue.iter().eq(&model));
                prop_assert_eq!(queue.len(), model.len());
            }
            prop_assert!(queue.into_vec().into_iter().eq(model));
        }
    }

    #[test]
    fn a_long_vector_goes_in_and_out_without_moving() {
        let items: Vec<usize> = (0..10 * ORDERED_MAX).collect();
        let buffer = items.as_ptr();
        let mut queue = Queue::from(items);
        for expected in 0..7 * ORDERED_MAX {
            assert_eq!(queue.pop(), Some(expected));
        }
        let mut rest = queue.into_vec();
        assert_eq!(rest.as_ptr(), buffer);
        rest.sort_unstable();
        assert!(rest.into_iter().eq(7 * ORDERED_MAX..10 * ORDERED_MAX));
    }

    #[test]
    fn a_predicate_that_panics_changes_nothing() {
        let mut queue = Queue::from(vec![1, 2, 3, 4]);
        queue.pop();
        let attempt = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            queue.remove(|item| if *item == 3 { panic!("no answer") } else { true })
        }));
        assert!(attempt.is_err());
        assert!(queue.iter().eq(&[2, 3, 4]));
    }
}
