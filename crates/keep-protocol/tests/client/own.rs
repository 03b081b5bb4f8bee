//! What is Donjon's own: steering, the ledger, explanations, undo.

use keep_protocol::client::{
    ClientError, IntakeMode, KeepClient, ListIntake, ListReceipt, ReceiptState,
};
use keep_protocol::paths::{LedgerQuery, ListAction};
use keep_protocol::status::{
    FreezeRequest, ListName, ListState, Origin, SettingsChange, UntrashResult,
};
use keep_rules::BlockHash;

use crate::fake_node::{FakeNode, answer};
use crate::{client, says};

const SETTINGS: &str = r#"{"workers":{"value":4,"origin":"config"},"items_per_second":{"value":50,"origin":"runtime"},
    "bytes_per_second":{"value":null,"origin":"config"},"paused":false}"#;

fn foo() -> BlockHash {
    "acbd18db4cc2f85cedef654fccc4a4d8".parse().unwrap()
}

async fn answering(body: &str) -> FakeNode {
    FakeNode::answering(answer("200 OK", "", body)).await
}

/// Checks which request a call sends, whatever becomes of it.
async fn sends<T>(call: impl AsyncFnOnce(KeepClient) -> Result<T, ClientError>, expected: &str) {
    let node = answering("{}").await;
    drop(call(client(&node)).await);
    let head = node.request().await.head;
    assert!(head.starts_with(&format!("{expected} HTTP/1.1\r\n")), "{head}");
}

#[tokio::test]
async fn a_list_comes_back_with_its_receipt() {
    let headers = "X-Donjon-List-Id: 7\r\nX-Donjon-List-Digest: ab\r\nX-Donjon-List-Items: 0\r\n\
        X-Donjon-List-State: held\r\nX-Donjon-List-Durable: true\r\n";
    let node = FakeNode::answering(answer("200 OK", headers, "")).await;
    let receipt = client(&node).put_list(ListName::Trash, "[]").await.unwrap();
    let expected = ListReceipt {
        id: 7,
        digest: Some("ab".to_owned()),
        items: Some(0),
        state: Some(ReceiptState::Current(ListState::Held)),
        durable: true,
    };
    assert_eq!(receipt, Some(expected));
    let request = node.request().await;
    assert!(request.header("X-Donjon-Epoch").is_none());
    assert!(request.header("User-Agent").unwrap().starts_with("donjon/"), "{}", request.head);
}

#[tokio::test]
async fn a_plain_keepstore_is_sent_no_dry_run() {
    let node = FakeNode::answering(answer("400 Bad Request", "", "Bad Request\n")).await;
    let dry = ListIntake { mode: IntakeMode::DryRun, ..ListIntake::default() };
    let error = client(&node).put_list_as(ListName::Trash, dry, "[]").await.unwrap_err();
    assert!(matches!(error, ClientError::PlainKeepstore), "{error:?}");
    let head = node.request().await.head;
    assert!(head.starts_with("GET /donjon/v1/lists/trash/settings "), "{head}");
}

