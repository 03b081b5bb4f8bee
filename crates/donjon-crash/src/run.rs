//! What the threads of one run share.

use std::io;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::block::Block;
use crate::books::{Absence, Books};
use crate::clock;
use crate::fault::Fault;
use crate::wire::{Answer, Client};

/// The state of one run: from a ready node to its death.
pub(crate) struct Run<'a> {
    /// The lane's books. Held for an entry, never during a request.
    pub(crate) books: &'a Mutex<Books>,
    /// Set before the kill: from then on a broken connection is no fault.
    killing: AtomicBool,
}

/// Why a thread stops.
#[derive(Debug)]
pub(crate) enum Stop {
    /// The node was killed. As planned.
    Killed,
    /// Something is wrong.
    Fault(Fault),
}

impl<'a> Run<'a> {
    pub(crate) const fn new(books: &'a Mutex<Books>) -> Self {
        Self { books, killing: AtomicBool::new(false) }
    }

    pub(crate) fn announce_kill(&self) {
        self.killing.store(true, Ordering::SeqCst);
    }

    pub(crate) fn is_over(&self) -> bool {
        self.killing.load(Ordering::SeqCst)
    }

    pub(crate) fn books(&self) -> MutexGuard<'a, Books> {
        lock(self.books)
    }

    /// Sends a request. A connection that breaks is the end of the run if the node was killed, else a fault.
    pub(crate) fn ask(
        &self,
        client: &mut Client,
        method: &str,
        path: &str,
        body: &[u8],
    ) -> Result<Answer, Stop> {
        client.request(method, path, body).map_err(|error| self.broken(method, path, error))
    }

    fn broken(&self, method: &str, path: &str, error: io::Error) -> Stop {
        if self.is_over() {
            Stop::Killed
        } else {
            Stop::Fault(Fault::Broken { request: format!("{method} {path}"), error })
        }
    }
}

/// Books are whole after every entry, also if a thread panicked between two.
pub(crate) fn lock(books: &Mutex<Books>) -> MutexGuard<'_, Books> {
    books.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A status that this request never has on a healthy node.
pub(crate) fn unexpected(method: &str, path: &str, answer: &Answer) -> Fault {
    Fault::Answer {
        request: format!("{method} {path}"),
        status: answer.status,
        text: answer.text(),
    }
}

/// What the answer to a `GET` of this block shows: it is there, or absent with good reason.
pub(crate) fn judge_read(block: &Block, answer: &Answer, books: &Books) -> Result<Presence, Fault> {
    match answer.status {
        200 if answer.body == block.data() => Ok(Presence::There),
        200 => Err(Fault::WrongData { hash: block.hash().to_owned() }),
        404 => judge_absence(block, books),
        _ => Err(unexpected("GET", &block.locator(), answer)),
    }
}

/// Whether this block may be absent now.
pub(crate) fn judge_absence(block: &Block, books: &Books) -> Result<Presence, Fault> {
    let now = clock::now();
    match books.judge_absence(block.hash(), now) {
        Absence::NeverPromised => Ok(Presence::NeverPromised),
        Absence::Trashed => Ok(Presence::Trashed),
        Absence::Lost { promised_at, condemned } => {
            Err(Fault::Lost { hash: block.hash().to_owned(), now, promised_at, condemned })
        }
    }
}

/// Where a block is, if nothing is wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Presence {
    There,
    Trashed,
    NeverPromised,
}
