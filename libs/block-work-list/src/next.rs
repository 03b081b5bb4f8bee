//! The ways to take items: one by one, as an iterator, as a stream.

use std::fmt;
use std::future::Future;
use std::iter::FusedIterator;
use std::pin::Pin;
use std::task::{Context, Poll};

use event_listener::{EventListener, Listener as _};
use futures_core::Stream;

use crate::shared::Shared;
use crate::wait::{block_until, poll_until};
use crate::{BlockWorkList, Claim, TryNextError};

/// The future of [`BlockWorkList::next`].
#[must_use = "futures do nothing unless polled"]
pub struct Next<'a, H, T> {
    list: &'a BlockWorkList<H, T>,
    /// Our place in the line of waiting workers, if we had to wait.
    listener: Option<EventListener>,
}

/// The stream of [`BlockWorkList::stream`].
#[must_use = "streams do nothing unless polled"]
pub struct Claims<'a, H, T> {
    next: Next<'a, H, T>,
}

/// The iterator of `for claim in &list`: blocks while the list is empty, ends when it is closed.
#[must_use = "iterators do nothing unless advanced"]
pub struct Iter<'a, H, T> {
    list: &'a BlockWorkList<H, T>,
}

impl<H, T> BlockWorkList<H, T> {
    /// Claims the oldest item, waiting while the list is empty: the note's *NextItem*. `None` once the list is closed.
    ///
    /// Waiting workers are woken in the order they came, one for each item. A worker that is running may take an item
    /// before a woken one gets to it; the woken one then waits again.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future claims nothing and loses nothing: an item is claimed in the same poll that returns it, and
    /// a wake that was meant for the future passes to the next worker.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::{BlockWork, BlockWorkList};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(async {
    /// let list = BlockWorkList::new();
    /// list.replace(vec![BlockWork { hash: 1, data: "a" }])?;
    /// let claim = list.next().await.expect("the list is open");
    /// assert_eq!(claim.data, "a");
    /// # Ok::<(), block_work_list::Closed<i32, &str>>(())
    /// # }).expect("the list is open");
    /// ```
    pub fn next(&self) -> Next<'_, H, T> {
        Next { list: self, listener: None }
    }

    /// Claims the oldest item, waiting while the list is empty: [`next`](Self::next) for threads, the note's
    /// *NextItem*. Blocks. `None` once the list is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::{BlockWork, BlockWorkList};
    ///
    /// let list = BlockWorkList::new();
    /// list.replace(vec![BlockWork { hash: 1, data: "a" }])?;
    /// assert_eq!(list.next_blocking().map(|claim| claim.hash), Some(1));
    /// list.close();
    /// assert!(list.next_blocking().is_none());
    /// # Ok::<(), block_work_list::Closed<i32, &str>>(())
    /// ```
    #[inline]
    pub fn next_blocking(&self) -> Option<Claim<H, T>> {
        Shared::claim(self.shared(), Some, |reason| match reason {
            TryNextError::Closed => None,
            TryNextError::Empty => self.wait_for_item(),
        })
    }

    #[cold]
    fn wait_for_item(&self) -> Option<Claim<H, T>> {
        let shared = self.shared();
        block_until(&shared.work, || self.check_next(), || shared.pass_on())
    }

    /// Claims the oldest item if there is one now: the note's *NextItem* without waiting.
    ///
    /// # Errors
    ///
    /// [`TryNextError::Empty`] if nothing is queued, [`TryNextError::Closed`] if the list is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::{BlockWork, BlockWorkList, TryNextError};
    ///
    /// let list = BlockWorkList::new();
    /// list.replace(vec![BlockWork { hash: 1, data: "a" }])?;
    /// assert!(list.try_next().is_ok());
    /// assert_eq!(list.try_next().unwrap_err(), TryNextError::Empty);
    /// # Ok::<(), block_work_list::Closed<i32, &str>>(())
    /// ```
    #[inline]
    pub fn try_next(&self) -> Result<Claim<H, T>, TryNextError> {
        Shared::claim(self.shared(), Ok, Err)
    }

    /// The claims one after another, as a stream: the note's *NextItem* channel. Ends when the list is closed.
    ///
    /// # Cancel safety
    ///
    /// As [`next`](Self::next): dropping the stream, or a future on it, loses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use std::future::poll_fn;
    /// use std::pin::pin;
    ///
    /// use block_work_list::{BlockWork, BlockWorkList};
    /// use futures_core::Stream;
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(async {
    /// let list = BlockWorkList::new();
    /// list.replace(vec![BlockWork { hash: 1, data: "a" }])?;
    /// let mut stream = pin!(list.stream());
    /// // With a crate of stream helpers: `while let Some(claim) = stream.next().await`.
    /// let claim = poll_fn(|context| stream.as_mut().poll_next(context)).await;
    /// assert_eq!(claim.expect("the list is open").data, "a");
    /// list.close();
    /// assert!(poll_fn(|context| stream.as_mut().poll_next(context)).await.is_none());
    /// # Ok::<(), block_work_list::Closed<i32, &str>>(())
    /// # }).expect("the list is open");
    /// ```
    pub fn stream(&self) -> Claims<'_, H, T> {
        Claims { next: self.next() }
    }

    /// The claims one after another, as a blocking iterator; `for claim in &list` is the same. The note's
    /// `for item := range list.NextItem`. Ends when the list is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::{BlockWork, BlockWorkList};
    ///
    /// let list = BlockWorkList::new();
    /// list.replace(vec![BlockWork { hash: 1, data: "a" }, BlockWork { hash: 2, data: "b" }])?;
    /// let mut seen = Vec::new();
    /// for claim in &list {
    ///     seen.push(claim.data);
    ///     if claim.hash == 2 {
    ///         list.close();
    ///     }
    /// }
    /// assert_eq!(seen, ["a", "b"]);
    /// # Ok::<(), block_work_list::Closed<i32, &str>>(())
    /// ```
    pub fn iter(&self) -> Iter<'_, H, T> {
        Iter { list: self }
    }

    /// An answer for a waiting worker, if there is one yet.
    fn check_next(&self) -> Option<Option<Claim<H, T>>> {
        Shared::claim(
            self.shared(),
            |claim| Some(Some(claim)),
            |reason| match reason {
                TryNextError::Closed => Some(None),
                TryNextError::Empty => None,
            },
        )
    }
}

