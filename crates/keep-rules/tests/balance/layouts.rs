//! The clean-up of what servers say, and what cannot be balanced.

use keep_rules::balance::{
    Allows, CLASSES_MAX, Layout, LayoutError, MountFacts, ServerAccess, ServerFacts,
};
use keep_rules::{ClassSet, Replication};

fn mount(uuid: &str, allows: Allows) -> MountFacts {
    MountFacts {
        uuid: uuid.parse().expect("a name"),
        device_id: None,
        allows,
        replication: Replication::ONE,
        classes: ClassSet::from_header("default"),
    }
}

fn server(uuid: &str, mounts: Vec<MountFacts>) -> ServerFacts {
    ServerFacts {
        uuid: uuid.to_owned(),
        url: format!("http://{uuid}:25107"),
        access: ServerAccess::ReadWrite,
        mounts,
    }
}

fn disk(uuid: &str) -> MountFacts {
    mount(uuid, Allows::WriteAndTrash)
}

#[track_caller]
fn refused(servers: Vec<ServerFacts>) -> LayoutError {
    Layout::new(servers).expect_err("it cannot be balanced")
}

/// What may be done at each mount, as `server/mount`.
fn allows(layout: &Layout) -> Vec<(String, Allows)> {
    let name = |mount: &keep_rules::balance::Mount| {
        format!("{}/{}", layout.server(mount.server()).uuid(), mount.uuid())
    };
    layout.mounts().iter().map(|mount| (name(mount), mount.allows())).collect()
}

#[test]
fn numbers_depend_on_names_only() {
    let servers =
        || vec![server("b", vec![disk("z"), disk("y")]), server("a", vec![disk("x"), disk("z")])];
    let mut reversed = servers();
    reversed.reverse();
    reversed.iter_mut().for_each(|server| server.mounts.reverse());
    let (one, other) = (Layout::new(servers()).unwrap(), Layout::new(reversed).unwrap());
    assert_eq!(format!("{one:?}"), format!("{other:?}"));
    let names: Vec<String> = allows(&one).into_iter().map(|(name, _)| name).collect();
    assert_eq!(names, ["a/x", "a/z", "b/y", "b/z"]);
    let devices: Vec<&str> = one.devices().iter().map(|device| device.uuid().as_str()).collect();
    assert_eq!(devices, ["x", "y", "z"]);
    assert_eq!(one.devices()[2].views().len(), 2);
}

#[test]
fn everything_is_found_by_name_and_number() {
    let layout =
        Layout::new(vec![server("b", vec![disk("x")]), server("a", vec![disk("x"), disk("y")])])
            .unwrap();
    let found = layout.find_mount("b", "x").unwrap();
    assert_eq!(layout.mount_index(found.get()), Some(found));
    assert_eq!(layout.server(layout.mount(found).server()).url(), "http://b:25107");
    assert_eq!(layout.device(layout.mount(found).device()).uuid().as_str(), "x");
    assert_eq!(layout.find_mount("b", "y"), None);
    assert_eq!(layout.find_mount("c", "x"), None);
    assert_eq!(
        (layout.mount_index(3), layout.device_index(2), layout.server_index(2)),
        (None, None, None)
    );
}

#[test]
fn a_read_only_view_of_a_device_that_somebody_writes_is_dropped() {
    let layout = Layout::new(vec![
        server("a", vec![mount("shared", Allows::Nothing), mount("alone", Allows::Nothing)]),
        server("b", vec![mount("shared", Allows::Trash)]),
        server("c", vec![disk("shared")]),
    ])
    .unwrap();
    let left =
        [("a/alone".to_owned(), Allows::Nothing), ("c/shared".to_owned(), Allows::WriteAndTrash)];
    assert_eq!(allows(&layout), left);
    let dropped: Vec<String> =
        layout.dropped().iter().map(|view| format!("{}/{}", view.server, view.mount)).collect();
    assert_eq!(dropped, ["a/shared", "b/shared"]);
}

