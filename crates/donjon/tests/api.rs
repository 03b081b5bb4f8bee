//! `docs/api/donjon-v1.yaml`, the client and the shapes of `keep-protocol` say the same.

#![expect(clippy::unwrap_used, reason = "helpers of tests: what cannot go on fails the test")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader, Write as _};
use std::net::TcpListener;
use std::sync::mpsc;

use keep_protocol::client::{
    ClientError, IntakeMode, KeepClient, LedgerCheck, LedgerProblem, ListIntake,
};
use keep_protocol::list::{PullItem, TrashItem};
use keep_protocol::paths::{LedgerQuery, ListAction};
use keep_protocol::status::*;
use keep_rules::{BlockHash, Timestamp, Token};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

const API: &str = include_str!("../../../docs/api/donjon-v1.yaml");
const METHODS: [&str; 4] = ["get", "put", "post", "delete"];

fn api() -> Value {
    serde_saphyr::from_str(API).unwrap()
}

/// `GET /donjon/v1/lists/{list}` and so on, with the names of its parameters in the query.
fn documented_routes() -> BTreeSet<String> {
    let api = api();
    let mut routes = BTreeSet::new();
    for (path, item) in api["paths"].as_object().unwrap() {
        for method in METHODS {
            if item.get(method).is_some() {
                routes.insert(format!("{} {path}", method.to_uppercase()));
            }
        }
    }
    routes
}

/// The documented route that a request line asks for.
fn route_of(line: &str, documented: &BTreeSet<String>) -> Option<String> {
    let mut words = line.split(' ');
    let (method, target) = (words.next()?, words.next()?);
    let path = target.split('?').next()?;
    let matches = |template: &&String| {
        let Some((template_method, template)) = template.split_once(' ') else { return false };
        let (asked, template): (Vec<&str>, Vec<&str>) =
            (path.split('/').collect(), template.split('/').collect());
        template_method == method
            && asked.len() == template.len()
            && asked
                .iter()
                .zip(&template)
                .all(|(asked, part)| asked == part || (part.starts_with('{') && !asked.is_empty()))
    };
    // A literal segment goes before a parameter: `…/trash/items`, not `…/trash/{id}`.
    documented.iter().filter(matches).max_by_key(|template| literals(template)).cloned()
}

fn literals(template: &str) -> usize {
    template.split('/').filter(|part| !part.starts_with('{')).count()
}

/// The client asks for the settings before a dry run, to be sure that the server knows what that is.
const SETTINGS: &str = r#"{"workers":{"value":4,"origin":"config"},"items_per_second":{"value":null,"origin":"config"},
    "bytes_per_second":{"value":null,"origin":"config"},"paused":false}"#;

/// A server that notes every request line, and answers requests for settings with some, others with `{}`; gives its URL.
fn recorder() -> (String, mpsc::Receiver<String>) {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/", listener.local_addr().unwrap());
    let (lines, noted) = mpsc::channel();
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            let mut stream = BufReader::new(stream.unwrap());
            let line = request_line(&mut stream);
            let answer = if line.contains("/settings ") { SETTINGS } else { "{}" };
            if lines.send(line).is_err() {
                return;
            }
            let length = answer.len();
            let head =
                format!("HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: {length}\r\n\r\n");
            stream.get_mut().write_all(format!("{head}{answer}").as_bytes()).unwrap();
        }
    });
    (url, noted)
}

