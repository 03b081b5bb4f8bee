//! Random clusters and blocks, in plain words, and how they are put to the decider.
//!
//! Small and nasty on purpose: shared devices, mixed access, odd replication, classes nobody offers, equal mtimes.

use keep_rules::balance::{
    Allows, BlockFacts, DeviceIndex, Layout, MountFacts, Place, Replica, ServerAccess, ServerFacts,
    Sizes, Standing, Wish, WishBook,
};
use keep_rules::{BlockHash, Replication, StorageClass, Timestamp};

use crate::random::Random;

/// Replicas before this instant are old.
pub(crate) const MIN_MTIME: i64 = 1_700_000_000_000_000_000;

#[derive(Debug)]
pub(crate) struct Cluster {
    pub(crate) servers: Vec<Server>,
    pub(crate) devices: Vec<Device>,
    /// As servers list them.
    pub(crate) views: Vec<View>,
}

#[derive(Debug)]
pub(crate) struct Server {
    pub(crate) uuid: String,
    pub(crate) read_only: bool,
}

#[derive(Debug)]
pub(crate) struct Device {
    pub(crate) uuid: String,
    pub(crate) replication: u32,
    pub(crate) classes: Vec<&'static str>,
}

#[derive(Clone, Copy, Debug)]
pub(crate) struct View {
    pub(crate) server: usize,
    pub(crate) device: usize,
    pub(crate) write: bool,
    pub(crate) trash: bool,
}

/// A block: where it is, and what is wanted of it.
#[derive(Clone, Debug)]
pub(crate) struct Block {
    pub(crate) hash: BlockHash,
    pub(crate) copies: Vec<Held>,
    /// Class and number, each class once.
    pub(crate) wish: Vec<(&'static str, u32)>,
    pub(crate) sizes: Sizes,
}

/// A replica on a device.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) device: usize,
    pub(crate) mtime: i64,
    pub(crate) doomed: bool,
}

const CLASSES: [&str; 3] = ["default", "archive", "special"];
/// Also wished for, but on no mount.
const WISHED: [&str; 4] = ["default", "archive", "special", "nowhere"];

impl Cluster {
    pub(crate) fn random(random: &mut Random) -> Self {
        let servers = 1 + random.below(6);
        let servers: Vec<Server> = (0..servers)
            .map(|at| Server {
                uuid: match random.below(12) {
                    0 => format!("zzzzz-bi6l4-{at:016x}"),
                    1 => format!("keep{at}"),
                    _ => format!("zzzzz-bi6l4-{at:015x}"),
                },
                read_only: random.percent(6),
            })
            .collect();
        let devices: Vec<Device> = (0..1 + random.below(7))
            .map(|at| Device {
                uuid: format!("zzzzz-nyw5e-{at:015x}"),
                replication: random.pick(&[1, 1, 1, 1, 2, 3]),
                classes: random_classes(random),
            })
            .collect();
        let mut views = Vec::new();
        for device in 0..devices.len() {
            let count = if random.percent(20) { 1 + random.below(3) } else { 1 };
            let mut on: Vec<usize> = (0..count).map(|_| random.below(servers.len())).collect();
            on.sort_unstable();
            on.dedup();
            for server in on {
                let (write, trash) = random.pick(&[
                    (true, true),
                    (true, true),
                    (true, true),
                    (true, true),
                    (true, true),
                    (false, true),
                    (false, false),
                    (true, false),
                ]);
                views.push(View { server, device, write, trash });
            }
        }
        Cluster { servers, devices, views }
    }

    pub(crate) fn facts(&self) -> Vec<ServerFacts> {
        let mount = |view: &View| MountFacts {
            uuid: self.devices[view.device].uuid.parse().expect("a name"),
            device_id: None,
            allows: match (view.write, view.trash) {
                (true, true) => Allows::WriteAndTrash,
                (true, false) => Allows::Write,
                (false, true) => Allows::Trash,
                (false, false) => Allows::Nothing,
            },
            replication: Replication::from_config(self.devices[view.device].replication.into()),
            classes: self.devices[view.device].classes.iter().map(|name| class(name)).collect(),
        };
        let server = |(at, server): (usize, &Server)| ServerFacts {
            uuid: server.uuid.clone(),
            url: format!("http://keep{at}"),
            access: if server.read_only { ServerAccess::ReadOnly } else { ServerAccess::ReadWrite },
            mounts: self.views.iter().filter(|view| view.server == at).map(mount).collect(),
        };
        self.servers.iter().enumerate().map(server).collect()
    }