/// W21: the views are dropped first, and trashing is not touched.
#[test]
fn a_read_only_server_takes_no_blocks_and_still_trashes() {
    let mounts =
        || vec![disk("all"), mount("none", Allows::Nothing), mount("write", Allows::Write)];
    let read_only = ServerFacts { access: ServerAccess::ReadOnly, ..server("a", mounts()) };
    let layout =
        Layout::new(vec![read_only, server("b", vec![mount("all", Allows::Trash)])]).unwrap();
    let left =
        [("a/all", Allows::Trash), ("a/none", Allows::Nothing), ("a/write", Allows::Nothing)];
    assert_eq!(allows(&layout), left.map(|(name, allows)| (name.to_owned(), allows)));
}

#[test]
fn nothing_to_balance_is_an_error() {
    assert_eq!(refused(vec![]), LayoutError::NoServer);
    assert_eq!(refused(vec![server("a", vec![]), server("b", vec![])]), LayoutError::NoMount);
}

#[test]
fn servers_are_told_apart() {
    let error = refused(vec![server("", vec![disk("x")])]);
    assert_eq!(error, LayoutError::NamelessServer { url: "http://:25107".to_owned() });
    let elsewhere = ServerFacts { url: "http://b".to_owned(), ..server("a", vec![]) };
    let error = refused(vec![server("a", vec![disk("x")]), elsewhere]);
    assert!(matches!(error, LayoutError::ServerTwice { uuid, .. } if uuid == "a"));
    let same_place = ServerFacts { url: "http://a:25107/".to_owned(), ..server("b", vec![]) };
    let error = refused(vec![server("a", vec![disk("x")]), same_place]);
    assert_eq!(
        error.to_string(),
        "servers a and b are both at http://a:25107: correct the address of one"
    );
}

#[test]
fn a_disk_is_configured_once() {
    let error = refused(vec![server("a", vec![disk("x"), disk("x")])]);
    assert!(matches!(error, LayoutError::MountTwice { server, .. } if server == "a"));
    let of = |uuid: &str| MountFacts { device_id: "disk-1".parse().ok(), ..disk(uuid) };
    assert!(Layout::new(vec![server("a", vec![of("x")]), server("b", vec![of("x")])]).is_ok());
    assert_eq!(
        refused(vec![server("a", vec![of("x")]), server("b", vec![of("y")])]).to_string(),
        "device disk-1 is configured as two volumes, x and y: each copy on it would count twice; remove one"
    );
}

#[test]
fn views_of_a_device_agree() {
    let three = MountFacts { replication: Replication::from_config(3), ..disk("x") };
    assert_eq!(
        refused(vec![server("a", vec![disk("x")]), server("b", vec![three])]).to_string(),
        "volume x has replication 1 on server a but 3 on server b: let all servers use one configuration, \
         and restart those that differ"
    );
    // Also of a view that the clean-up would drop.
    let archive =
        MountFacts { classes: ClassSet::from_header("archive"), ..mount("x", Allows::Nothing) };
    let error = refused(vec![server("a", vec![disk("x")]), server("b", vec![archive])]);
    assert!(
        matches!(error, LayoutError::ClassesDiffer { first, second, .. } if first == "default" && second == "archive")
    );
}

#[test]
fn there_is_an_end_to_classes() {
    let classes = |count: usize| (0..count).map(|at| format!("c{at}").parse().unwrap()).collect();
    let with = |count| vec![server("a", vec![MountFacts { classes: classes(count), ..disk("x") }])];
    // `default` is always among them.
    assert_eq!(Layout::new(with(CLASSES_MAX - 1)).unwrap().classes().len(), CLASSES_MAX);
    let error = refused(with(CLASSES_MAX));
    assert_eq!(
        error,
        LayoutError::TooMany {
            what: "storage classes",
            count: CLASSES_MAX + 1,
            limit: CLASSES_MAX
        }
    );
}

#[test]
fn there_is_an_end_to_mounts() {
    let mounts = |count: usize| (0..count).map(|at| disk(&format!("disk-{at}"))).collect();
    let full = Layout::new(vec![server("a", mounts(1 << 16))]).unwrap();
    assert!(full.mount_index(u16::MAX).is_some());
    assert_eq!(full.copies_max(), (1 << 16) + 1);
    assert!(matches!(
        refused(vec![server("a", mounts((1 << 16) + 1))]),
        LayoutError::TooMany { what: "mounts", .. }
    ));
}
