//! The client against servers that behave and servers that do not, over real sockets.

#![expect(clippy::unwrap_used, reason = "a test may panic, its helpers too")]

mod fake_node;
mod own;

use std::error::Error as _;
use std::time::Duration;

use fake_node::{Ending, FakeNode, answer};
use keep_protocol::client::{Body, ClientError, IndexScope, KeepClient, PutBlock};
use keep_protocol::status::ListName;
use keep_rules::{HashPrefix, Locator, Token};

const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8+3";
const SECRET: &str = "3kg6k6lzmp9kj5cpkcoxie963cmvjahbt2fod9zru30k1jqdmi";

fn foo() -> Locator {
    FOO.parse().unwrap()
}

fn client(node: &FakeNode) -> KeepClient {
    KeepClient::new(node.url.clone(), Token::new(SECRET)).unwrap()
}

/// Reads `FOO` from a node that answers so.
async fn get_foo(answer: impl Into<Vec<u8>>) -> Result<Vec<u8>, ClientError> {
    let node = FakeNode::answering(answer).await;
    client(&node).get_block(&foo()).await?.collect().await
}

#[track_caller]
fn says(error: &ClientError, expected: &str) {
    let text = error.to_string();
    assert!(text.contains(expected), "{text:?} does not say {expected:?}");
    let mut source = error.source();
    let mut all = format!("{error:?} {text}");
    while let Some(cause) = source {
        all = format!("{all} {cause} {cause:?}");
        source = cause.source();
    }
    assert!(!all.contains(SECRET), "the token leaks: {all}");
}

#[tokio::test]
async fn get_shows_the_token_and_gives_the_block() {
    let node = FakeNode::answering(answer("200 OK", "", "foo")).await;
    let data = client(&node).get_block(&foo()).await.unwrap();
    assert_eq!(data.size(), Some(3));
    assert_eq!(data.collect().await.unwrap(), b"foo");
    let request = node.request().await;
    assert!(request.head.starts_with(&format!("GET /{FOO} HTTP/1.1\r\n")), "{}", request.head);
    assert_eq!(request.header("Authorization"), Some(format!("Bearer {SECRET}").as_str()));
}

#[tokio::test]
async fn other_data_are_damage_and_their_last_piece_stays_here() {
    let node = FakeNode::answering(answer("200 OK", "", "bar")).await;
    let mut data = client(&node).get_block(&foo()).await.unwrap();
    let first = data.next().await.expect("an error, not an end").unwrap_err();
    says(&first, "its data hash to 37b51d194a7513e45b56f6524f2d51f2");
    assert!(data.next().await.is_none(), "after the error there is nothing more");
}

#[tokio::test]
async fn a_longer_answer_than_the_locator_says_is_damage() {
    says(&get_foo(answer("200 OK", "", "foobar")).await.unwrap_err(), "longer than 3 bytes");
}

#[tokio::test]
async fn a_shorter_answer_than_the_locator_says_is_damage() {
    says(&get_foo(answer("200 OK", "", "fo")).await.unwrap_err(), "2 bytes long, not 3");
}

#[tokio::test]
async fn a_connection_that_drops_amid_a_block_is_incomplete() {
    let error = get_foo("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nfo").await.unwrap_err();
    assert!(matches!(error, ClientError::Incomplete { received: 2, .. }), "{error:?}");
}

#[tokio::test]
async fn a_missing_block_is_not_found() {
    let error = get_foo(answer("404 Not Found", "", "file does not exist\n")).await.unwrap_err();
    assert!(matches!(error, ClientError::NotFound), "{error:?}");
}

#[tokio::test]
async fn a_refusal_carries_its_reason_but_not_the_token() {
    let error = get_foo(answer("403 Forbidden", "", &format!("no: {SECRET}\n"))).await.unwrap_err();
    says(&error, "403 Forbidden: no: (token)");
}

#[tokio::test]
async fn a_reason_is_read_up_to_a_limit() {
    let error = get_foo(answer("500 Oops", "", &"x".repeat(1 << 20))).await.unwrap_err();
    assert!(
        matches!(&error, ClientError::Refused { text, .. } if text.len() == 4096),
        "{error:.100}"
    );
}

#[tokio::test]
async fn a_redirect_is_not_followed() {
    let error =
        get_foo(answer("302 Found", "Location: http://127.0.0.1:1/\r\n", "")).await.unwrap_err();
    says(&error, "302 Found");
}

