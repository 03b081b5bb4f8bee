//! Waiting: check, listen, check again, wait, in a loop. Blocking and async callers differ only in the last step.

use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use event_listener::{Event, EventListener, Listener as _};

use crate::shared::Shared;
use crate::state::State;
use crate::{BlockWork, BlockWorkList};

/// Blocks the thread until `check` has an answer. `event` must be notified whenever that may have changed.
///
/// `unused_wake` is called if the answer came just before a wake that was meant for us: somebody else may need it.
pub(crate) fn block_until<R>(
    event: &Event,
    mut check: impl FnMut() -> Option<R>,
    unused_wake: impl FnOnce(),
) -> R {
    loop {
        if let Some(answer) = check() {
            return answer;
        }
        let listener = event.listen();
        // It may have changed before we listened.
        if let Some(answer) = check() {
            if listener.discard() {
                unused_wake();
            }
            return answer;
        }
        listener.wait();
    }
}

/// Polls until `check` has an answer; `listener` is what the future keeps from one poll to the next.
/// Otherwise as [`block_until`].
pub(crate) fn poll_until<R>(
    event: &Event,
    listener: &mut Option<EventListener>,
    context: &mut Context<'_>,
    mut check: impl FnMut() -> Option<R>,
    unused_wake: impl FnOnce(),
) -> Poll<R> {
    loop {
        if let Some(waiting) = listener {
            ready!(Pin::new(waiting).poll(context));
            *listener = None;
        }
        if let Some(answer) = check() {
            return Poll::Ready(answer);
        }
        let fresh = event.listen();
        // It may have changed before we listened.
        if let Some(answer) = check() {
            if fresh.discard() {
                unused_wake();
            }
            return Poll::Ready(answer);
        }
        *listener = Some(fresh);
    }
}

/// Where all who wait are woken, nobody misses a wake that was not used.
fn all_are_woken() {}

/// The future of [`BlockWorkList::wait_non_empty`].
#[must_use = "futures do nothing unless polled"]
pub struct WaitNonEmpty<'a, H, T> {
    shared: &'a Shared<H, T>,
    listener: Option<EventListener>,
}

/// The future of [`BlockWorkList::wait_idle`].
#[must_use = "futures do nothing unless polled"]
pub struct WaitIdle<'a, H, T> {
    watcher: IdleWatcher<'a, H, T>,
    listener: Option<EventListener>,
}

/// While one lives, a claim that finishes looks whether the list became idle.
struct IdleWatcher<'a, H, T>(&'a Shared<H, T>);

impl<'a, H, T> IdleWatcher<'a, H, T> {
    fn new(shared: &'a Shared<H, T>) -> Self {
        shared.watch_idle();
        IdleWatcher(shared)
    }

    fn check(&self) -> Option<()> {
        self.0.is_idle().then_some(())
    }
}

impl<H, T> Drop for IdleWatcher<'_, H, T> {
    fn drop(&mut self) {
        self.0.unwatch_idle();
    }
}

impl<H, T> BlockWorkList<H, T> {
    /// Waits until something is queued, and copies it: the note's *GetNonEmptyList*. `None` once the list is closed.
    ///
    /// The items are not claimed. All who wait are told, and workers may have taken everything by the time the answer
    /// is read. Costs what [`snapshot`](Self::snapshot) costs.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::{BlockWork, BlockWorkList};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(async {
    /// let list = BlockWorkList::new();
    /// list.replace(vec![BlockWork { hash: 1, data: "a" }])?;
    /// assert_eq!(list.wait_non_empty().await, Some(vec![BlockWork { hash: 1, data: "a" }]));
    /// # Ok::<(), block_work_list::Closed<i32, &str>>(())
    /// # }).expect("the list is open");
    /// ```
    pub fn wait_non_empty(&self) -> WaitNonEmpty<'_, H, T>
    where
        H: Clone,
        T: Clone,
    {
        WaitNonEmpty { shared: self.shared(), listener: None }
    }

