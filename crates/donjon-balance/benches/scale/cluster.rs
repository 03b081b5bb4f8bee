//! A cluster made up from numbers: the same each time, and nothing of it is kept.

use std::time::Duration;

use donjon_balance::layout::layout;
use donjon_balance::runs::{DoomedRecord, ReferenceRecord, ReplicaRecord};
use donjon_balance::servers::ServerFacts;
use keep_protocol::mounts::MountDescription;
use keep_rules::balance::{Layout, ServerIndex, WishBook, WishId};
use keep_rules::{BlockHash, ClassSet, Timestamp};

use crate::Outcome;

/// What is older may go.
pub(crate) const MIN_MTIME: Timestamp = Timestamp::from_seconds(1_700_000_000);

/// Servers with a volume each, and blocks.
pub(crate) struct Cluster {
    pub(crate) servers: Vec<ServerFacts>,
    pub(crate) layout: Layout,
    pub(crate) book: WishBook,
    pub(crate) two: WishId,
    pub(crate) blocks: u64,
}

/// How a block stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    /// Two are wanted, and two are at the best places.
    Best,
    /// One is missing.
    Short,
    /// There is one too many.
    Excess,
    /// Both are at other places.
    Misplaced,
    /// Nobody wants it.
    Garbage,
}

/// How many of a thousand blocks are so, and at which ranks their replicas are.
const KINDS: [(Kind, u64, &[usize]); 5] = [
    (Kind::Best, 910, &[0, 1]),
    (Kind::Short, 20, &[1]),
    (Kind::Excess, 15, &[0, 1, 3]),
    (Kind::Misplaced, 5, &[2, 3]),
    (Kind::Garbage, 50, &[0, 1]),
];

/// Replicas of a thousand blocks.
const REPLICAS_OF_1000: u64 = 910 * 2 + 20 + 15 * 3 + 5 * 2 + 50 * 2;

impl Cluster {
    pub(crate) fn new(servers: u16, replicas: u64) -> Outcome<Self> {
        let servers: Vec<ServerFacts> = (0..servers).map(server).collect();
        let layout = layout(&servers)?;
        let mut book = WishBook::new(&layout);
        let two = book.of_collection(&ClassSet::from_header("default"), 2)?;
        // Whole thousands, so that every kind has its share.
        let blocks = (replicas / REPLICAS_OF_1000).max(1) * 1000;
        Ok(Cluster { servers, layout, book, two, blocks })
    }

    pub(crate) fn replicas(&self) -> u64 {
        self.blocks / 1000 * REPLICAS_OF_1000
    }

    /// How many blocks are so.
    pub(crate) fn count(&self, kind: Kind) -> u64 {
        let share = KINDS.iter().find(|(of, _, _)| *of == kind);
        self.blocks / 1000 * share.map_or(0, |(_, share, _)| *share)
    }

    /// The hash of the block of that number: looks random.
    pub(crate) fn hash(number: u64) -> BlockHash {
        let bits = u128::from(mix(number)) << 64 | u128::from(mix(!number));
        BlockHash::from_bytes(bits.to_be_bytes())
    }

    /// The replicas of a block.
    pub(crate) fn replicas_of(&self, number: u64, mut each: impl FnMut(ReplicaRecord)) {
        let hash = Self::hash(number);
        let order = self.layout.server_order(hash);
        for rank in kind(number).1 {
            let device = self.device(order[*rank]);
            let age = Duration::from_nanos(1 + number * 8 + *rank as u64);
            let mtime = MIN_MTIME.before(age);
            each(ReplicaRecord { hash, size: size(number), device, mtime });
        }
    }

    fn device(&self, server: ServerIndex) -> u16 {
        let mut mounts = self.layout.server(server).mounts();
        let mount = mounts.next().expect("each server has one");
        self.layout.mount(mount).device().get()
    }

    /// The reference to a block, if there is one.
    pub(crate) fn reference_of(&self, number: u64) -> Option<ReferenceRecord> {
        (kind(number).0 != Kind::Garbage).then(|| ReferenceRecord {
            hash: Self::hash(number),
            size: size(number),
            wish: self.two.get(),
        })
    }

    /// The replicas of a block that are on a list already: of every tenth garbage block.
    pub(crate) fn doomed_of(&self, number: u64, mut each: impl FnMut(DoomedRecord)) {
        if kind(number).0 == Kind::Garbage && number.is_multiple_of(10) {
            self.replicas_of(number, |ReplicaRecord { hash, mtime, device, .. }| {
                // One volume on each server: mounts and devices have the same numbers.
                each(DoomedRecord { hash, mtime, mount: device });
            });
        }
    }
}

fn server(number: u16) -> ServerFacts {
    let uuid = format!("zzzzz-nyw5e-{number:015x}");
    let mount = MountDescription {
        medium: None,
        device_id: uuid.clone(),
        uuid,
        allow_write: true,
        allow_trash: true,
        replication: 1,
        storage_classes: [("default".to_owned(), true)].into(),
    };
    ServerFacts {
        uuid: format!("zzzzz-bi6l4-{number:015x}"),
        url: format!("http://keep{number}:25107"),
        mounts: vec![mount],
    }
}

fn kind(number: u64) -> (Kind, &'static [usize]) {
    let mut part = number % 1000;
    for (kind, share, ranks) in KINDS {
        if part < share {
            return (kind, ranks);
        }
        part -= share;
    }
    unreachable!("the shares are a thousand together")
}

fn size(number: u64) -> u32 {
    1 + u32::try_from(mix(number) >> 38).expect("26 bits")
}

/// Numbers that look random (SplitMix64).
fn mix(number: u64) -> u64 {
    let mut bits = number.wrapping_add(1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    bits = (bits ^ (bits >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    bits = (bits ^ (bits >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    bits ^ (bits >> 31)
}
