//! What makes a set of servers and mounts impossible to balance.

use crate::mount::{DeviceId, MountUuid};

/// A layout that cannot be: nothing may be decided on it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LayoutError {
    /// There is no server at all (spec section 2.4, D6).
    #[error(
        "there is no server to balance: check the list of keep services and where it came from"
    )]
    NoServer,
    /// No server has a mount (spec section 2.4, D6).
    #[error("no server has a mount: check the volumes in the cluster's configuration")]
    NoMount,
    /// A server without a name has no place in the rendezvous order.
    #[error("the server at {url} has no UUID: give it one, the same that clients use")]
    NamelessServer {
        /// Where the server is.
        url: String,
    },
    /// The same server twice: its lists would replace each other.
    #[error(
        "server {uuid} is listed twice, at {first} and at {second}: remove one of the two entries"
    )]
    ServerTwice {
        /// The UUID of both.
        uuid: String,
        /// The address of the first.
        first: String,
        /// The address of the second.
        second: String,
    },
    /// Two servers at one address: the list for one would replace the list for the other.
    #[error("servers {first} and {second} are both at {url}: correct the address of one")]
    AddressTwice {
        /// The address of both.
        url: String,
        /// The UUID of the first.
        first: String,
        /// The UUID of the second.
        second: String,
    },
    /// One server names the same mount twice.
    #[error(
        "server {server} lists mount {mount} twice: a volume may be mounted once on each server"
    )]
    MountTwice {
        /// The server's UUID.
        server: String,
        /// The mount's UUID.
        mount: MountUuid,
    },
    /// One disk under two volume UUIDs: its copies would count twice (spec section 2.4).
    #[error(
        "device {device} is configured as two volumes, {first} and {second}: each copy on it would count twice; remove one"
    )]
    DeviceTwice {
        /// What both say they are.
        device: DeviceId,
        /// The UUID of one volume.
        first: MountUuid,
        /// The UUID of the other.
        second: MountUuid,
    },
    /// Servers disagree on how many copies a volume stands for (spec section 2.4, D6).
    #[error(
        "volume {mount} has replication {first} on server {first_server} but {second} on server {second_server}: \
         let all servers use one configuration, and restart those that differ"
    )]
    ReplicationDiffers {
        /// The volume.
        mount: MountUuid,
        /// What one server says.
        first: u32,
        /// Its UUID.
        first_server: String,
        /// What another says.
        second: u32,
        /// Its UUID.
        second_server: String,
    },
    /// Servers disagree on the classes of a volume (spec section 2.4, D6).
    #[error(
        "volume {mount} has the classes {{{first}}} on server {first_server} but {{{second}}} on server {second_server}: \
         let all servers use one configuration, and restart those that differ"
    )]
    ClassesDiffer {
        /// The volume.
        mount: MountUuid,
        /// What one server says.
        first: String,
        /// Its UUID.
        first_server: String,
        /// What another says.
        second: String,
        /// Its UUID.
        second_server: String,
    },
    /// More than can be numbered.
    #[error("there are {count} {what}, more than the {limit} that can be balanced at once")]
    TooMany {
        /// Servers, mounts or storage classes.
        what: &'static str,
        /// How many there are.
        count: usize,
        /// How many there may be.
        limit: usize,
    },
}
