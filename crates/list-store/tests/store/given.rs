//! What every test of the store begins with.

use std::fmt::Write;
use std::sync::Arc;
use std::time::Duration;

use keep_protocol::list::{Limits, Names, TrashListParser, TrashRequest};
use keep_rules::{BlockHash, Timestamp};
use list_store::{
    Code, Digest, Item, ListStore, Load, Loaded, OutcomeCode, Receipt, Source, Standing,
    StoreError, StoredList, Text,
};

pub(crate) const T0: Timestamp = Timestamp::from_seconds(1_700_000_000);
pub(crate) const WEEK: Duration = Duration::from_secs(7 * 86_400);

/// How items end in these tests.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Outcome {
    Done,
    TooYoung,
    VolumeFailed,
}

impl Outcome {
    pub(crate) const ALL: [Outcome; 3] = [Outcome::Done, Outcome::TooYoung, Outcome::VolumeFailed];
}

impl Code for Outcome {
    fn code(self) -> OutcomeCode {
        match self {
            // All zeros, as a hole in a file is.
            Outcome::Done => OutcomeCode { outcome: 0, reason: 0 },
            Outcome::TooYoung => OutcomeCode { outcome: 1, reason: 3 },
            Outcome::VolumeFailed => OutcomeCode { outcome: 2, reason: 255 },
        }
    }

    fn from_code(code: OutcomeCode) -> Option<Self> {
        Outcome::ALL.into_iter().find(|outcome| outcome.code() == code)
    }
}

pub(crate) type Store = ListStore<TrashRequest, Outcome>;

/// A list as it was sent.
#[derive(Clone, Debug)]
pub(crate) struct Sent {
    pub(crate) items: Vec<(BlockHash, TrashRequest)>,
    names: Arc<Names>,
}

/// A list with an item for each of the numbers, in which equal numbers name the same block on another mount.
pub(crate) fn sent(blocks: impl IntoIterator<Item = u32>) -> Sent {
    let mut body = String::from("[");
    for (index, block) in blocks.into_iter().enumerate() {
        let comma = if index == 0 { "" } else { "," };
        let mtime = 1_600_000_000_000_000_000 + index;
        write!(
            body,
            r#"{comma}{{"locator":"{block:032x}+{block}","block_mtime":{mtime},"mount_uuid":"m{}"}}"#,
            index % 3
        )
        .unwrap();
    }
    body.push(']');
    let mut parser = TrashListParser::new(Limits::default());
    parser.feed(body.as_bytes()).unwrap();
    let list = parser.finish().unwrap();
    Sent { items: list.items, names: list.names }
}

impl Sent {
    pub(crate) fn receipt(&self, generation: u64) -> Receipt {
        Receipt {
            generation,
            digest: Digest([generation.to_le_bytes()[0]; 32]),
            count: self.items.len() as u64,
            received_at: T0,
            source: Source {
                remote_addr: Text::from("[2001:db8::1]:40000"),
                request_id: Text::from("req-0123456789abcdefghij"),
                user_agent: Text::from("keep-balance"),
            },
            epoch: None,
            names: self.names.clone(),
        }
    }

    /// Stores the list, as the next generation.
    pub(crate) fn put(&self, store: &Store) -> Result<StoredList<Outcome>, StoreError> {
        self.put_as(store, self.receipt(store.last_generation() + 1), Standing::Open)
    }

    pub(crate) fn put_as(
        &self,
        store: &Store,
        receipt: Receipt,
        standing: Standing,
    ) -> Result<StoredList<Outcome>, StoreError> {
        let mut draft = store.begin()?;
        for (hash, request) in &self.items {
            draft.push(*hash, *request)?;
        }
        draft.commit(receipt, standing)
    }
}

/// The list that is stored.
#[track_caller]
pub(crate) fn resumed(store: &Store) -> Loaded<Item<TrashRequest>, Outcome> {
    match store.load(T0, WEEK, |item| item).unwrap() {
        Load::Resumed(loaded) => {
            let accounted =
                loaded.waiting.len() as u64 + loaded.ended.values().sum::<u64>() + loaded.removed;
            assert_eq!(loaded.list.receipt().count, accounted, "the books balance");
            loaded
        }
        Load::Nothing => panic!("a list is stored"),
        Load::Dropped(receipt) => panic!("it is not too old: {receipt:?}"),
    }
}

/// The indexes of the items that wait.
pub(crate) fn waiting(loaded: &Loaded<Item<TrashRequest>, Outcome>) -> Vec<u32> {
    loaded.waiting.iter().map(|item| item.index).collect()
}