#[tokio::test]
async fn settings_are_read_and_changed() {
    let node = answering(SETTINGS).await;
    let settings = client(&node).list_settings(ListName::Trash).await.unwrap();
    assert_eq!(
        (settings.workers.value, settings.items_per_second.origin),
        (Some(4), Origin::Runtime)
    );
    let node = answering(SETTINGS).await;
    let change = SettingsChange {
        workers: Some(None),
        items_per_second: Some(Some(50)),
        bytes_per_second: None,
    };
    client(&node).change_list_settings(ListName::Pull, &change).await.unwrap();
    let request = node.request().await;
    assert!(request.head.starts_with("PUT /donjon/v1/lists/pull/settings "), "{}", request.head);
    assert_eq!(request.body, br#"{"workers":null,"items_per_second":50}"#);
}

#[tokio::test]
async fn a_bad_setting_is_a_refusal_and_not_a_plain_keepstore() {
    let node = FakeNode::answering(answer("400 Bad Request", "", "workers: at most 1000\n")).await;
    let error = client(&node)
        .change_list_settings(ListName::Trash, &SettingsChange::default())
        .await
        .unwrap_err();
    says(&error, "workers: at most 1000");
}

#[tokio::test]
async fn a_list_that_nobody_remembers_is_not_found() {
    let node = FakeNode::answering(answer("404 Not Found", "", "no such list\n")).await;
    let error = client(&node).list_by_id(ListName::Trash, 9).await.unwrap_err();
    assert!(matches!(error, ClientError::NotFound), "{error:?}");
}

#[tokio::test]
async fn each_call_has_its_route() {
    use ListName::{Pull, Trash};
    let foo = foo();
    sends(async |node| node.list_by_id(Pull, 9).await, "GET /donjon/v1/lists/pull/9").await;
    let item = format!("DELETE /donjon/v1/lists/trash/items/{foo}");
    sends(async |node| node.remove_item(Trash, foo).await, &item).await;
    let cancel = "POST /donjon/v1/lists/trash/cancel";
    sends(async |node| node.act_on_list(Trash, ListAction::Cancel).await, cancel).await;
    let release = "POST /donjon/v1/lists/trash/7/release?digest=ab";
    sends(async |node| node.release_list(Trash, 7, "ab").await, release).await;
    let outcomes = "GET /donjon/v1/lists/trash/dry-run/outcomes?after=0&limit=5";
    sends(async |node| node.dry_run_outcomes(Trash, 0, 5).await, outcomes).await;
    sends(async |node| node.freeze_status().await, "GET /donjon/v1/freeze").await;
    sends(async |node| node.unfreeze().await, "DELETE /donjon/v1/freeze").await;
    let verify = "GET /donjon/v1/ledger/verify?head=ab";
    sends(async |node| node.verify_ledger(Some("ab")).await, verify).await;
    let block = format!("GET /donjon/v1/blocks/{foo}");
    sends(async |node| node.explain_block(foo).await, &block).await;
    let untrash = format!("POST /donjon/v1/blocks/{foo}/untrash");
    sends(async |node| node.untrash_on(foo, None).await, &untrash).await;
}

#[tokio::test]
async fn a_freeze_carries_its_reason() {
    let node = answering(r#"{"frozen":true,"since_ns":5,"reason":"why"}"#).await;
    let frozen = client(&node).freeze(&FreezeRequest { reason: "why".to_owned() }).await.unwrap();
    assert!(frozen.frozen);
    let request = node.request().await;
    assert!(request.head.starts_with("PUT /donjon/v1/freeze "), "{}", request.head);
    assert_eq!(request.body, br#"{"reason":"why"}"#);
}

#[tokio::test]
async fn an_untrash_says_what_was_done_on_each_mount() {
    let body = r#"{"hash":"acbd18db4cc2f85cedef654fccc4a4d8","mounts":[
        {"mount_uuid":"m","result":"already_live","detail":null}]}"#;
    let node = answering(body).await;
    let outcome = client(&node).untrash_on(foo(), Some("m")).await.unwrap();
    assert_eq!(outcome.mounts[0].result, UntrashResult::AlreadyLive);
    let head = node.request().await.head;
    let expected = format!("POST /donjon/v1/blocks/{}/untrash?mount_uuid=m ", foo());
    assert!(head.starts_with(&expected), "{head}");
}

const ENTRY: &str = r#"{"number":1,"time_ns":5,"operation":"trash","hash":"acbd18db4cc2f85cedef654fccc4a4d8","size":3,"mtime_ns":1,"mount_uuid":"m","list_id":7,"outcome":"done","reason":null,"chain":"ab"}"#;

/// The records of a ledger that is answered so, and how it ended.
async fn ledger(raw: String) -> (usize, Option<ClientError>) {
    let node = FakeNode::answering(raw).await;
    let mut ledger = client(&node).ledger(LedgerQuery::default()).await.unwrap();
    let mut records = 0;
    while let Some(entry) = ledger.next().await {
        match entry {
            Ok(_) => records += 1,
            Err(error) => {
                assert!(ledger.next().await.is_none(), "after an error there is nothing more");
                return (records, Some(error));
            }
        }
    }
    (records, None)
}

#[tokio::test]
async fn a_ledger_is_read_line_by_line() {
    let (records, error) = ledger(answer("200 OK", "", &format!("{ENTRY}\n{ENTRY}\n"))).await;
    assert!(matches!((records, error), (2, None)));
    let (records, error) = ledger(answer("200 OK", "", "")).await;
    assert!(matches!((records, error), (0, None)));
}

#[tokio::test]
async fn a_ledger_that_breaks_off_is_incomplete() {
    let (records, error) = ledger(answer("200 OK", "", &format!("{ENTRY}\n{{\"number\""))).await;
    assert_eq!(records, 1, "what came before is handed out");
    assert!(matches!(error, Some(ClientError::Incomplete { .. })), "{error:?}");
    let cut = format!("HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{ENTRY}\n");
    let (records, error) = ledger(cut).await;
    assert_eq!(records, 1);
    assert!(matches!(error, Some(ClientError::Incomplete { .. })), "{error:?}");
}

#[tokio::test]
async fn a_line_that_is_no_record_is_malformed() {
    let (_, error) = ledger(answer("200 OK", "", "disk on fire\n")).await;
    assert!(matches!(error, Some(ClientError::Malformed { .. })), "{error:?}");
    let (_, error) = ledger(answer("200 OK", "", &"x".repeat(1 << 20))).await;
    says(&error.unwrap(), "longer than 65536 bytes");
}
