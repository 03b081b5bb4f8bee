//! The vectors of `keep-vectors.json`, which were cross-checked against a reference server and its tests.
//!
//! `s3_keys` and `json_samples` are not about rules.

use std::collections::BTreeMap;
use std::sync::LazyLock;
use std::time::Duration;

use keep_rules::rendezvous::{Client, UuidMaker, Weight, service_uuid, sort_mounts, sort_services};
use keep_rules::{
    BlockHash, Locator, MountUuid, Priority, ReadMethod, ReadRefusal, SaltError, SignatureError,
    Signing, SigningKey, Timestamp, Token, read_access, route_matches, salt,
};
use md5::{Digest, Md5};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    signatures: Vec<Signature>,
    signature_verification: Vec<Verification>,
    token_salting: Vec<Salting>,
    locators: Cases<LocatorCase>,
    rendezvous_mounts: Cases<MountOrder>,
    rendezvous_services: Services,
    known_blocks: Vec<KnownBlock>,
}

#[derive(Deserialize)]
struct Cases<T> {
    cases: Vec<T>,
}

#[derive(Deserialize)]
struct Signature {
    id: String,
    locator: String,
    token: String,
    key: String,
    ttl_seconds: u64,
    expiry_unix: i64,
    expected_signed_locator: String,
}

#[derive(Deserialize)]
struct Verification {
    signed_locator: String,
    token: String,
    key_ref: String,
    ttl_seconds: u64,
    now_unix: i64,
    result: String,
    #[serde(rename = "http_status_on_GET")]
    status: Option<u16>,
}

#[derive(Deserialize)]
struct Salting {
    token: String,
    remote: String,
    salted: Option<String>,
    error: Option<String>,
}

#[derive(Deserialize)]
struct LocatorCase {
    locator: String,
    valid: bool,
    #[serde(default)]
    hash: String,
    #[serde(default)]
    size: i64,
    #[serde(default)]
    remote: bool,
    #[serde(default)]
    signed: bool,
    #[serde(default)]
    note: String,
}

#[derive(Deserialize)]
struct MountOrder {
    id: String,
    hash: BlockHashText,
    mounts: Vec<String>,
    priority: BTreeMap<String, i64>,
    weights: BTreeMap<String, String>,
    expected_order: Vec<String>,
}

#[derive(Deserialize)]
struct Services {
    cases: Vec<ServiceOrder>,
    service_uuid_derivation: Vec<Derivation>,
    inconsistent_orders_for_url_derived_uuids: Vec<Inconsistent>,
}

#[derive(Deserialize)]
struct ServiceOrder {
    id: String,
    block_text: String,
    hash: BlockHashText,
    services: Vec<String>,
    expected_order: Vec<String>,
}

#[derive(Deserialize)]
struct Derivation {
    internal_url: String,
    rendezvous: String,
    go_cluster_config_uuid: String,
    rails_api_uuid: String,
}

#[derive(Deserialize)]
struct Inconsistent {
    hash: BlockHashText,
    urls: Vec<String>,
    go_with_cluster_config: Vec<String>,
    go_from_api_listing: Vec<String>,
    python_from_api_listing: Vec<String>,
}

#[derive(Deserialize)]
struct KnownBlock {
    data_utf8: Option<String>,
    hash: BlockHashText,
    size: usize,
}

#[derive(Deserialize)]
#[serde(transparent)]
struct BlockHashText(String);

impl BlockHashText {
    fn parse(&self) -> BlockHash {
        self.0.parse().expect("the vectors name hashes in full")
    }
}

static VECTORS: LazyLock<Vectors> = LazyLock::new(|| {
    serde_json::from_str(include_str!("vectors/keep-vectors.json"))
        .expect("the vectors are of this shape")
});

fn token(text: &str) -> Token {
    Token::new(text).expect("the vectors have no empty token")
}

#[test]
fn signatures_are_made_as_everybody_makes_them() {
    for case in &VECTORS.signatures {
        let key = SigningKey::new(case.key.as_bytes()).unwrap();
        let hash = case.locator.parse::<Locator>().unwrap().hash();
        let (expiry, ttl) =
            (Timestamp::from_seconds(case.expiry_unix), Duration::from_secs(case.ttl_seconds));
        let signed = key.sign(&case.locator, hash, &token(&case.token), expiry, ttl);
        assert_eq!(signed, case.expected_signed_locator, "{}", case.id);
        assert_eq!(key.verify(&signed, &token(&case.token), expiry, ttl), Ok(()), "{}", case.id);
    }
}

#[test]
fn signatures_are_checked_as_everybody_checks_them() {
    for case in &VECTORS.signature_verification {
        let signed = &case.signed_locator;
        let key =
            &VECTORS.signatures.iter().find(|signature| signature.id == case.key_ref).unwrap().key;
        let key = SigningKey::new(key.as_bytes()).unwrap();
        let (now, ttl, token) = (
            Timestamp::from_seconds(case.now_unix),
            Duration::from_secs(case.ttl_seconds),
            token(&case.token),
        );

        let result = match key.verify(signed, &token, now, ttl) {
            Ok(()) => "ok",
            Err(SignatureError::Missing) => "missing",
            Err(SignatureError::Expired) => "expired",
            Err(SignatureError::Invalid) => "invalid",
        };
        assert_eq!(result, case.result.split(' ').next().unwrap(), "{signed}");

        let signing = Signing::Required { key: &key, ttl };
        let status =
            read_access(ReadMethod::Get, &signed.parse().unwrap(), Some(&token), signing, now)
                .err()
                .map(status);
        assert_eq!(status, case.status, "{signed}");
    }
}

