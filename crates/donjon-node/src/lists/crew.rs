//! The workers of a list: how many there are, when they may begin an item, and what stops them.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use keep_protocol::list::Request;
use keep_protocol::status::ListName;
use tokio::sync::watch;
use tokio::task::JoinSet;
use tokio::time::sleep;

use super::Ending;
use super::handler::workers_in_force;
use super::pace::Rates;
use super::work::{Held, WorkList};
use crate::node::Node;
use crate::steering::Steered;

/// What the workers of a list do.
pub(crate) trait Job: Send + Sync + 'static {
    /// What an item asks for.
    type Request: Request + Send + Sync + 'static;

    /// Which list it is.
    const LIST: ListName;

    /// The list.
    fn list(node: &Node) -> &WorkList<Self::Request>;

    /// Bytes of the block, as far as the item says.
    fn bytes(request: &Self::Request) -> u64;

    /// Carries out an item.
    fn carry_out(
        node: &Arc<Node>,
        item: &Held<Self::Request>,
    ) -> impl Future<Output = Carried> + Send;
}

/// What became of an item in a worker's hands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Carried {
    /// It ended.
    Ended(Ending),
    /// Nothing was done, because trashing is frozen or the node was away since it was taken: it goes back to its list.
    Back,
}

/// Keeps as many workers as the settings say, until the list is closed.
pub(crate) async fn run<J: Job>(node: Arc<Node>) {
    let mut settings = node.steering.watch();
    let taken = Numbers::default();
    let mut workers = JoinSet::new();
    loop {
        // Numbers without a worker: new ones, and those whose worker broke down.
        for number in 0..workers_in_force(&node, J::LIST) {
            if taken.insert(number) {
                let place = Place { number, taken: taken.clone() };
                workers.spawn(work::<J>(node.clone(), place, node.steering.watch()));
            }
        }
        tokio::select! {
            Some(ended) = workers.join_next() => match ended {
                Ok(Stopped::Closed) => break,
                Ok(Stopped::NotNeeded) => {}
                Err(error) => {
                    tracing::error!(list = J::LIST.as_str(), %error, "a worker broke down; another takes its place");
                }
            },
            changed = settings.changed() => {
                if changed.is_err() {
                    break;
                }
            }
            () = J::list(&node).closed() => break,
        }
    }
    while workers.join_next().await.is_some() {}
}

/// The numbers of the workers that run.
#[derive(Clone, Debug, Default)]
struct Numbers(Arc<Mutex<BTreeSet<usize>>>);

impl Numbers {
    /// Takes a number. False if a worker has it.
    fn insert(&self, number: usize) -> bool {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).insert(number)
    }
}

/// A worker's number, free again when the worker ends, however it ends.
struct Place {
    number: usize,
    taken: Numbers,
}

impl Drop for Place {
    fn drop(&mut self) {
        self.taken.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.number);
    }
}

/// Why a worker stopped.
enum Stopped {
    Closed,
    NotNeeded,
}

async fn work<J: Job>(
    node: Arc<Node>,
    place: Place,
    mut settings: watch::Receiver<Steered>,
) -> Stopped {
    let list = J::list(&node);
    loop {
        // What changes from here on is noticed below.
        let steered = settings.borrow_and_update().clone();
        let rates = match allowed::<J>(&node, place.number, &steered) {
            Allowed::Yes(rates) => rates,
            Allowed::NotNeeded => return Stopped::NotNeeded,
            Allowed::NotNow => {
                tokio::select! {
                    _changed = settings.changed() => continue,
                    () = list.closed() => return Stopped::Closed,
                }
            }
        };
        let wait = list.begin(rates);
        if !wait.is_zero() {
            tokio::select! {
                () = sleep(wait.min(LONGEST_SLEEP)) => continue,
                _changed = settings.changed() => continue,
                () = list.closed() => return Stopped::Closed,
            }
        }
        let item = tokio::select! {
            biased;
            _changed = settings.changed() => continue,
            item = list.next() => item,
        };
        let Some(item) = item else { return Stopped::Closed };
        list.charge_bytes(J::bytes(&item.request()), rates);
        match J::carry_out(&node, &item).await {
            Carried::Ended(ending) => item.settle(&ending),
            Carried::Back => item.give_back(),
        }
    }
}

/// A rate may be changed meanwhile; so nobody sleeps longer than this at a stretch.
const LONGEST_SLEEP: Duration = Duration::from_secs(1);

enum Allowed {
    Yes(Rates),
    NotNow,
    NotNeeded,
}

fn allowed<J: Job>(node: &Node, number: usize, steered: &Steered) -> Allowed {
    let set = steered.of(J::LIST);
    let frozen = J::LIST == ListName::Trash && steered.freeze.is_some();
    if number >= workers_in_force(node, J::LIST) {
        Allowed::NotNeeded
    } else if set.paused || frozen {
        Allowed::NotNow
    } else {
        Allowed::Yes(Rates { items: set.items_per_second, bytes: set.bytes_per_second })
    }
}
