//! Headers, entries and plans to test with.

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use donjon_balance::plan::{
    BlockName, Considered, Entry, FORMAT, Fate, Header, IndexInput, Inputs, Limits, Mount,
    MountAccess, PlanReader, PlanWriter, Pull, ReferenceInput, Replica, Salt, Server, Sha256Digest,
    Slug,
};
use keep_rules::{BlockHash, Timestamp};
use proptest::prelude::*;
use serde_json::{Map, Value};

/// M of every plan here.
pub(crate) const MIN_MTIME: Timestamp = Timestamp::from_nanos(1_000);

/// Three servers; mounts 0 to 3 can be written and trashed, of which 3 is on server 1 like 2; 4 cannot be trashed, 5 can
/// only be trashed.
pub(crate) fn header() -> Header {
    let server = |number| Server {
        uuid: format!("zzzzz-bi6l4-00000000000000{number}"),
        url: format!("http://keep{number}:25107/"),
    };
    let mount = |(number, server, access)| Mount {
        uuid: format!("zzzzz-nyw5e-00000000000000{number}"),
        server,
        access,
        replication: 1,
        classes: vec!["default".to_owned()],
        medium: None,
    };
    let mounts = [
        (0, 0, MountAccess::ReadWrite),
        (1, 0, MountAccess::ReadWrite),
        (2, 1, MountAccess::ReadWrite),
        (3, 1, MountAccess::ReadWrite),
        (4, 2, MountAccess::ReadAndWrite),
        (5, 2, MountAccess::ReadAndTrash),
    ];
    let index = |mount: &Mount| IndexInput {
        device: mount.uuid.clone(),
        via: mount.server,
        replicas: 17,
        bytes: 1024,
        sha256: Sha256Digest([7; 32]),
        end_mark: true,
    };
    let mounts: Vec<Mount> = mounts.into_iter().map(mount).collect();
    let references = ReferenceInput {
        kind: "manifest_store".to_owned(),
        name: "/srv/manifests".to_owned(),
        collections: 3,
        references: 99,
        sha256: None,
        generation: Some(12),
    };
    Header {
        format: FORMAT,
        donjon: "0.1.0".to_owned(),
        id: "2026-07-01-1".to_owned(),
        made_at: Timestamp::from_seconds(1_800_000_000),
        t0: Timestamp::from_seconds(1_799_999_999),
        min_mtime: MIN_MTIME,
        signature_ttl: 1_209_600_000_000_000,
        policy: Map::from_iter([("class_first".to_owned(), Value::Bool(false))]),
        salt: Salt(0x0123_4567_89ab_cdef),
        limits: Limits { pulls: 100_000, trashes: 100_000 },
        servers: (0..3).map(server).collect(),
        inputs: Inputs {
            indexes: mounts.iter().map(index).collect(),
            references: vec![references],
        },
        mounts,
    }
}

pub(crate) fn hash(number: u64) -> BlockHash {
    let bits = u128::from(number.wrapping_mul(0x9e37_79b9_7f4a_7c15)) << 64 | u128::from(number);
    BlockHash::from_bytes(bits.to_be_bytes())
}

pub(crate) fn entry(hash: BlockHash) -> Entry {
    Entry {
        block: BlockName { hash, size: 3 },
        wanted: BTreeMap::new(),
        replicas: Vec::new(),
        pulls: Vec::new(),
        lost: None,
        report: Vec::new(),
    }
}

pub(crate) fn trashed(mount: u16, mtime: i64, order: u64) -> Replica {
    let fate = Fate::Trash { reason: Slug::of("unreferenced"), order };
    Replica { mount, mtime: Timestamp::from_nanos(mtime), size: None, doomed: false, fate }
}

pub(crate) fn kept(mount: u16, mtime: i64) -> Replica {
    let fate = Fate::Keep { reason: Slug::of("wanted") };
    Replica { mount, mtime: Timestamp::from_nanos(mtime), size: None, doomed: false, fate }
}

pub(crate) fn pull(to: u16, from: &[u16], order: u64) -> Pull {
    Pull { to, from: from.to_vec(), reason: Slug::of("under_replicated"), order }
}

pub(crate) fn considered() -> Considered {
    Considered { blocks: 1000, referenced_blocks: 900 }
}

