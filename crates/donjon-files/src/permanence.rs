//! Nodes whose copies stay, however old they are: nobody can trash them there.

use keep_protocol::mounts::MountDescription;

/// Of each node, by what it says of its mounts (`None` if it does not say): whether surely nobody can trash a copy that it
/// has. None of its mounts lets copies be trashed (`spec/keep-balance.md` section 2, trash request), and no other node can
/// trash what is on the same device: whether a volume may be trashed on is said for each host of it.
pub(crate) fn permanent(nodes: &[Option<&[MountDescription]>]) -> Vec<bool> {
    let is_permanent = |node: usize| {
        let Some(own) = nodes[node] else { return false };
        let others = || nodes.iter().enumerate().filter(|(other, _)| *other != node);
        own.iter().all(|mount| !mount.allow_trash)
            && others().all(|(_, other)| other.is_some_and(|other| !may_trash(other, own)))
    };
    (0..nodes.len()).map(is_permanent).collect()
}

/// Whether a node with these mounts may trash what lies on those. A device without a name may be any other.
fn may_trash(mounts: &[MountDescription], there: &[MountDescription]) -> bool {
    mounts.iter().filter(|mount| mount.allow_trash).any(|mount| {
        there.iter().any(|there| {
            let nameless = mount.device_id.is_empty() || there.device_id.is_empty();
            nameless || mount.device_id == there.device_id || mount.uuid == there.uuid
        })
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mount(device_id: &str, allow_trash: bool) -> MountDescription {
        MountDescription {
            medium: None,
            uuid: format!("mount of {device_id:?}, {allow_trash}"),
            device_id: device_id.to_owned(),
            allow_write: allow_trash,
            allow_trash,
            replication: 1,
            storage_classes: [("default".to_owned(), true)].into(),
        }
    }

    #[track_caller]
    fn check(nodes: &[Option<&[(&str, bool)]>], expected: &[bool]) {
        let described = |mounts: &[(&str, bool)]| -> Vec<MountDescription> {
            mounts.iter().map(|(device, allow_trash)| mount(device, *allow_trash)).collect()
        };
        let nodes: Vec<_> = nodes.iter().map(|node| node.map(described)).collect();
        let nodes: Vec<_> = nodes.iter().map(Option::as_deref).collect();
        assert_eq!(permanent(&nodes), expected);
    }

    #[test]
    fn only_where_surely_nobody_can_trash_copies_stay() {
        check(&[Some(&[("a", false)]), Some(&[("b", true)])], &[true, false]);
        check(&[Some(&[("a", false), ("b", true)])], &[false]);
        check(&[Some(&[("a", false)]), Some(&[("a", false)])], &[true, true]);
    }

    #[test]
    fn another_node_may_trash_what_is_on_a_shared_device() {
        check(&[Some(&[("a", false)]), Some(&[("a", true)])], &[false, false]);
        check(&[Some(&[("", false)]), Some(&[("b", true)])], &[false, false]);
        check(&[Some(&[("a", false)]), Some(&[("", true)])], &[false, false]);
    }

    #[test]
    fn what_is_not_said_is_not_believed() {
        check(&[None], &[false]);
        check(&[Some(&[("a", false)]), None], &[false, false]);
    }
}