#[tokio::test]
async fn nobody_listening_is_unreachable() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    drop(listener);
    let client = KeepClient::new(url.parse().unwrap(), Token::new(SECRET)).unwrap();
    let signed = format!("{FOO}+A89118b78732c33104a4d6231e8b5a5fa1e4301e3@7fffffff");
    let error = client.get_block(&signed.parse().unwrap()).await.unwrap_err();
    says(&error, "connecting failed");
    assert!(!format!("{error:?}").contains("89118b78"), "the signature leaks: {error:?}");
}

#[tokio::test]
async fn a_node_that_falls_silent_is_given_up() {
    let patience = Duration::from_millis(50);
    let before_the_answer = FakeNode::ending("", Ending::Silence).await;
    let error =
        client(&before_the_answer).with_silence_max(patience).get_block(&foo()).await.unwrap_err();
    says(&error, "silent");
    let amid_the_data =
        FakeNode::ending("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nfo", Ending::Silence).await;
    let data = client(&amid_the_data).with_silence_max(patience).get_block(&foo()).await.unwrap();
    says(&data.collect().await.unwrap_err(), "silent");
}

#[tokio::test]
async fn put_streams_its_data_and_reads_the_answer() {
    let headers = "X-Keep-Replicas-Stored: 2\r\nX-Keep-Storage-Classes-Confirmed: default=1, hot=1\r\nX-Donjon-Stored-On: one, two\r\n";
    let node = FakeNode::answering(answer("200 OK", headers, &format!("{FOO}+Asig@1\n"))).await;
    let classes = ["default".to_owned(), "hot".to_owned()];
    let not_on = ["full".to_owned(), "here".to_owned()];
    let block =
        PutBlock { hash: FOO[..32].parse().unwrap(), size: 3, classes: &classes, not_on: &not_on };
    let pieces = [Ok::<_, std::io::Error>("f"), Ok("oo")];
    let stored = client(&node)
        .put_block(block, Body::wrap_stream(futures_util::stream::iter(pieces)))
        .await
        .unwrap();
    assert_eq!(stored.locator.as_str(), format!("{FOO}+Asig@1"));
    assert_eq!(stored.replicas, 2);
    assert_eq!(stored.classes, [("default".to_owned(), 1), ("hot".to_owned(), 1)]);
    let request = node.request().await;
    assert!(request.head.starts_with("PUT /acbd18db4cc2f85cedef654fccc4a4d8 "), "{}", request.head);
    assert_eq!(request.header("Content-Length"), Some("3"));
    assert_eq!(request.header("X-Keep-Storage-Classes"), Some("default, hot"));
    assert_eq!(request.header("X-Donjon-Not-On"), Some("full, here"));
    assert_eq!(stored.on, ["one", "two"]);
    assert_eq!(request.body, b"foo");
}

#[tokio::test]
async fn a_put_answered_with_another_block_is_an_error() {
    let node =
        FakeNode::answering(answer("200 OK", "", "37b51d194a7513e45b56f6524f2d51f2+3\n")).await;
    let block = PutBlock { hash: FOO[..32].parse().unwrap(), size: 3, classes: &[], not_on: &[] };
    says(&client(&node).put_block(block, "foo").await.unwrap_err(), "does not name block acbd18db");
}

#[tokio::test]
async fn head_says_the_length() {
    let node = FakeNode::answering("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n").await;
    assert_eq!(client(&node).head_block(&foo()).await.unwrap(), 3);
}

#[tokio::test]
async fn touch_trash_and_untrash_use_their_methods() {
    let ok = || FakeNode::answering(answer("200 OK", "", ""));
    let node = ok().await;
    client(&node).touch_block(&foo()).await.unwrap();
    assert!(node.request().await.head.starts_with(&format!("TOUCH /{FOO} ")));
    let node = ok().await;
    client(&node).trash_block(&foo()).await.unwrap();
    assert!(node.request().await.head.starts_with(&format!("DELETE /{FOO} ")));
    let node = ok().await;
    client(&node).untrash_block(&foo()).await.unwrap();
    assert!(node.request().await.head.starts_with(&format!("PUT /untrash/{FOO} ")));
}

#[tokio::test]
async fn a_list_may_be_a_stream() {
    let node = FakeNode::answering(answer("200 OK", "", "")).await;
    let pieces = [Ok::<_, std::io::Error>("["), Ok("]")];
    client(&node)
        .put_list(ListName::Trash, Body::wrap_stream(futures_util::stream::iter(pieces)))
        .await
        .unwrap();
    let request = node.request().await;
    assert!(request.head.starts_with("PUT /trash "), "{}", request.head);
    assert_eq!(request.body, b"1\r\n[\r\n1\r\n]\r\n0\r\n\r\n");
}

