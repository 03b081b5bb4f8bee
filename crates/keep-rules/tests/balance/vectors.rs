//! The other vectors of `balance-cases.json`: orders, confirmed replication, aggregated wishes.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use keep_rules::balance::{
    Allows, DeviceIndex, Layout, MountFacts, ServerAccess, ServerFacts, WantedReplication,
    WishBook, WishId, confirmed_replication,
};
use keep_rules::{BlockHash, ClassSet, MountUuid, Replication};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    rendezvous_servers: Vec<ServerOrder>,
    rendezvous_mounts: Vec<MountOrder>,
    confirmed_replication: Confirmed,
    desired_aggregation: Vec<Aggregation>,
}

#[derive(Deserialize)]
struct ServerOrder {
    block: String,
    service_uuids: Vec<String>,
    order: Vec<String>,
}

#[derive(Deserialize)]
struct MountOrder {
    block: String,
    mount_uuids: Vec<String>,
    order: Vec<String>,
}

#[derive(Deserialize)]
struct Confirmed {
    mounts: Vec<ConfirmedMount>,
    queries: Vec<Query>,
}

#[derive(Deserialize)]
struct ConfirmedMount {
    id: String,
    replication: i64,
    classes: Vec<String>,
    blocks: Vec<String>,
}

#[derive(Deserialize)]
struct Query {
    blocks: Vec<String>,
    classes: Vec<String>,
    confirmed: u32,
}

#[derive(Deserialize)]
struct Aggregation {
    title: String,
    collections: Vec<Collection>,
    default_replication: u32,
    desired: BTreeMap<String, BTreeMap<String, u32>>,
}

#[derive(Deserialize)]
struct Collection {
    replication_desired: Option<i64>,
    storage_classes_desired: Option<Vec<String>>,
    blocks: Vec<String>,
}

static VECTORS: LazyLock<Vectors> = LazyLock::new(|| {
    serde_json::from_str(include_str!("../vectors/balance-cases.json"))
        .expect("the vectors are of this shape")
});

fn mount(uuid: &str, replication: i64, classes: &[String]) -> MountFacts {
    MountFacts {
        uuid: uuid.parse().expect("the vectors name things in full"),
        device_id: None,
        allows: Allows::WriteAndTrash,
        replication: Replication::from_config(replication),
        classes: class_set(classes),
    }
}

fn class_set(classes: &[String]) -> ClassSet {
    classes.iter().map(|class| class.parse().expect("the vectors name things in full")).collect()
}

fn server(uuid: &str, mounts: Vec<MountFacts>) -> ServerFacts {
    ServerFacts {
        uuid: uuid.to_owned(),
        url: format!("http://{uuid}:25107"),
        access: ServerAccess::ReadWrite,
        mounts,
    }
}

fn hash(block: &str) -> BlockHash {
    block[..32].parse().expect("the vectors name things in full")
}

#[test]
fn servers_are_ranked_as_everybody_ranks_them() {
    for case in &VECTORS.rendezvous_servers {
        let mounts = |uuid: &String| vec![mount(&format!("on-{uuid}"), 1, &[])];
        let servers = case.service_uuids.iter().map(|uuid| server(uuid, mounts(uuid)));
        let layout = Layout::new(servers.collect()).unwrap();
        let order = layout.server_order(hash(&case.block));
        let order: Vec<&str> = order.iter().map(|server| layout.server(*server).uuid()).collect();
        assert_eq!(order, case.order, "{}", case.block);
    }
}

#[test]
fn mounts_are_filled_in_the_order_of_the_reference() {
    for case in &VECTORS.rendezvous_mounts {
        let mounts = case.mount_uuids.iter().map(|uuid| mount(uuid, 1, &[])).collect();
        let layout = Layout::new(vec![server("server", mounts)]).unwrap();
        let server = layout.server_index(0).unwrap();
        let order = layout.mount_order(hash(&case.block), server);
        let order: Vec<&MountUuid> =
            order.iter().map(|mount| layout.mount(*mount).uuid()).collect();
        assert_eq!(
            order.iter().map(|uuid| uuid.as_str()).collect::<Vec<_>>(),
            case.order,
            "{}",
            case.block
        );
    }
}

#[test]
fn copies_are_confirmed_as_in_the_reference() {
    let given = &VECTORS.confirmed_replication;
    let mounts =
        given.mounts.iter().map(|given| mount(&given.id, given.replication, &given.classes));
    let layout = Layout::new(vec![server("server", mounts.collect())]).unwrap();
    let device = |id: &str| {
        let mount = layout.find_mount("server", id).unwrap();
        layout.mount(mount).device()
    };
    let devices = |block: &String| -> Vec<DeviceIndex> {
        let holding = given.mounts.iter().filter(|mount| mount.blocks.contains(block));
        // Each device twice, as if two servers had shown it.
        holding.flat_map(|mount| [device(&mount.id), device(&mount.id)]).collect()
    };
    for query in &given.queries {
        let blocks: Vec<Vec<DeviceIndex>> = query.blocks.iter().map(devices).collect();
        let confirm = |wanted| {
            let blocks = blocks.iter().map(Vec::as_slice);
            confirmed_replication(&layout, &class_set(&query.classes), wanted, blocks)
        };
        assert_eq!(confirm(u32::MAX), query.confirmed, "{:?}", query.blocks);
        assert_eq!(confirm(1), query.confirmed.min(1), "{:?}", query.blocks);
    }
}

#[test]
fn a_block_is_wanted_as_much_as_any_collection_wants_it() {
    for case in &VECTORS.desired_aggregation {
        let layout = Layout::new(vec![server(
            "server",
            (0..9).map(|at| mount(&format!("disk-{at}"), 1, &[])).collect(),
        )]);
        let layout = layout.unwrap();
        let mut book = WishBook::new(&layout);
        let mut wishes: BTreeMap<&str, Vec<WishId>> = BTreeMap::new();
        for collection in &case.collections {
            let copies =
                WantedReplication::read(collection.replication_desired, case.default_replication);
            let classes = class_set(collection.storage_classes_desired.as_deref().unwrap_or(&[]));
            let wish = book.of_collection(&classes, copies.copies()).unwrap();
            for block in &collection.blocks {
                wishes.entry(block).or_default().push(wish);
            }
        }
        for (block, desired) in &case.desired {
            let found = book.max_of(wishes[block.as_str()].iter().copied()).unwrap();
            let found: BTreeMap<String, u32> = book
                .wish(found)
                .needs()
                .iter()
                .map(|need| (book.class(need.class).to_string(), need.copies))
                .collect();
            assert_eq!(found, *desired, "{}: {block}", case.title);
        }
    }
}
