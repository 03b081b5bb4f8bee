//! `donjon list`: a list is sent, worked off and explained.

use std::io::{BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};

use serde_json::json;

use crate::node::Node;
use crate::program::{donjon, donjon_with_input};

const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";
const BAR: &str = "37b51d194a7513e45b56f6524f2d51f2";

#[test]
fn a_trash_list_is_worked_off_and_every_item_explained() {
    let node = Node::start();
    node.store(b"foo");
    node.store(b"bar");
    let mount = node.mount();
    let item = |hash: &str, mtime: i64| json!({ "locator": format!("{hash}+3"), "block_mtime": mtime, "mount_uuid": mount });
    let list = json!([item(FOO, node.age(FOO)), item(BAR, node.age(BAR) - 1)]).to_string();
    let books =
        node.run_with_input(&["list", "put", "trash", "-", "--wait", "--json"], list.as_bytes());
    let books = books.ends_with(0).json();
    assert_eq!(
        (&books["received"], &books["done"], &books["skipped"]),
        (&2.into(), &1.into(), &json!({ "rewritten": 1 }))
    );
    assert!(!node.file(FOO).exists() && node.file(BAR).exists());

    let shown = node.run(&["list", "show", "trash", "--json"]).ends_with(0).json();
    assert_eq!(shown["waiting"]["items"], json!([]));
    let mut outcomes: Vec<(String, String)> =
        shown["outcomes"].as_array().unwrap().iter().map(outcome).collect();
    outcomes.sort();
    assert_eq!(
        outcomes,
        [(BAR.to_owned(), "skipped".to_owned()), (FOO.to_owned(), "done".to_owned())]
    );

    let text = node.run(&["list", "show", "trash"]).ends_with(0).text();
    assert!(
        text.contains("Nothing waits on the trash list.") && text.contains("rewritten"),
        "{text}"
    );
    let text = node.run(&["list", "status"]).ends_with(0).text();
    assert!(text.contains("trash: skipped: rewritten 1"), "{text}");
}

/// The hash of an outcome's block, and how the item ended.
fn outcome(outcome: &serde_json::Value) -> (String, String) {
    (
        outcome["locator"].as_str().unwrap()[..32].to_owned(),
        outcome["outcome"].as_str().unwrap().to_owned(),
    )
}

#[test]
fn a_pull_that_cannot_be_done_makes_the_end_partly() {
    let node = Node::start();
    let list = json!([{ "locator": format!("{FOO}+3"), "servers": [node.url], "mount_uuid": node.mount() }]).to_string();
    let ran = node
        .run_with_input(&["list", "put", "pull", "-", "--wait", "--json"], list.as_bytes())
        .ends_with(4);
    assert_eq!(ran.json()["failed"], json!({ "absent_at_source": 1 }));
}

#[test]
fn both_lists_are_told_a_line_each() {
    let node = Node::start();
    let books = node.run(&["list", "status", "--json"]).ends_with(0).json_lines();
    assert_eq!(books.iter().map(|books| &books["list"]).collect::<Vec<_>>(), ["trash", "pull"]);
    let one = node.run(&["list", "status", "pull", "--watch", "--json"]).ends_with(0).json_lines();
    assert_eq!((one.len(), &one[0]["received"]), (1, &0.into()));
}

#[test]
fn a_malformed_list_is_refused_with_its_place() {
    let node = Node::start();
    let ran =
        node.run_with_input(&["list", "put", "trash", "-"], b"[{\"locator\": 5}]").ends_with(1);
    let ran = ran.complains("trash list: the server answered 400");
    assert!(ran.stderr.contains("byte"), "{}", ran.stderr);
    assert_eq!(node.run(&["list", "status", "trash", "--json"]).json()["generation"], 0);
}

#[test]
fn a_list_needs_the_admin_token() {
    let node = Node::start();
    let ran =
        donjon_with_input(&["list", "put", "trash", "-", "--url", &node.url], b"[]").ends_with(1);
    ran.complains("401 Unauthorized");
}

#[test]
fn a_plain_keepstore_tells_its_gauges_and_that_it_has_no_more() {
    let metrics = "arvados_keepstore_trash_queue_pending_entries 5\narvados_keepstore_trash_queue_inprogress_entries 2\n";
    let url = PlainKeepstore::start(metrics);
    let node = ["--url", &url, "--management-token", "m"];
    let books = donjon(&[&["list", "status", "trash", "--json"][..], &node].concat()).ends_with(0);
    assert_eq!(books.json(), json!({ "list": "trash", "waiting": 5, "running": 2 }));
    let text = donjon(&[&["list", "status", "trash"][..], &node].concat()).ends_with(0).text();
    assert!(text.contains("what became of items stands only in its log"), "{text}");
    donjon(&["list", "show", "trash", "--url", &url]).ends_with(1).complains("a plain keepstore");
    donjon(&["status", "--url", &url]).ends_with(1).complains("a plain keepstore");
}

/// As much of a plain keepstore as answers to these commands: metrics, and 400 to every path that it does not know.
struct PlainKeepstore;

impl PlainKeepstore {
    /// Serves until the test process ends; gives its URL.
    fn start(metrics: &'static str) -> String {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap());
        std::thread::spawn(move || {
            for stream in listener.incoming() {
                answer(BufReader::new(stream.unwrap()), metrics);
            }
        });
        url
    }
}

fn answer(mut stream: BufReader<TcpStream>, metrics: &str) {
    let mut head = String::new();
    while !head.ends_with("\r\n\r\n") && stream.read_line(&mut head).unwrap() > 0 {}
    let (status, body) = if head.starts_with("GET /metrics ") {
        ("200 OK", metrics)
    } else {
        ("400 Bad Request", "Bad Request\n")
    };
    let answer = format!(
        "HTTP/1.1 {status}\r\nConnection: close\r\nContent-Length: {}\r\n\r\n{body}",
        body.len()
    );
    stream.get_mut().write_all(answer.as_bytes()).unwrap();
}
