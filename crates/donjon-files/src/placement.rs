//! Who is asked next to keep a block, and when it has enough copies. Decides; does nothing.
//!
//! A node of ours says on which mounts it has stored copies: two on one device are one, and the node is asked again for one on
//! another of its devices. A plain keepstore only says how many there are. Then a copy counts if it cannot be on a device of
//! another that counts. A volume that keeps several copies itself counts as so many.

use std::collections::{BTreeSet, VecDeque};
use std::num::NonZeroU32;
use std::time::Duration;

use keep_protocol::client::{ClientError, Stored};

use crate::apart::most_apart;
use crate::devices::{Device, Devices};

/// How long to wait before nodes that failed are asked again: each time once.
const PAUSES: [Duration; 2] = [Duration::from_secs(1), Duration::from_secs(4)];

/// What is wanted of every block.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wish {
    /// How many copies; in each of the storage classes, if there are any.
    pub replication: NonZeroU32,
    /// Storage classes. None: wherever a node puts it.
    pub classes: Vec<String>,
}

/// Where one block stands.
#[derive(Debug)]
pub(crate) struct Placement<'a> {
    wish: &'a Wish,
    /// By node.
    devices: Vec<&'a Devices>,
    /// Nodes that are still to be asked, the best first.
    ask: VecDeque<usize>,
    in_flight: u64,
    holders: Vec<Holder>,
    failures: Vec<(usize, ClientError)>,
    rounds: usize,
    /// Nodes that could not store it on another of their devices.
    exhausted: BTreeSet<usize>,
}

/// A node that has confirmed the block; once for each time.
#[derive(Debug)]
struct Holder {
    server: usize,
    /// The mounts that have it, if the node says.
    on: Vec<String>,
    copies: u64,
    /// The same by wanted class, in the order of the wish.
    by_class: Vec<u64>,
}

/// A node to ask, and the classes that it should put the block into.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Asking {
    pub(crate) server: usize,
    pub(crate) classes: Vec<String>,
    /// Mounts whose devices have it already.
    pub(crate) not_on: Vec<String>,
}

impl<'a> Placement<'a> {
    /// Nothing is stored. `order` is the order in which nodes are asked; `devices` is of each node.
    pub(crate) fn new(wish: &'a Wish, devices: Vec<&'a Devices>, order: Vec<usize>) -> Self {
        Placement {
            wish,
            devices,
            ask: order.into(),
            in_flight: 0,
            holders: Vec::new(),
            failures: Vec::new(),
            rounds: 0,
            exhausted: BTreeSet::new(),
        }
    }

    /// The next node to ask now, if the copies that are there or on their way may be too few.
    pub(crate) fn next(&mut self) -> Option<Asking> {
        if self.missing() <= self.in_flight {
            return None;
        }
        let server = self.ask.pop_front().or_else(|| self.has_another_device())?;
        self.in_flight += 1;
        Some(Asking { server, classes: self.missing_classes(), not_on: self.not_on(server) })
    }

    /// Once nobody is left: a node that has the block, says where, and has another device for it.
    fn has_another_device(&self) -> Option<usize> {
        if self.in_flight > 0 {
            return None;
        }
        let classes = self.missing_classes();
        let may_help =
            |device: &Device| classes.is_empty() || classes.iter().any(|class| device.is_of(class));
        let has_another = |server: &usize| match self.devices[*server] {
            // Whoever says where may well have another.
            Devices::Silent | Devices::NoIds => true,
            Devices::Named(devices) => {
                let not_on = self.not_on(*server);
                let is_free = |device: &&Device| !not_on.iter().any(|not| not == device.mount());
                devices.iter().filter(is_free).any(may_help)
            }
        };
        let says_where = self.holders.iter().filter(|holder| !holder.on.is_empty());
        let mut servers = says_where.map(|holder| holder.server);
        servers.find(|server| !self.exhausted.contains(server) && has_another(server))
    }