#[tokio::test]
async fn the_books_of_a_list_are_read() {
    let body = r#"{"list":"trash","generation":1,"received_at_ns":5,"received":3,"waiting":1,"running":0,"done":1,
        "skipped":{"too_young":1},"failed":{},"superseded":0,"removed":0,"workers":4,"idle_because":null,"later":1}"#;
    let node = FakeNode::answering(answer("200 OK", "", body)).await;
    let books = client(&node).list_status(ListName::Trash).await.unwrap();
    assert_eq!((books.received, books.skipped["too_young"]), (3, 1));
    assert!(node.request().await.head.starts_with("GET /donjon/v1/lists/trash "));
}

#[tokio::test]
async fn a_keepstore_without_books_is_told_apart_from_a_refusal() {
    let node = FakeNode::answering(answer("400 Bad Request", "", "Bad Request\n")).await;
    let error = client(&node).list_status(ListName::Pull).await.unwrap_err();
    assert!(matches!(error, ClientError::PlainKeepstore), "{error:?}");
    let node = FakeNode::answering(answer("403 Forbidden", "", "Forbidden\n")).await;
    let error = client(&node).list_status(ListName::Pull).await.unwrap_err();
    assert!(matches!(error, ClientError::Refused { .. }), "{error:?}");
}

#[tokio::test]
async fn json_that_is_none_is_malformed() {
    let node = FakeNode::answering(answer("200 OK", "", "<html>")).await;
    let error = client(&node).node_status().await.unwrap_err();
    says(&error, "the server's status cannot be understood");
}

#[tokio::test]
async fn health_and_metrics_are_asked_where_they_are() {
    let node = FakeNode::answering(answer("200 OK", "", "{\"health\":\"OK\"}\n")).await;
    client(&node).health().await.unwrap();
    assert!(node.request().await.head.starts_with("GET /_health/ping "));
    let node = FakeNode::answering(answer("200 OK", "", "# HELP x\nx 1\n")).await;
    assert_eq!(client(&node).metrics().await.unwrap(), "# HELP x\nx 1\n");
}

/// The lines of an index that is answered so, and how it ended.
async fn index(body: &str) -> (usize, Option<ClientError>) {
    let node = FakeNode::answering(answer("200 OK", "", body)).await;
    let mut index = client(&node).index(IndexScope::Node, HashPrefix::ALL).await.unwrap();
    let mut lines = 0;
    while let Some(line) = index.next().await {
        match line {
            Ok(_) => lines += 1,
            Err(error) => return (lines, Some(error)),
        }
    }
    (lines, None)
}

#[tokio::test]
async fn a_complete_index_ends_without_an_error() {
    let (lines, error) =
        index(&format!("{FOO} 1700000000000000000\n{FOO} 1700000000000000001\n\n")).await;
    assert!(matches!((lines, error), (2, None)));
}

#[tokio::test]
async fn an_index_without_its_end_mark_is_incomplete() {
    let (lines, error) = index(&format!("{FOO} 1700000000000000000\n")).await;
    assert_eq!(lines, 1, "what came before is handed out");
    assert!(matches!(error, Some(ClientError::Incomplete { .. })), "{error:?}");
}

#[tokio::test]
async fn an_error_text_in_an_index_is_no_line() {
    let (_, error) = index("disk on fire\n\n").await;
    assert!(matches!(error, Some(ClientError::Malformed { .. })), "{error:?}");
}

#[tokio::test]
async fn one_mount_is_listed_by_its_uuid() {
    let node = FakeNode::answering(answer("200 OK", "", "\n")).await;
    let scope = IndexScope::Mount("zzzzz-nyw5e-000000000000000");
    let mut index = client(&node).index(scope, "acb".parse().unwrap()).await.unwrap();
    assert!(index.next().await.is_none());
    let head = node.request().await.head;
    assert!(head.starts_with("GET /mounts/zzzzz-nyw5e-000000000000000/blocks/acb "), "{head}");
}

#[tokio::test]
async fn mounts_are_described() {
    let body = r#"[{"uuid":"zzzzz-nyw5e-000000000000000","device_id":"d","allow_write":true,"allow_trash":false,
        "replication":1,"storage_classes":{"default":true}}]"#;
    let node = FakeNode::answering(answer("200 OK", "", body)).await;
    let mounts = client(&node).mounts().await.unwrap();
    assert!(mounts[0].allow_write && !mounts[0].allow_trash);
}