    /// The views that are left after the clean-up of spec section 2.1, steps 6 and 11.
    pub(crate) fn clean(&self) -> Vec<View> {
        let written = |device| self.views.iter().any(|view| view.device == device && view.write);
        self.views
            .iter()
            .filter(|view| view.write || !written(view.device))
            .map(|view| View { write: view.write && !self.servers[view.server].read_only, ..*view })
            .collect()
    }
}

fn random_classes(random: &mut Random) -> Vec<&'static str> {
    match random.below(10) {
        0 => vec![],
        1 => CLASSES[..2].to_vec(),
        2 => CLASSES[1..].to_vec(),
        3 => vec!["archive"],
        4 => vec!["special"],
        _ => vec!["default"],
    }
}

fn class(name: &str) -> StorageClass {
    name.parse().expect("a name")
}

impl Block {
    pub(crate) fn random(random: &mut Random, cluster: &Cluster) -> Self {
        let share = 20 + random.below(70);
        let mut copies = Vec::new();
        for device in 0..cluster.devices.len() {
            if random.percent(share) {
                let mtime = random_mtime(random, device);
                copies.push(Held { device, mtime, doomed: random.percent(12) });
            }
        }
        Block {
            hash: BlockHash::from_bytes(
                [random.next().to_le_bytes(), random.next().to_le_bytes()]
                    .concat()
                    .try_into()
                    .expect("sixteen bytes"),
            ),
            copies,
            wish: random_wish(random),
            sizes: if random.percent(3) { Sizes::Differ } else { Sizes::Agree },
        }
    }

    pub(crate) fn wish(&self, book: &mut WishBook) -> Wish {
        let wanted: Vec<(StorageClass, u32)> =
            self.wish.iter().map(|(name, copies)| (class(name), *copies)).collect();
        let wanted = wanted.iter().map(|(class, copies)| (class, *copies));
        let id = book.intern(wanted).expect("few wishes");
        book.wish(id).clone()
    }

    /// The replicas as a run knows them that reads each device once.
    pub(crate) fn replicas(&self, numbers: &[DeviceIndex]) -> Vec<Replica> {
        let replica = |held: &Held| Replica {
            place: Place::Device(numbers[held.device]),
            mtime: Timestamp::from_nanos(held.mtime),
            standing: if held.doomed { Standing::Doomed } else { Standing::Sound },
        };
        self.copies.iter().map(replica).collect()
    }

    pub(crate) fn facts<'f>(&self, replicas: &'f [Replica], wish: &'f Wish) -> BlockFacts<'f> {
        BlockFacts {
            hash: self.hash,
            replicas,
            sizes: self.sizes,
            wish,
            min_mtime: Timestamp::from_nanos(MIN_MTIME),
        }
    }
}

/// Mostly old and different; now and then equal, new, or at the border.
fn random_mtime(random: &mut Random, device: usize) -> i64 {
    let own = i64::try_from(device).expect("few devices");
    match random.below(16) {
        0 | 1 => MIN_MTIME - 1_000,
        2 => MIN_MTIME - 2_000,
        3 => MIN_MTIME - 1,
        4 => MIN_MTIME,
        5 => MIN_MTIME + own,
        _ => MIN_MTIME - 1_000_000 + own,
    }
}

fn random_wish(random: &mut Random) -> Vec<(&'static str, u32)> {
    let number = |random: &mut Random| random.pick(&[0, 1, 1, 2, 2, 2, 3, 4, 9]);
    match random.below(10) {
        0 | 1 => vec![],
        2..=5 => vec![("default", number(random))],
        6 => vec![(random.pick(&WISHED), number(random))],
        _ => {
            let mut wish: Vec<_> = WISHED.iter().map(|class| (*class, number(random))).collect();
            let without = random.below(wish.len());
            wish.remove(without);
            if random.percent(60) {
                let without = random.below(wish.len());
                wish.remove(without);
            }
            wish
        }
    }
}

/// The index of each device of the cluster, or `None` of those that no server shows any more.
pub(crate) fn numbers(cluster: &Cluster, layout: &Layout) -> Vec<DeviceIndex> {
    let number = |device: &Device| {
        let found = layout
            .device_indexes()
            .find(|index| layout.device(*index).uuid().as_str() == device.uuid);
        found.expect("every device has a view")
    };
    cluster.devices.iter().map(number).collect()
}