    /// The mounts of a node whose devices have the block already, as far as nodes have said where they stored it.
    fn not_on(&self, server: usize) -> Vec<String> {
        let known = self.holders.iter().flat_map(|holder| {
            holder
                .on
                .iter()
                .map(|mount| (mount.as_str(), self.devices[holder.server].behind(mount)))
        });
        let mut mounts = BTreeSet::new();
        for (mount, device) in known {
            mounts.insert(mount);
            let same = self.devices[server]
                .named()
                .iter()
                .filter(|own| device.is_some_and(|device| device.id() == own.id()));
            mounts.extend(same.map(Device::mount));
        }
        mounts.into_iter().map(str::to_owned).collect()
    }

    /// A node has confirmed the block.
    pub(crate) fn stored(&mut self, server: usize, stored: &Stored) {
        self.in_flight -= 1;
        let of_class = |class: &String| {
            let confirmed = stored.classes.iter().filter(|(confirmed, _)| confirmed == class);
            confirmed.map(|(_, copies)| *copies).sum()
        };
        let by_class = self.wish.classes.iter().map(of_class).collect();
        let (copies, on) = (stored.replicas, stored.on.clone());
        let is_new = |mount: &String| !self.holders.iter().any(|holder| holder.on.contains(mount));
        if self.holders.iter().any(|holder| holder.server == server) && !on.iter().any(is_new) {
            self.exhausted.insert(server);
        }
        self.holders.push(Holder { server, on, copies, by_class });
    }

    /// A node has not.
    pub(crate) fn failed(&mut self, server: usize, error: ClientError) {
        self.in_flight -= 1;
        if self.holders.iter().any(|holder| holder.server == server) {
            self.exhausted.insert(server);
        }
        self.failures.push((server, error));
    }

    /// Once nobody is left to ask: how long to wait before those are asked again that may do better. `None`: it has enough,
    /// or nobody would.
    pub(crate) fn again(&mut self) -> Option<Duration> {
        let pause = *PAUSES.get(self.rounds)?;
        if self.missing() == 0 {
            return None;
        }
        self.rounds += 1;
        let failures = std::mem::take(&mut self.failures);
        let (again, for_good): (Vec<_>, Vec<_>) =
            failures.into_iter().partition(|(_, error)| error.may_pass());
        self.failures = for_good;
        self.ask.extend(again.iter().map(|(server, _)| *server));
        (!self.ask.is_empty()).then_some(pause)
    }

    /// How many copies are missing, where most are.
    pub(crate) fn missing(&self) -> u64 {
        let wanted = u64::from(self.wish.replication.get());
        let by_class = (0..self.wish.classes.len()).map(|class| self.copies_in(class));
        wanted.saturating_sub(by_class.min().unwrap_or_else(|| self.copies()))
    }

    /// How many copies there are, on a device each.
    pub(crate) fn copies(&self) -> u64 {
        self.apart(None, |holder| holder.copies)
    }

    /// Copies that nodes have confirmed and that do not count: each may be on a device that has another.
    pub(crate) fn copies_beside_others(&self) -> u64 {
        self.holders.iter().map(|holder| holder.copies).sum::<u64>() - self.copies()
    }

    /// The classes that have too few.
    pub(crate) fn missing_classes(&self) -> Vec<String> {
        let wanted = u64::from(self.wish.replication.get());
        let short = (0..).zip(&self.wish.classes).filter(|(of, _)| self.copies_in(*of) < wanted);
        short.map(|(_, class)| class.clone()).collect()
    }

    /// The nodes that have confirmed the block, and never said which devices they write to.
    pub(crate) fn silent_holders(&self) -> Vec<usize> {
        let unsaid = self.holders.iter().filter(|holder| holder.on.is_empty());
        let holders = unsaid.map(|holder| holder.server);
        holders.filter(|server| *self.devices[*server] == Devices::Silent).collect()
    }