pub(crate) fn statistics() -> Map<String, Value> {
    Map::from_iter([("lost_blocks".to_owned(), Value::from(3))])
}

/// Writes a plan of these entries.
pub(crate) fn write(path: &Path, header: Header, entries: &[Entry]) -> Sha256Digest {
    let mut writer = PlanWriter::create(path, header).unwrap();
    entries.iter().for_each(|entry| writer.push(entry).unwrap());
    writer.finish(considered(), statistics()).unwrap()
}

/// A directory in memory, because plans are synced.
pub(crate) fn quick_directory() -> tempfile::TempDir {
    tempfile::tempdir_in("/dev/shm").or_else(|_error| tempfile::tempdir()).unwrap()
}

/// A plan in a directory that goes with it.
pub(crate) struct Given {
    pub(crate) directory: tempfile::TempDir,
    pub(crate) path: PathBuf,
    pub(crate) digest: Sha256Digest,
}

pub(crate) fn plan(header: Header, entries: &[Entry]) -> Given {
    let directory = quick_directory();
    let path = directory.path().join("plan.jsonl");
    let digest = write(&path, header, entries);
    Given { directory, path, digest }
}

pub(crate) fn read(path: &Path) -> Result<Vec<Entry>, donjon_balance::plan::PlanError> {
    let mut reader = PlanReader::open(path)?;
    let mut entries = Vec::new();
    while let Some(entry) = reader.next_entry()? {
        entries.push(entry);
    }
    Ok(entries)
}

fn slug() -> impl Strategy<Value = Slug> {
    prop_oneof![
        Just(Slug::of("wanted_here")),
        Just(Slug::of("excess")),
        "[a-z0-9_-]{1,12}".prop_map(|text| text.parse().unwrap()),
    ]
}

prop_compose! {
    /// What the rules of plans allow: only old replicas on mounts that allow it are trashed, each mtime once.
    fn replicas()(
        drafts in prop::collection::vec(
            (0_u16..6, 995_i64..1005, prop::option::weighted(0.05, 0_u32..9), any::<bool>(), any::<bool>(), slug(), 0_u64..4),
            0..5,
        ),
    ) -> Vec<Replica> {
        let mut seen = BTreeSet::new();
        let sizes_differ = drafts.iter().any(|draft| draft.2.is_some());
        drafts.into_iter().map(|(mount, mtime, size, doomed, trash, reason, order)| {
            let mtime = Timestamp::from_nanos(mtime);
            let trash = trash && !sizes_differ && mount != 4 && mtime < MIN_MTIME && seen.insert(mtime);
            let fate = if trash { Fate::Trash { reason, order } } else { Fate::Keep { reason } };
            Replica { mount, mtime, size, doomed, fate }
        }).collect()
    }
}

prop_compose! {
    fn pulls()(
        to in prop::collection::btree_set(0_u16..5, 0..3),
        from in Just([0_u16, 1, 2]).prop_shuffle(),
        sources in 1_usize..4,
        reason in slug(),
        order in 0_u64..4,
    ) -> Vec<Pull> {
        let pull = |to| Pull { to, from: from[..sources].to_vec(), reason: reason.clone(), order };
        to.into_iter().map(pull).collect()
    }
}

prop_compose! {
    fn any_entry()(
        first: u8,
        size in prop_oneof![Just(3_u32), 0_u32..=67_108_864],
        wanted in prop::collection::btree_map("[a-z\"é\\\\]{1,6}", 0_u32..5, 0..3),
        replicas in replicas(),
        pulls in pulls(),
        lost in prop::option::weighted(0.2, slug()),
        report in prop::collection::vec(slug(), 0..2),
    ) -> Entry {
        let hash = BlockHash::from_bytes([first; 16]);
        Entry { block: BlockName { hash, size }, wanted, replicas, pulls, lost, report }
    }
}

/// Entries as a plan has them: ascending, no block twice.
pub(crate) fn entries(most: usize) -> impl Strategy<Value = Vec<Entry>> {
    prop::collection::vec(any_entry(), 0..most).prop_map(|mut entries| {
        entries.sort_by_key(|entry| entry.block.hash);
        entries.dedup_by_key(|entry| entry.block.hash);
        entries
    })
}
