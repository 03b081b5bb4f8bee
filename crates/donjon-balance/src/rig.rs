//! What tests balance.

use keep_rules::balance::{Allows, Layout, MountFacts, ServerAccess, ServerFacts};
use keep_rules::{ClassSet, Replication};

/// Three servers, each with a mount of the default class that keeps one copy.
pub(crate) fn layout() -> Layout {
    layout_of(3, |_| (Replication::ONE, "default"))
}

/// So many servers, each with a mount that keeps so many copies in these classes.
pub(crate) fn layout_of(
    servers: u16,
    mount: impl Fn(u16) -> (Replication, &'static str),
) -> Layout {
    let server = |at: u16| {
        let (replication, classes) = mount(at);
        ServerFacts {
            uuid: format!("server-{at}"),
            url: format!("http://keep{at}:25107"),
            access: ServerAccess::ReadWrite,
            mounts: vec![MountFacts {
                uuid: format!("mount-{at}").parse().unwrap(),
                device_id: None,
                allows: Allows::WriteAndTrash,
                replication,
                classes: ClassSet::from_header(classes),
            }],
        }
    };
    Layout::new((0..servers).map(server).collect()).unwrap()
}