    /// Waits until something is queued, and copies it: [`wait_non_empty`](Self::wait_non_empty) for threads, the
    /// note's *GetNonEmptyList*. Blocks. `None` once the list is closed.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::{BlockWork, BlockWorkList};
    ///
    /// let list = BlockWorkList::new();
    /// list.replace(vec![BlockWork { hash: 1, data: "a" }])?;
    /// assert_eq!(list.wait_non_empty_blocking().map(|items| items.len()), Some(1));
    /// list.close();
    /// assert_eq!(list.wait_non_empty_blocking(), None);
    /// # Ok::<(), block_work_list::Closed<i32, &str>>(())
    /// ```
    pub fn wait_non_empty_blocking(&self) -> Option<Vec<BlockWork<H, T>>>
    where
        H: Clone,
        T: Clone,
    {
        block_until(&self.shared().filled, || check_non_empty(self.shared()), all_are_woken)
    }

    /// Waits until nothing is queued or in progress; on a closed list, until no claim is left.
    ///
    /// What the workers did before they let go of their claims is visible afterwards. More work may come at once.
    /// While somebody waits, finishing a claim takes the list's lock.
    ///
    /// # Cancel safety
    ///
    /// Dropping the future loses nothing.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::{BlockWork, BlockWorkList};
    ///
    /// # tokio::runtime::Builder::new_current_thread().build().expect("a runtime").block_on(async {
    /// let list = BlockWorkList::new();
    /// list.replace(vec![BlockWork { hash: 1, data: "a" }])?;
    /// list.next().await.expect("an item is queued").finish();
    /// list.wait_idle().await;
    /// assert_eq!(list.status().done, 1);
    /// # Ok::<(), block_work_list::Closed<i32, &str>>(())
    /// # }).expect("the list is open");
    /// ```
    pub fn wait_idle(&self) -> WaitIdle<'_, H, T> {
        WaitIdle { watcher: IdleWatcher::new(self.shared()), listener: None }
    }

    /// Waits until nothing is queued or in progress: [`wait_idle`](Self::wait_idle) for threads. Blocks.
    ///
    /// # Examples
    ///
    /// ```
    /// use block_work_list::{BlockWork, BlockWorkList};
    ///
    /// let list = BlockWorkList::new();
    /// list.replace((0..100).map(|hash| BlockWork { hash, data: () }).collect())?;
    /// std::thread::scope(|scope| {
    ///     scope.spawn(|| for claim in &list { claim.finish() });
    ///     list.wait_idle_blocking();
    ///     assert_eq!(list.status().done, 100);
    ///     list.close();
    /// });
    /// # Ok::<(), block_work_list::Closed<i32, ()>>(())
    /// ```
    pub fn wait_idle_blocking(&self) {
        let watcher = IdleWatcher::new(self.shared());
        block_until(&self.shared().idle, || watcher.check(), all_are_woken);
    }
}

/// An answer to those who wait for a list that is not empty, if there is one yet.
fn check_non_empty<H: Clone, T: Clone>(
    shared: &Shared<H, T>,
) -> Option<Option<Vec<BlockWork<H, T>>>> {
    let (queued, closed) = shared.read(|state: &State<H, T>| (state.queued(), state.is_closed()));
    if closed {
        return Some(None);
    }
    if queued == 0 {
        return None;
    }
    // Workers may have emptied the list since.
    let items = shared.snapshot();
    if items.is_empty() { None } else { Some(Some(items)) }
}

impl<H: Clone, T: Clone> Future for WaitNonEmpty<'_, H, T> {
    type Output = Option<Vec<BlockWork<H, T>>>;

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Self::Output> {
        let shared = self.shared;
        poll_until(
            &shared.filled,
            &mut self.listener,
            context,
            || check_non_empty(shared),
            all_are_woken,
        )
    }
}

impl<H, T> Future for WaitIdle<'_, H, T> {
    type Output = ();

    fn poll(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<()> {
        let WaitIdle { watcher, listener } = &mut *self;
        poll_until(&watcher.0.idle, listener, context, || watcher.check(), all_are_woken)
    }
}

impl<H, T> fmt::Debug for WaitNonEmpty<'_, H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitNonEmpty").finish_non_exhaustive()
    }
}

impl<H, T> fmt::Debug for WaitIdle<'_, H, T> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("WaitIdle").finish_non_exhaustive()
    }
}