    /// The nodes that have it, and what the others said.
    pub(crate) fn into_ends(self) -> (Vec<usize>, Vec<(usize, ClientError)>) {
        let mut holders: Vec<usize> = Vec::new();
        for holder in self.holders {
            if !holders.contains(&holder.server) {
                holders.push(holder.server);
            }
        }
        (holders, self.failures)
    }

    fn copies_in(&self, class: usize) -> u64 {
        self.apart(Some(&self.wish.classes[class]), |holder| holder.by_class[class])
    }

    /// The copies of nodes no two of which may share a device: the most that there surely are.
    fn apart(&self, class: Option<&str>, copies: impl Fn(&Holder) -> u64) -> u64 {
        let copies: Vec<u64> = self.holders.iter().map(copies).collect();
        most_apart(&copies, |one, other| {
            self.may_share(&self.holders[one], &self.holders[other], class)
        })
    }

    /// Whether copies of these two may be on one device; both in this storage class, if there is one.
    fn may_share(&self, one: &Holder, other: &Holder, class: Option<&str>) -> bool {
        let (of_one, of_other) = (self.devices[one.server], self.devices[other.server]);
        if one.on.is_empty() || other.on.is_empty() {
            return of_one.share_one(of_other, class);
        }
        let places =
            |holder: &'_ Holder, devices: &'a Devices| -> Vec<(String, Option<&'a Device>)> {
                let all = holder.on.iter().map(|mount| (mount.clone(), devices.behind(mount)));
                let is_of = |device: &Device| class.is_none_or(|class| device.is_of(class));
                all.filter(|(_, device)| device.is_none_or(is_of)).collect()
            };
        let there = places(other, of_other);
        places(one, of_one).iter().any(|(mount, device)| {
            let is_same = |(_, another): &(String, Option<&Device>)| {
                device.zip(*another).is_some_and(|(device, another)| device.id() == another.id())
            };
            there.iter().any(|place| place.0 == *mount || is_same(place))
        })
    }
}

#[cfg(test)]
mod tests {
    use keep_protocol::mounts::MountDescription;
    use keep_rules::BlockHash;

    use super::*;

    fn wish(replication: u32, classes: &[&str]) -> Wish {
        let classes = classes.iter().map(|class| (*class).to_owned()).collect();
        Wish { replication: NonZeroU32::new(replication).unwrap(), classes }
    }

    fn stored(replicas: u64, classes: &[(&str, u64)]) -> Stored {
        Stored {
            locator: BlockHash::EMPTY.to_string().parse().unwrap(),
            replicas,
            classes: classes.iter().map(|(class, count)| ((*class).to_owned(), *count)).collect(),
            on: Vec::new(),
        }
    }

    fn unreachable() -> ClientError {
        ClientError::Unreachable { doing: "connecting failed".to_owned(), source: None }
    }