impl<H, T> Future for Next<'_, H, T> {
    type Output = Option<Claim<H, T>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let list = self.list;
        let shared = list.shared();
        let check = || list.check_next();
        poll_until(&shared.work, &mut self.listener, context, check, || shared.pass_on())
    }
}

impl<H, T> Drop for Next<'_, H, T> {
    /// A future that is dropped while it waits may have been woken: another worker must take its item.
    fn drop(&mut self) {
        if let Some(listener) = self.listener.take()
            && listener.discard()
        {
            self.list.shared().pass_on();
        }
    }
}

impl<H, T> Stream for Claims<'_, H, T> {
    type Item = Claim<H, T>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Claim<H, T>>> {
        Pin::new(&mut self.next).poll(context)
    }
}

impl<H, T> Iterator for Iter<'_, H, T> {
    type Item = Claim<H, T>;

    #[inline]
    fn next(&mut self) -> Option<Claim<H, T>> {
        self.list.next_blocking()
    }
}

/// A closed list stays closed.
impl<H, T> FusedIterator for Iter<'_, H, T> {}

impl<'a, H, T> IntoIterator for &'a BlockWorkList<H, T> {
    type Item = Claim<H, T>;
    type IntoIter = Iter<'a, H, T>;

    fn into_iter(self) -> Iter<'a, H, T> {
        self.iter()
    }
}

impl<H, T> fmt::Debug for Next<'_, H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Next").field("list", self.list).finish_non_exhaustive()
    }
}

impl<H, T> fmt::Debug for Claims<'_, H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Claims").field("list", self.next.list).finish_non_exhaustive()
    }
}

impl<H, T> fmt::Debug for Iter<'_, H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Iter").field("list", self.list).finish()
    }
}
