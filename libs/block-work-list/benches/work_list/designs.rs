//! The work list and its rivals, behind one trait.

use std::collections::VecDeque;
use std::sync::{Condvar, Mutex as StdMutex};

use block_work_list::{BlockWork, BlockWorkList};
use event_listener::{Event, Listener as _};
use parking_lot::Mutex;

/// 40 bytes: a hash and 24 bytes of data.
pub(crate) type Item = BlockWork<[u8; 16], Data>;

#[derive(Clone, Copy)]
pub(crate) struct Data {
    pub(crate) index: u64,
    pub(crate) rest: [u64; 2],
}

/// `count` items, numbered from 0.
pub(crate) fn items(count: usize) -> Vec<Item> {
    (0..count as u64).map(item).collect()
}

pub(crate) fn item(index: u64) -> Item {
    BlockWork { hash: [0; 16], data: Data { index, rest: [index; 2] } }
}

/// What every design can do: hold items, hand them out, end.
pub(crate) trait Queue: Send + Sync {
    fn load(&self, items: Vec<Item>);
    /// Waits for an item, lets `work` look at it, and counts it as done if the design counts. False once ended and empty.
    fn work_one(&self, work: &mut dyn FnMut(&Item)) -> bool;
    /// Runs `work` on every item until the queue ends: the worker's loop, compiled for the design.
    fn work_all(&self, work: &mut dyn FnMut(&Item));
    /// No more items will be loaded.
    fn end(&self);
}

/// The designs that can also replace their items as a whole.
pub(crate) trait Replaceable: Send + Sync {
    /// The old items, and the number of the new list.
    type Old;
    fn replace(&self, items: Vec<Item>) -> (u64, Self::Old);
    fn into_vec(old: Self::Old) -> Vec<Item>;
    /// The number of the list the claimed item belongs to. `None` once ended.
    fn work_one_numbered(&self) -> Option<u64>;
    fn stop(&self);
}

pub(crate) const OURS: &str = "block-work-list";
pub(crate) const BARE: &str = "bare parking_lot Mutex<VecDeque> + event";
pub(crate) const NAMES: [&str; 6] = [
    OURS,
    BARE,
    "bare std Mutex<VecDeque> + Condvar",
    "crossbeam-channel",
    "async-channel",
    "tokio mpsc, shared receiver",
];
pub(crate) const CHANNELS: &[&str] =
    &["crossbeam-channel", "async-channel", "tokio mpsc, shared receiver"];

pub(crate) fn build(name: &str) -> Box<dyn Queue> {
    match name {
        OURS => Box::new(BlockWorkList::new()),
        BARE => Box::new(BareEvent::new()),
        "bare std Mutex<VecDeque> + Condvar" => Box::new(BareCondvar::new()),
        "crossbeam-channel" => Box::new(Crossbeam::new()),
        "async-channel" => Box::new(AsyncChannel::new()),
        "tokio mpsc, shared receiver" => Box::new(TokioMpsc::new()),
        other => unreachable!("no design is called {other}"),
    }
}

impl Queue for BlockWorkList<[u8; 16], Data> {
    fn load(&self, items: Vec<Item>) {
        BlockWorkList::replace(self, items).expect("the list is open");
    }

    fn work_one(&self, work: &mut dyn FnMut(&Item)) -> bool {
        self.next_blocking().map(|claim| work(&claim)).is_some()
    }

    fn work_all(&self, work: &mut dyn FnMut(&Item)) {
        for claim in self {
            work(&claim);
        }
    }

    fn end(&self) {
        self.close();
    }
}

impl Replaceable for BlockWorkList<[u8; 16], Data> {
    type Old = Vec<Item>;

    fn replace(&self, items: Vec<Item>) -> (u64, Vec<Item>) {
        let replaced = BlockWorkList::replace(self, items).expect("the list is open");
        (replaced.generation, replaced.discarded)
    }

    fn into_vec(old: Vec<Item>) -> Vec<Item> {
        old
    }

    fn work_one_numbered(&self) -> Option<u64> {
        self.next_blocking().map(|claim| claim.generation())
    }

    fn stop(&self) {
        self.close();
    }
}

#[derive(Default)]
struct Bare {
    items: VecDeque<Item>,
    generation: u64,
    closed: bool,
}

impl Bare {
    fn replace(&mut self, items: Vec<Item>) -> (u64, VecDeque<Item>) {
        self.generation += 1;
        (self.generation, std::mem::replace(&mut self.items, items.into()))
    }

    /// `None` while there is nothing to say.
    fn take(&mut self) -> Option<Option<(Item, u64)>> {
        match self.items.pop_front() {
            Some(item) => Some(Some((item, self.generation))),
            None => self.closed.then_some(None),
        }
    }
}

/// The least that a lock with an event can do: no claims, no counts.
pub(crate) struct BareEvent {
    state: Mutex<Bare>,
    event: Event,
}

impl BareEvent {
    pub(crate) fn new() -> Self {
        BareEvent { state: Mutex::new(Bare::default()), event: Event::new() }
    }

    #[inline]
    fn next(&self) -> Option<(Item, u64)> {
        loop {
            if let Some(answer) = self.state.lock().take() {
                return answer;
            }
            let listener = self.event.listen();
            if let Some(answer) = self.state.lock().take() {
                return answer;
            }
            listener.wait();
        }
    }
}

impl Queue for BareEvent {
    fn load(&self, items: Vec<Item>) {
        Replaceable::replace(self, items);
    }

    fn work_one(&self, work: &mut dyn FnMut(&Item)) -> bool {
        self.next().map(|(item, _)| work(&item)).is_some()
    }

    fn work_all(&self, work: &mut dyn FnMut(&Item)) {
        while let Some((item, _)) = self.next() {
            work(&item);
        }
    }