    /// Four nodes that name no devices.
    fn placement(wish: &Wish, order: Vec<usize>) -> Placement<'_> {
        Placement::new(wish, vec![&Devices::NoIds; 4], order)
    }

    fn devices(ids: &[&str]) -> Devices {
        let mount = |id: &&str| MountDescription {
            medium: None,
            uuid: format!("mount of {id:?}"),
            device_id: (*id).to_owned(),
            allow_write: true,
            allow_trash: true,
            replication: 1,
            storage_classes: [("default".to_owned(), true)].into(),
        };
        Devices::of(&ids.iter().map(mount).collect::<Vec<_>>())
    }

    fn asked(placement: &mut Placement<'_>) -> Vec<usize> {
        std::iter::from_fn(|| placement.next()).map(|asking| asking.server).collect()
    }

    #[test]
    fn as_many_nodes_are_asked_at_once_as_copies_are_missing() {
        let wish = wish(2, &[]);
        let mut placement = placement(&wish, vec![3, 1, 2]);
        assert_eq!(asked(&mut placement), [3, 1]);
        placement.stored(1, &stored(1, &[]));
        assert!(asked(&mut placement).is_empty());
        placement.failed(3, ClientError::NotFound);
        assert_eq!(
            asked(&mut placement),
            [2],
            "the next one takes the place of the one that failed"
        );
        placement.stored(2, &stored(1, &[]));
        assert_eq!((placement.missing(), placement.again()), (0, None));
        assert_eq!(placement.into_ends().0, [1, 2]);
    }

    #[test]
    fn a_node_that_stores_several_copies_counts_as_that_many() {
        let wish = wish(3, &[]);
        let mut placement = placement(&wish, vec![0]);
        assert_eq!(asked(&mut placement), [0]);
        placement.stored(0, &stored(3, &[]));
        assert_eq!(placement.missing(), 0);
    }

    #[test]
    fn nodes_that_may_do_better_are_asked_again_and_others_are_not() {
        let wish = wish(2, &[]);
        let mut placement = placement(&wish, vec![0, 1]);
        assert_eq!(asked(&mut placement), [0, 1]);
        placement.failed(0, unreachable());
        placement.failed(1, ClientError::NotFound);
        assert_eq!(placement.again(), Some(PAUSES[0]));
        assert_eq!(asked(&mut placement), [0]);
        placement.failed(0, unreachable());
        assert_eq!(placement.again(), Some(PAUSES[1]));
        assert_eq!(asked(&mut placement), [0]);
        placement.failed(0, unreachable());
        assert_eq!((placement.again(), placement.missing()), (None, 2));
    }

    #[test]
    fn a_class_that_nobody_confirms_is_missing() {
        let wish = wish(1, &["fast", "safe"]);
        let mut placement = placement(&wish, vec![0, 1, 2]);
        assert_eq!(placement.next().unwrap().classes, ["fast", "safe"]);
        placement.stored(0, &stored(1, &[("safe", 1)]));
        assert_eq!(
            placement.next().unwrap(),
            Asking { server: 1, classes: vec!["fast".to_owned()], not_on: Vec::new() }
        );
        placement.stored(1, &stored(5, &[]));
        assert_eq!(placement.missing(), 1, "an answer without classes confirms none");
        assert_eq!(placement.next().unwrap().server, 2);
        placement.stored(2, &stored(1, &[("fast", 1)]));
        assert_eq!(placement.missing(), 0);
    }

    #[test]
    fn two_copies_that_may_be_on_one_device_are_one() {
        let of = [&["a", "b"][..], &["b"], &["c"], &[""]].map(devices);
        let check = |replicas: [u64; 4], copies, beside| {
            let wish = wish(9, &[]);
            let mut placement = Placement::new(&wish, of.iter().collect(), vec![0, 1, 2, 3]);
            for (server, replicas) in replicas.into_iter().enumerate() {
                placement.next().unwrap();
                placement.stored(server, &stored(replicas, &[]));
            }
            assert_eq!((placement.copies(), placement.copies_beside_others()), (copies, beside));
        };
        check([1, 1, 0, 0], 1, 1);
        check([1, 2, 0, 0], 2, 1);
        check([1, 0, 1, 0], 2, 0);
        check([0, 1, 1, 1], 3, 0);
        check([0, 0, 2, 2], 4, 0);
    }

    #[test]
    fn copies_that_are_surely_apart_count_whoever_confirms_first() {
        let of = [&["d0", "d1"][..], &["d0"], &["d1"]].map(devices);
        for order in [[0, 1, 2], [0, 2, 1], [1, 0, 2], [1, 2, 0], [2, 0, 1], [2, 1, 0]] {
            let wish = wish(2, &[]);
            let mut placement = Placement::new(&wish, of.iter().collect(), order.to_vec());
            while let Some(asking) = placement.next() {
                placement.stored(asking.server, &stored(1, &[]));
            }
            assert_eq!((placement.missing(), placement.copies()), (0, 2), "{order:?}");
        }
    }

    #[test]
    fn a_copy_of_a_silent_node_counts_beside_no_other() {
        let named = devices(&["a"]);
        let wish = wish(2, &[]);
        let all = vec![&Devices::Silent, &named, &Devices::NoIds];
        let mut placement = Placement::new(&wish, all, vec![0, 1, 2]);
        for server in [0, 1] {
            placement.next().unwrap();
            placement.stored(server, &stored(1, &[]));
        }
        assert_eq!((placement.copies(), placement.silent_holders()), (1, vec![0]));
        assert_eq!(placement.next().unwrap().server, 2, "another one is asked");
        placement.stored(2, &stored(1, &[]));
        assert_eq!(placement.missing(), 0, "the two others are apart");
    }

    fn on(mounts: &[&str]) -> Stored {
        let on = mounts.iter().map(|mount| format!("mount of {mount:?}")).collect();
        Stored { on, ..stored(1, &[("default", 1)]) }
    }

    #[test]
    fn nodes_that_share_volumes_are_asked_again_for_another_one() {
        for classes in [&[][..], &["default"]] {
            let wish = wish(2, classes);
            let of = [&["a", "shared"][..], &["b", "shared"]].map(devices);
            let mut placement = Placement::new(&wish, of.iter().collect(), vec![0, 1]);
            assert_eq!(asked(&mut placement), [0, 1]);
            placement.stored(0, &on(&["shared"]));
            assert!(asked(&mut placement).is_empty(), "the other one may have stored it elsewhere");
            placement.stored(1, &on(&["shared"]));
            assert_eq!((placement.copies(), placement.copies_beside_others()), (1, 1));
            let again = placement.next().unwrap();
            assert_eq!(
                (again.server, again.not_on.as_slice()),
                (0, &["mount of \"shared\"".to_owned()][..])
            );
            placement.failed(0, ClientError::NotFound);
            assert_eq!(placement.next().unwrap().server, 1, "the first one could not");
            placement.stored(1, &on(&["b"]));
            assert_eq!((placement.missing(), placement.next()), (0, None));
            assert_eq!(placement.into_ends().0, [0, 1]);
        }
    }

    #[test]
    fn copies_on_mounts_that_are_told_are_apart_though_nodes_share_others() {
        let wish = wish(2, &[]);
        let of = [&["a", "shared"][..], &["b", "shared"]].map(devices);
        let mut placement = Placement::new(&wish, of.iter().collect(), vec![0, 1]);
        assert_eq!(asked(&mut placement), [0, 1]);
        placement.stored(0, &on(&["a"]));
        placement.stored(1, &on(&["shared"]));
        assert_eq!(placement.missing(), 0);
    }

    #[test]
    fn a_node_that_stores_on_the_same_mount_for_ever_is_not_asked_for_ever() {
        let wish = wish(2, &[]);
        for silent in [Devices::Silent, devices(&["a", "b"])] {
            let mut placement = Placement::new(&wish, vec![&silent], vec![0]);
            for _ in 0..2 {
                assert_eq!(placement.next().unwrap().server, 0);
                placement.stored(0, &on(&["a"]));
            }
            assert_eq!((placement.next(), placement.missing()), (None, 1));
        }
    }

    #[test]
    fn another_node_is_asked_where_the_second_copy_was_on_the_same_device() {
        let of = [&["a"][..], &["a"], &["b"]].map(devices);
        for classes in [&[][..], &["default"]] {
            let wish = wish(2, classes);
            let confirmed = stored(1, &[("default", 1)]);
            let mut placement = Placement::new(&wish, of.iter().collect(), vec![0, 1, 2]);
            assert_eq!(asked(&mut placement), [0, 1]);
            placement.stored(0, &confirmed);
            placement.stored(1, &confirmed);
            assert_eq!(asked(&mut placement), [2]);
            placement.stored(2, &confirmed);
            assert_eq!((placement.missing(), placement.again()), (0, None));
        }
    }
}
