//! What two plans order differently of one block, node by node.

use std::collections::BTreeMap;

use keep_rules::Timestamp;
use serde::Serialize;

use crate::plan::diff::Difference;
use crate::plan::entry::{Entry, Fate};
use crate::plan::header::Header;
use crate::plan::slug::Slug;

/// What is ordered, or reported, of a block.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Kind {
    /// A copy to be made.
    Pull,
    /// A replica to be trashed.
    Trash,
    /// The block is lost. It is so on no node.
    Lost,
}

impl Kind {
    /// The word in JSON and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            Kind::Pull => "pull",
            Kind::Trash => "trash",
            Kind::Lost => "lost",
        }
    }
}

/// Something that only one of two plans orders, or that they order otherwise.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
pub struct Change {
    /// What it is.
    pub kind: Kind,
    /// The address of the node; none of a lost block.
    pub node: Option<String>,
    /// The UUID of the mount; none of a lost block.
    pub mount: Option<String>,
    /// The reason in the first plan, if that has it.
    pub first: Option<Slug>,
    /// The reason in the second plan, if that has it.
    pub second: Option<Slug>,
}

/// What an order says beside where it is: with the same reason it may still be another.
#[derive(PartialEq)]
enum Detail {
    From(Vec<String>),
    Of(Timestamp),
    Nothing,
}

type Orders = BTreeMap<(Kind, Option<String>, Option<String>), (Slug, Detail)>;

impl Difference {
    /// What the second plan orders otherwise than the first; nothing, if they only report other things. The headers are
    /// those of the two plans.
    pub fn changes(&self, first: &Header, second: &Header) -> Vec<Change> {
        let (a, b) = match self {
            Difference::OnlyInA(a) => (orders(a, first), Orders::new()),
            Difference::OnlyInB(b) => (Orders::new(), orders(b, second)),
            Difference::Changed { a, b } => (orders(a, first), orders(b, second)),
        };
        let mut places: Vec<_> = a.keys().chain(b.keys()).collect();
        places.sort_unstable();
        places.dedup();
        let changed = places.into_iter().filter(|place| a.get(*place) != b.get(*place));
        let reason =
            |orders: &Orders, place| orders.get(place).map(|(reason, _)| Slug::clone(reason));
        changed
            .map(|place| {
                let (kind, node, mount) = place.clone();
                Change { kind, node, mount, first: reason(&a, place), second: reason(&b, place) }
            })
            .collect()
    }
}

fn orders(entry: &Entry, header: &Header) -> Orders {
    let url = |server: u16| header.servers[usize::from(server)].url.clone();
    let place = |kind, mount: u16| {
        let mount = &header.mounts[usize::from(mount)];
        (kind, Some(url(mount.server)), Some(mount.uuid.clone()))
    };
    let mut orders = Orders::new();
    for replica in &entry.replicas {
        if let Fate::Trash { reason, .. } = &replica.fate {
            let detail = Detail::Of(replica.mtime);
            orders.insert(place(Kind::Trash, replica.mount), (reason.clone(), detail));
        }
    }
    for pull in &entry.pulls {
        let mut from: Vec<String> = pull.from.iter().map(|server| url(*server)).collect();
        from.sort_unstable();
        orders.insert(place(Kind::Pull, pull.to), (pull.reason.clone(), Detail::From(from)));
    }
    if let Some(reason) = &entry.lost {
        orders.insert((Kind::Lost, None, None), (reason.clone(), Detail::Nothing));
    }
    orders
}