/// Reads a request to its end, and gives its first line.
fn request_line(stream: &mut impl BufRead) -> String {
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    let (mut header, mut length) = (String::new(), 0);
    while header != "\r\n" {
        header.clear();
        assert_ne!(stream.read_line(&mut header).unwrap(), 0, "the client left amid its headers");
        if let Some(value) = header.to_lowercase().strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    stream.read_exact(&mut vec![0; length]).unwrap();
    line
}

/// Calls everything that the client has for Donjon alone. What becomes of it does not matter here.
async fn call_everything(client: &KeepClient) {
    let hash = BlockHash::EMPTY;
    let dry = ListIntake { epoch: Some(1), mode: IntakeMode::DryRun };
    let ledger = LedgerQuery {
        block: Some(hash),
        list: Some(1),
        operation: Some("trash"),
        outcome: Some(OutcomeKind::Done),
        mount: Some("m"),
        since: Some(Timestamp::EPOCH),
        until: Some(Timestamp::EPOCH),
        limit: Some(1),
    };
    let freeze = FreezeRequest::default();
    for list in ListName::ALL {
        ignore(client.put_list(list, "[]").await);
        ignore(client.put_list_as(list, dry, "[]").await);
        ignore(client.list_status(list).await);
        ignore(client.list_by_id(list, 1).await);
        ignore(client.list_items(list, 0, 1).await);
        ignore(client.list_outcomes(list, 0, 1).await);
        ignore(client.remove_item(list, hash).await);
        for action in [ListAction::Pause, ListAction::Resume, ListAction::Cancel] {
            ignore(client.act_on_list(list, action).await);
        }
        ignore(client.list_settings(list).await);
        ignore(client.change_list_settings(list, &SettingsChange::default()).await);
        ignore(client.release_list(list, 1, "ab").await);
        ignore(client.dry_run_status(list).await);
        ignore(client.dry_run_outcomes(list, 0, 1).await);
    }
    ignore(client.node_status().await);
    ignore(client.freeze_status().await);
    ignore(client.freeze(&freeze).await);
    ignore(client.unfreeze().await);
    ignore(client.ledger(ledger).await);
    ignore(client.verify_ledger(Some("ab")).await);
    ignore(client.explain_block(hash).await);
    ignore(client.untrash_on(hash, Some("m")).await);
}

fn ignore<T>(called: Result<T, ClientError>) {
    drop(called);
}

/// Every request line that the client sends.
fn requests_of_the_client() -> Vec<String> {
    let (url, noted) = recorder();
    let client = KeepClient::new(url.parse().unwrap(), Token::new("t")).unwrap();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
    runtime.block_on(call_everything(&client));
    noted.try_iter().collect()
}

#[test]
fn the_client_and_the_document_know_the_same_routes() {
    let documented = documented_routes();
    let mut called = BTreeSet::new();
    for line in requests_of_the_client() {
        let route = route_of(&line, &documented);
        called.insert(route.unwrap_or_else(|| panic!("not documented: {line}")));
    }
    let unknown: Vec<_> = documented.difference(&called).collect();
    assert!(unknown.is_empty(), "the client cannot ask for {unknown:?}");
}

#[test]
fn the_client_and_the_document_know_the_same_parameters() {
    let (api, documented) = (api(), documented_routes());
    let mut used = BTreeSet::new();
    for line in requests_of_the_client() {
        let route = route_of(&line, &documented).unwrap();
        let target = line.split(' ').nth(1).unwrap();
        let query = target.split_once('?').map_or("", |(_, query)| query);
        for pair in query.split('&').filter(|pair| !pair.is_empty()) {
            used.insert((route.clone(), pair.split('=').next().unwrap().to_owned()));
        }
    }
    let mut described = BTreeSet::new();
    for route in &documented {
        let (method, path) = route.split_once(' ').unwrap();
        let operation = &api["paths"][path][method.to_lowercase()];
        for parameter in operation["parameters"].as_array().into_iter().flatten() {
            let parameter = resolved(&api, parameter);
            if parameter["in"] == "query" {
                described.insert((route.clone(), parameter["name"].as_str().unwrap().to_owned()));
            }
        }
    }
    assert_eq!(described, used);
}

/// What a `$ref` leads to, or the value itself.
fn resolved<'a>(api: &'a Value, value: &'a Value) -> &'a Value {
    match value.get("$ref").and_then(Value::as_str) {
        Some(target) => api.pointer(target.trim_start_matches('#')).unwrap_or_else(|| {
            panic!("{target} leads nowhere");
        }),
        None => value,
    }
}

#[test]
fn every_reference_leads_somewhere() {
    fn walk(api: &Value, value: &Value) -> usize {
        match value {
            Value::Object(map) => {
                let here = usize::from(map.contains_key("$ref"));
                resolved(api, value);
                here + map.values().map(|value| walk(api, value)).sum::<usize>()
            }
            Value::Array(items) => items.iter().map(|value| walk(api, value)).sum(),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0,
        }
    }
    let api = api();
    assert!(walk(&api, &api) > 100, "the document refers to its parts");
}

/// Checks that every example of a schema is read and written again as it stands, and that its properties are the fields.
fn shape<T: DeserializeOwned + Serialize>(
    schemas: &mut serde_json::Map<String, Value>,
    name: &str,
) {
    let schema = schemas.remove(name).unwrap_or_else(|| panic!("no schema {name}"));
    let properties: BTreeSet<&String> = schema["properties"].as_object().unwrap().keys().collect();
    let examples = schema["examples"].as_array().unwrap();
    let mut seen = BTreeSet::new();
    for example in examples {
        let read: T = serde_json::from_value(example.clone())
            .unwrap_or_else(|error| panic!("{name}: {error}: {example}"));
        let written = serde_json::to_value(&read).unwrap();
        assert_eq!(written, *example, "{name}: fields were lost or are missing");
        seen.extend(example.as_object().unwrap().keys());
    }
    assert_eq!(properties, seen, "{name}: the examples show other fields than the properties");
}

/// Checks that the words of a schema are those of the type, one and all.
fn words<T: DeserializeOwned>(schemas: &mut serde_json::Map<String, Value>, name: &str) {
    let schema = schemas.remove(name).unwrap_or_else(|| panic!("no schema {name}"));
    let listed: Vec<Value> = schema["enum"].as_array().unwrap().clone();
    for word in &listed {
        let read = serde_json::from_value::<T>(word.clone());
        assert!(read.is_ok(), "{name}: {word} is no such word");
    }
    let Err(error) = serde_json::from_value::<T>("?".into()) else {
        panic!("{name} takes any word");
    };
    let known = error.to_string().matches('`').count() / 2 - 1;
    assert_eq!(listed.len(), known, "{name}: {error}");
}

#[test]
fn every_example_is_read_as_the_shape_it_stands_for() {
    let mut api = api();
    let schemas = api["components"]["schemas"].as_object_mut().unwrap();
    words::<ListName>(schemas, "ListName");
    words::<ListState>(schemas, "ListState");
    words::<OutcomeKind>(schemas, "OutcomeKind");
    words::<Origin>(schemas, "Origin");
    words::<UntrashResult>(schemas, "UntrashResult");
    shape::<TrashItem>(schemas, "TrashItem");
    shape::<PullItem>(schemas, "PullItem");
    shape::<ListSource>(schemas, "ListSource");
    shape::<WouldBeHeld>(schemas, "WouldBeHeld");
    shape::<Setting>(schemas, "Setting");
    shape::<ListSettings>(schemas, "ListSettings");
    shape::<SettingsChange>(schemas, "SettingsChange");
    shape::<ListStatus>(schemas, "ListStatus");
    shape::<WaitingItem>(schemas, "WaitingItem");
    shape::<WaitingItems>(schemas, "WaitingItems");
    shape::<Outcome>(schemas, "Outcome");
    shape::<Outcomes>(schemas, "Outcomes");
    shape::<Removed>(schemas, "Removed");
    shape::<Freeze>(schemas, "Freeze");
    shape::<FreezeRequest>(schemas, "FreezeRequest");
    shape::<LedgerEntry>(schemas, "LedgerEntry");
    shape::<LedgerProblem>(schemas, "LedgerProblem");
    shape::<LedgerCheck>(schemas, "LedgerCheck");
    shape::<TrashedCopy>(schemas, "TrashedCopy");
    shape::<MountExplained>(schemas, "MountExplained");
    shape::<ListMention>(schemas, "ListMention");
    shape::<BlockExplained>(schemas, "BlockExplained");
    shape::<Untrashed>(schemas, "Untrashed");
    shape::<UntrashOutcome>(schemas, "UntrashOutcome");
    shape::<VolumeStatus>(schemas, "VolumeStatus");
    shape::<NodeStatus>(schemas, "NodeStatus");
    assert!(schemas.is_empty(), "schemas that no shape stands for: {:?}", schemas.keys());
}

#[test]
fn the_books_of_the_example_balance() {
    let status: ListStatus =
        serde_json::from_value(api()["components"]["schemas"]["ListStatus"]["examples"][0].clone())
            .unwrap();
    assert_eq!(status.accounted_for(), status.received);
}
