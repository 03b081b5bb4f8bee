//! `donjon put` and `get` on a node of one's own, which wants signatures.

use std::fs;

use crate::deaf::Deaf;
use crate::node::Node;
use crate::program::{command, donjon};

#[test]
fn a_collection_is_signed_for_where_the_key_is_known() {
    let node = Node::start();
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::create_dir_all(dir.path().join("photos/2026")).unwrap();
    fs::write(dir.path().join("photos/2026/a"), "data").unwrap();
    node.run(&["put", &path("photos")]).ends_with(0);
    node.run(&["get", "photos", &path("back")]).ends_with(0);
    assert_eq!(fs::read(dir.path().join("back/2026/a")).unwrap(), b"data");

    // A manifest in a file, without a signature, and nobody who could make one.
    let manifest = ". 8d777f385d3dfec8815d20f7496026dc+4 0:4:a\n";
    fs::write(dir.path().join("manifest"), manifest).unwrap();
    let ran =
        donjon(&["get", &path("manifest"), &path("none"), "--url", &node.url, "--token", "x"]);
    let ran = ran.ends_with(4);
    assert!(
        ran.stderr.contains("a: not restored: block 8d777f385d3dfec8815d20f7496026dc+4"),
        "{}",
        ran.stderr
    );
    assert!(ran.stderr.contains("the nodes want signatures"), "{}", ran.stderr);
    let ran = node.run(&["get", &path("photos/2026/a"), &path("none")]).ends_with(1);
    ran.complains("and the file of this name is no manifest: line 1");
    node.run(&["get", &path("manifest"), &path("some")]).ends_with(0);
    assert_eq!(fs::read(dir.path().join("some/a")).unwrap(), b"data");

    // With the signature in the manifest, the token that it was made for will do.
    let signed = node.store(b"data");
    fs::write(dir.path().join("signed"), format!(". {signed} 0:4:a\n")).unwrap();
    let config = fs::read_to_string(node.data.path().join("donjon.yml")).unwrap();
    let token = config.split("SystemRootToken: \"").nth(1).unwrap().split('"').next().unwrap();
    donjon(&["get", &path("signed"), &path("with"), "--url", &node.url, "--token", token])
        .ends_with(0);
}

#[test]
fn a_name_that_nobody_has_is_not_found() {
    let node = Node::start();
    let ran = node.run(&["get", "nothing"]).ends_with(3);
    ran.complains("there is no collection \"nothing\"");
    // Where collections should be and are not, it is not known whether there is one.
    let empty = tempfile::tempdir().unwrap();
    let dir = empty.path().to_str().unwrap();
    node.run(&["get", "nothing", "--manifests", dir])
        .ends_with(1)
        .complains("is the file system mounted");
    // A directory of that name is where its files came from.
    fs::create_dir(empty.path().join("photos")).unwrap();
    let ran = command(&["get", "photos", "--data", node.data.path().to_str().unwrap()])
        .current_dir(empty.path())
        .output()
        .unwrap();
    assert_eq!(ran.status.code(), Some(3), "{}", String::from_utf8_lossy(&ran.stderr));
    donjon(&["put", "/tmp", "--url", &node.url, "--ttl", "14d"])
        .ends_with(2)
        .complains("where should the manifest be kept?");
}

#[test]
fn how_long_signatures_are_valid_is_never_guessed() {
    let node = Node::start();
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    fs::create_dir(dir.path().join("manifests")).unwrap();
    fs::write(dir.path().join("file"), "data").unwrap();
    let (manifests, state, file) = (path("manifests"), path("state"), path("file"));
    let config = fs::read_to_string(node.data.path().join("donjon.yml")).unwrap();
    let token = config.split("SystemRootToken: \"").nth(1).unwrap().split('"').next().unwrap();
    let named = ["--url", &node.url, "--token", token, "--manifests", &manifests];
    let put = [&["put", &file, "--name", "a"], &named[..]].concat();
    let once = [&["balance", "once", "--state", &state], &named[..]].concat();
    let rm = ["rm", "a", "--manifests", &manifests];
    for command in [&put[..], &once, &rm] {
        donjon(command).ends_with(2).complains("how long are signatures valid? Give --config FILE");
        let ran = donjon(&[command, &["--ttl", "14"]].concat()).ends_with(2);
        ran.complains("such as 336h or 14d");
    }
    assert_eq!(fs::read_dir(&manifests).unwrap().count(), 0, "nothing was begun");
    donjon(&[&put[..], &["--ttl", "336h"]].concat()).ends_with(0);
    donjon(&[&once[..], &["--ttl", "14d"]].concat()).ends_with(0);
    donjon(&["ls", "--manifests", &manifests]).ends_with(0);
    donjon(&[&rm[..], &["--ttl", "14d"]].concat()).ends_with(0);
    let all = donjon(&["ls", "--all", "--manifests", &manifests]).ends_with(0);
    assert!(all.text().contains("removed 20"), "{}", all.text());
    // What is told must not contradict what is written.
    let told = ["put", &file, "--ttl", "1h"];
    node.run(&told).ends_with(2).complains("--ttl says 3600 s");
}

#[test]
fn a_node_that_is_not_there_is_named_with_what_the_system_said() {
    let dir = tempfile::tempdir().unwrap();
    let path = |name: &str| dir.path().join(name).to_str().unwrap().to_owned();
    let deaf = Deaf::new();
    let url = deaf.url();
    let refused = |command: &[&str]| {
        let named = ["--url", &url, "--token", "x", "--manifests", &path("manifests")];
        let ran = donjon(&[command, &named, &["--ttl", "14d"]].concat()).ends_with(1);
        assert!(ran.stderr.contains(&url), "{}", ran.stderr);
        assert!(ran.stderr.contains("connecting failed: Connection refused"), "{}", ran.stderr);
    };
    fs::create_dir(dir.path().join("manifests")).unwrap();
    fs::write(dir.path().join("file"), "data").unwrap();
    fs::write(dir.path().join("one"), ". 8d777f385d3dfec8815d20f7496026dc+4 0:4:a\n").unwrap();
    refused(&["put", &path("file")]);
    refused(&["get", &path("one"), &path("back")]);
    refused(&["balance", "once", "--state", &path("state")]);
}