fn status(refusal: ReadRefusal) -> u16 {
    match refusal {
        ReadRefusal::NoSize => 405,
        ReadRefusal::NoToken | ReadRefusal::Signature(SignatureError::Expired) => 401,
        ReadRefusal::Signature(SignatureError::Missing | SignatureError::Invalid)
        | ReadRefusal::RemoteHint(_) => 400,
    }
}

#[test]
fn tokens_are_salted_as_everybody_salts_them() {
    for case in &VECTORS.token_salting {
        let salted = salt(&token(&case.token), case.remote.parse().unwrap());
        assert_eq!(salted.as_ref().ok().map(Token::as_str), case.salted.as_deref());
        assert_eq!(salted.err().as_ref().map(SaltError::to_string), case.error);
    }
}

#[test]
fn locators_are_read_as_the_reference_reads_them() {
    for case in &VECTORS.locators.cases {
        let text = &case.locator;
        let Ok(locator) = text.parse::<Locator>() else {
            assert!(!case.valid, "{text}");
            assert!(!case.note.contains("route matches") || route_matches(text), "{text}");
            assert!(!case.note.contains("route does not match") || !route_matches(text), "{text}");
            continue;
        };
        assert!(case.valid && route_matches(text), "{text}");
        assert_eq!(locator.as_str(), text);
        assert_eq!(locator.hash().to_string(), case.hash, "{text}");
        assert_eq!(locator.declared_size(), case.size, "{text}");
        assert_eq!(
            (locator.is_remote(), locator.is_signed()),
            (case.remote, case.signed),
            "{text}"
        );
    }
}

#[test]
fn mounts_are_tried_in_the_order_of_the_reference() {
    for case in &VECTORS.rendezvous_mounts.cases {
        let hash = case.hash.parse();
        let priority =
            |uuid: &MountUuid| Priority::highest(case.priority.get(uuid.as_str()).copied());
        let mut mounts: Vec<(Priority, MountUuid)> = case
            .mounts
            .iter()
            .map(|text| text.parse().unwrap())
            .map(|uuid| (priority(&uuid), uuid))
            .collect();
        for (_, uuid) in &mounts {
            assert_eq!(
                Weight::of_mount(hash, uuid).to_string(),
                case.weights[uuid.as_str()],
                "{}",
                case.id
            );
        }
        sort_mounts(hash, &mut mounts, |(priority, uuid)| (*priority, uuid));
        let order: Vec<&str> = mounts.iter().map(|(_, uuid)| uuid.as_str()).collect();
        assert_eq!(order, case.expected_order, "{}", case.id);
    }
}

#[test]
fn services_are_asked_in_the_order_of_the_clients() {
    for case in &VECTORS.rendezvous_services.cases {
        let hash = case.hash.parse();
        assert_eq!(BlockHash::from_bytes(Md5::digest(&case.block_text).into()), hash);
        for client in [Client::Go, Client::Python] {
            let mut services = case.services.clone();
            sort_services(hash, &mut services, client, |uuid| uuid);
            assert_eq!(services, case.expected_order, "{} {client:?}", case.id);
        }
    }
}

fn uuid_of(url: &str, rendezvous: &str, maker: UuidMaker) -> String {
    service_uuid("zzzzz".parse().expect("a cluster id"), url, rendezvous, maker)
}

#[test]
fn service_uuids_follow_from_urls() {
    for case in &VECTORS.rendezvous_services.service_uuid_derivation {
        let uuid = |maker| uuid_of(&case.internal_url, &case.rendezvous, maker);
        assert_eq!(uuid(UuidMaker::GoConfig), case.go_cluster_config_uuid);
        assert_eq!(uuid(UuidMaker::RailsApi), case.rails_api_uuid);
    }
}

#[test]
fn clients_disagree_where_uuids_come_from_urls() {
    for case in &VECTORS.rendezvous_services.inconsistent_orders_for_url_derived_uuids {
        let order = |maker, client| {
            let mut services: Vec<(String, &String)> =
                case.urls.iter().map(|url| (uuid_of(url, "", maker), url)).collect();
            sort_services(case.hash.parse(), &mut services, client, |(uuid, _)| uuid);
            services.into_iter().map(|(_, url)| url.clone()).collect::<Vec<_>>()
        };
        assert_eq!(order(UuidMaker::GoConfig, Client::Go), case.go_with_cluster_config);
        assert_eq!(order(UuidMaker::RailsApi, Client::Go), case.go_from_api_listing);
        assert_eq!(order(UuidMaker::RailsApi, Client::Python), case.python_from_api_listing);
    }
}

#[test]
fn known_blocks_have_their_names() {
    for case in &VECTORS.known_blocks {
        let data = case.data_utf8.clone().map_or_else(|| vec![0; case.size], String::into_bytes);
        assert_eq!(data.len(), case.size);
        assert_eq!(BlockHash::from_bytes(Md5::digest(&data).into()), case.hash.parse());
    }
}