    fn end(&self) {
        self.state.lock().closed = true;
        self.event.notify(usize::MAX);
    }
}

impl Replaceable for BareEvent {
    type Old = VecDeque<Item>;

    fn replace(&self, items: Vec<Item>) -> (u64, VecDeque<Item>) {
        let count = items.len();
        let replaced = self.state.lock().replace(items);
        self.event.notify(count);
        replaced
    }

    fn into_vec(old: VecDeque<Item>) -> Vec<Item> {
        old.into()
    }

    fn work_one_numbered(&self) -> Option<u64> {
        self.next().map(|(_, generation)| generation)
    }

    fn stop(&self) {
        self.end();
    }
}

pub(crate) struct BareCondvar {
    state: StdMutex<Bare>,
    changed: Condvar,
}

impl BareCondvar {
    pub(crate) fn new() -> Self {
        BareCondvar { state: StdMutex::new(Bare::default()), changed: Condvar::new() }
    }

    #[inline]
    fn next(&self) -> Option<(Item, u64)> {
        let mut state = self.state.lock().expect("no worker panics");
        loop {
            if let Some(answer) = state.take() {
                return answer;
            }
            state = self.changed.wait(state).expect("no worker panics");
        }
    }
}

impl Queue for BareCondvar {
    fn load(&self, items: Vec<Item>) {
        Replaceable::replace(self, items);
    }

    fn work_one(&self, work: &mut dyn FnMut(&Item)) -> bool {
        self.next().map(|(item, _)| work(&item)).is_some()
    }

    fn work_all(&self, work: &mut dyn FnMut(&Item)) {
        while let Some((item, _)) = self.next() {
            work(&item);
        }
    }

    fn end(&self) {
        self.state.lock().expect("no worker panics").closed = true;
        self.changed.notify_all();
    }
}

impl Replaceable for BareCondvar {
    type Old = VecDeque<Item>;

    fn replace(&self, items: Vec<Item>) -> (u64, VecDeque<Item>) {
        let one = items.len() == 1;
        let replaced = self.state.lock().expect("no worker panics").replace(items);
        if one {
            self.changed.notify_one()
        } else {
            self.changed.notify_all()
        }
        replaced
    }

    fn into_vec(old: VecDeque<Item>) -> Vec<Item> {
        old.into()
    }

    fn work_one_numbered(&self) -> Option<u64> {
        self.next().map(|(_, generation)| generation)
    }

    fn stop(&self) {
        self.end();
    }
}

struct Crossbeam {
    sender: StdMutex<Option<crossbeam_channel::Sender<Item>>>,
    receiver: crossbeam_channel::Receiver<Item>,
}

impl Crossbeam {
    fn new() -> Self {
        let (sender, receiver) = crossbeam_channel::unbounded();
        Crossbeam { sender: StdMutex::new(Some(sender)), receiver }
    }
}

impl Queue for Crossbeam {
    fn load(&self, items: Vec<Item>) {
        let sender = self.sender.lock().expect("no worker panics");
        let sender = sender.as_ref().expect("not ended");
        items.into_iter().for_each(|item| sender.send(item).expect("a receiver lives"));
    }

    fn work_one(&self, work: &mut dyn FnMut(&Item)) -> bool {
        self.receiver.recv().map(|item| work(&item)).is_ok()
    }

    fn work_all(&self, work: &mut dyn FnMut(&Item)) {
        for item in &self.receiver {
            work(&item);
        }
    }

    fn end(&self) {
        self.sender.lock().expect("no worker panics").take();
    }
}

struct AsyncChannel {
    sender: async_channel::Sender<Item>,
    receiver: async_channel::Receiver<Item>,
}

impl AsyncChannel {
    fn new() -> Self {
        let (sender, receiver) = async_channel::unbounded();
        AsyncChannel { sender, receiver }
    }
}

impl Queue for AsyncChannel {
    fn load(&self, items: Vec<Item>) {
        items.into_iter().for_each(|item| self.sender.try_send(item).expect("open and unbounded"));
    }

    fn work_one(&self, work: &mut dyn FnMut(&Item)) -> bool {
        self.receiver.recv_blocking().map(|item| work(&item)).is_ok()
    }

    fn work_all(&self, work: &mut dyn FnMut(&Item)) {
        while let Ok(item) = self.receiver.recv_blocking() {
            work(&item);
        }
    }

    fn end(&self) {
        self.sender.close();
    }
}

struct TokioMpsc {
    sender: StdMutex<Option<tokio::sync::mpsc::UnboundedSender<Item>>>,
    receiver: StdMutex<tokio::sync::mpsc::UnboundedReceiver<Item>>,
}

impl TokioMpsc {
    fn new() -> Self {
        let (sender, receiver) = tokio::sync::mpsc::unbounded_channel();
        TokioMpsc { sender: StdMutex::new(Some(sender)), receiver: StdMutex::new(receiver) }
    }

    #[inline]
    fn next(&self) -> Option<Item> {
        self.receiver.lock().expect("no worker panics").blocking_recv()
    }
}

impl Queue for TokioMpsc {
    fn load(&self, items: Vec<Item>) {
        let sender = self.sender.lock().expect("no worker panics");
        let sender = sender.as_ref().expect("not ended");
        items.into_iter().for_each(|item| assert!(sender.send(item).is_ok(), "a receiver lives"));
    }

    fn work_one(&self, work: &mut dyn FnMut(&Item)) -> bool {
        self.next().map(|item| work(&item)).is_some()
    }

    fn work_all(&self, work: &mut dyn FnMut(&Item)) {
        while let Some(item) = self.next() {
            work(&item);
        }
    }

    fn end(&self) {
        self.sender.lock().expect("no worker panics").take();
    }
}
