//! From what nodes say of their mounts to what is balanced.

use keep_protocol::mounts::MountDescription;
use keep_rules::balance::{self, Allows, Layout, LayoutError, MountFacts, ServerAccess};
use keep_rules::mount::MountUuid;
use keep_rules::{ClassSet, Replication};

use crate::servers::ServerFacts;

/// Why the mounts of the nodes cannot be balanced.
#[derive(Debug, thiserror::Error)]
pub enum MountsError {
    /// A node describes a mount without a name, or with a class without one.
    #[error("{url} describes a mount that has {problem}; repair its configuration")]
    Nameless {
        /// The node.
        url: String,
        /// What is wrong.
        problem: &'static str,
    },
    /// Together they cannot be.
    #[error("{0}")]
    Layout(#[source] Box<LayoutError>),
}

/// What there is to balance.
///
/// # Errors
/// [`MountsError`]; nothing may be sent then.
pub fn layout(servers: &[ServerFacts]) -> Result<Layout, MountsError> {
    let servers = servers.iter().map(|server| {
        let mounts = server.mounts.iter().map(|mount| facts(&server.url, mount));
        Ok(balance::ServerFacts {
            uuid: server.uuid.clone(),
            url: server.url.clone(),
            access: ServerAccess::ReadWrite,
            mounts: mounts.collect::<Result<_, MountsError>>()?,
        })
    });
    let servers = servers.collect::<Result<_, MountsError>>()?;
    Layout::new(servers).map_err(|error| MountsError::Layout(Box::new(error)))
}

fn facts(url: &str, mount: &MountDescription) -> Result<MountFacts, MountsError> {
    let nameless = |problem| MountsError::Nameless { url: url.to_owned(), problem };
    let uuid: MountUuid = mount.uuid.parse().map_err(|_empty| nameless("no UUID"))?;
    // A class that is mapped to `false` is none (spec/keep-balance.md section 2.2).
    let classes = mount.storage_classes.iter().filter(|(_, member)| **member).map(|(class, _)| {
        class.parse().map_err(|_empty| nameless("a storage class without a name"))
    });
    let classes: ClassSet = classes.collect::<Result<Vec<_>, _>>()?.into_iter().collect();
    Ok(MountFacts {
        uuid,
        device_id: mount.device_id.parse().ok(),
        allows: allows((mount.allow_write, mount.allow_trash)),
        replication: Replication::from_config(mount.replication.into()),
        classes,
    })
}

/// `allow_write` and `allow_trash`, as nodes tell them.
pub(crate) fn allows(write_and_trash: (bool, bool)) -> Allows {
    match write_and_trash {
        (true, true) => Allows::WriteAndTrash,
        (true, false) => Allows::Write,
        (false, true) => Allows::Trash,
        (false, false) => Allows::Nothing,
    }
}
