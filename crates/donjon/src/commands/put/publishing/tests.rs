//! What a put does after the publication, if that took long, and what it says when it is stopped.

use std::collections::BTreeMap;
use std::num::NonZeroU32;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use donjon_files::{Packing, PutOptions, Server, Special, Wish, scan};
use keep_protocol::client::{ClientError, PutBlock, Stored};
use keep_rules::{BlockHash, Locator};
use manifest_store::Catalog;
use tempfile::TempDir;
use tokio::sync::Notify;

use super::*;
use crate::cluster::ClusterArgs;
use crate::ttl::TtlArg;

const TTL: Duration = Duration::from_secs(1_000);

/// A node in memory. A clone is the same node.
#[derive(Clone, Default)]
struct Memory {
    blocks: Arc<Mutex<BTreeMap<BlockHash, Bytes>>>,
    touched: Arc<Mutex<Vec<BlockHash>>>,
    /// If set: a touch says so, and never ends.
    held_at_touch: Option<Arc<Notify>>,
}

impl Node for Memory {
    async fn put(&self, block: PutBlock<'_>, data: Bytes) -> Result<Stored, ClientError> {
        self.blocks.lock().unwrap().insert(block.hash, data);
        let locator = block.hash.to_string().parse().unwrap();
        Ok(Stored { locator, replicas: 1, classes: Vec::new(), on: Vec::new() })
    }

    async fn get(&self, locator: &Locator) -> Result<Vec<u8>, ClientError> {
        let blocks = self.blocks.lock().unwrap();
        blocks.get(&locator.hash()).map(|data| data.to_vec()).ok_or(ClientError::NotFound)
    }

    async fn check(&self, locator: &Locator) -> Result<(), ClientError> {
        self.get(locator).await.map(drop)
    }

    async fn touch(&self, locator: &Locator) -> Result<(), ClientError> {
        if let Some(reached) = &self.held_at_touch {
            reached.notify_one();
            std::future::pending::<()>().await;
        }
        self.touched.lock().unwrap().push(locator.hash());
        self.check(locator).await
    }
}

/// A put that has stored its blocks, and is about to publish them.
struct Story {
    dir: TempDir,
    node: Memory,
    stored_at: Timestamp,
    put: Put,
}

impl Story {
    async fn begin(node: Memory) -> Story {
        let dir = tempfile::tempdir().unwrap();
        for name in ["in", "manifests"] {
            std::fs::create_dir(dir.path().join(name)).unwrap();
        }
        std::fs::write(dir.path().join("in/file"), "data").unwrap();
        let scan = scan(&[dir.path().join("in")], Special::Refuse).unwrap();
        let options = PutOptions {
            wish: Wish { replication: NonZeroU32::MIN, classes: Vec::new() },
            jobs: 1,
            packing: Packing::default(),
            on_progress: Arc::new(|_| {}),
        };
        let stored_at = now();
        let put = donjon_files::put(scan, &nodes(&node), &options, || stored_at).await.unwrap();
        Story { dir, node, stored_at, put }
    }

    fn publishing<'a>(&self, manifests: &'a Path) -> Publishing<'a> {
        let args = ClusterArgs::of(None, None, TtlArg::default());
        self.publishing_by(manifests, SignatureTtl::new(args, TTL))
    }

    fn publishing_by<'a>(&self, manifests: &'a Path, ttl: SignatureTtl) -> Publishing<'a> {
        let name = "a".parse().unwrap();
        Publishing::new(manifests, name, Wanted::default(), Existing::Refuse, ttl)
    }

    /// The TTL of a configuration file.
    fn ttl_of_file(&self) -> (std::path::PathBuf, SignatureTtl) {
        let file = self.dir.path().join("config.yml");
        let args = ClusterArgs::of(Some(file.clone()), None, TtlArg::default());
        (file, SignatureTtl::new(args, TTL))
    }

    fn manifests(&self) -> std::path::PathBuf {
        self.dir.path().join("manifests")
    }
}

fn nodes(node: &Memory) -> Nodes<Memory> {
    let server = Server {
        uuid: "zzzzz-bi6l4-000000000000000".to_owned(),
        name: "http://node/".to_owned(),
        node: node.clone(),
        devices: donjon_files::Devices::NoIds,
    };
    Nodes::new(vec![server])
}

fn is_published(manifests: &Path) -> bool {
    Catalog::load(manifests).is_ok_and(|catalog| catalog.live("a").is_some())
}

/// A clock of a machine that sleeps for the whole TTL while it publishes.
fn sleepy(manifests: &Path, begun: Timestamp) -> impl Fn() -> Timestamp {
    move || if is_published(manifests) { begun.after(TTL) } else { begun }
}

#[tokio::test]
async fn a_put_that_slept_while_it_published_looks_at_its_blocks_again() {
    let mut story = Story::begin(Memory::default()).await;
    let (manifests, nodes) = (story.manifests(), nodes(&story.node));
    let publishing = story.publishing(&manifests);
    let clock = sleepy(&manifests, story.stored_at);
    let ended = publishing.publish(&mut story.put, &nodes, &clock).await;
    let became = publishing.into_became(ended).unwrap();
    assert!(became.doubt.is_none());
    assert_eq!(became.renewed, 0, "they were young before");
    let blocks: Vec<BlockHash> = story.node.blocks.lock().unwrap().keys().copied().collect();
    let touched = story.node.touched.lock().unwrap().clone();
    assert_eq!((&touched, touched.len()), (&blocks, 1));
}

#[tokio::test]
async fn blocks_that_are_gone_after_the_publication_are_told_and_it_is_published() {
    let mut story = Story::begin(Memory::default()).await;
    let (manifests, nodes) = (story.manifests(), nodes(&story.node));
    let publishing = story.publishing(&manifests);
    story.node.blocks.lock().unwrap().clear();
    let clock = sleepy(&manifests, story.stored_at);
    let ended = publishing.publish(&mut story.put, &nodes, clock).await;
    // A script is told of it, and of the doubt.
    let became = publishing.into_became(ended).unwrap();
    assert_eq!(became.published.change, manifest_store::Change::Added);
    let said = became.doubt.unwrap().to_string();
    assert!(said.contains("a is published, but publishing took so long"), "{said}");
    assert!(said.contains("http://node/: not found. Put it again"), "{said}");
    assert!(!said.contains("othing is published"), "{said}");
    assert!(is_published(&manifests));
}

/// What is said if the put is stopped while it makes its blocks young.
async fn stopped_at_touch(clock: impl Fn(&Path, Timestamp) -> Timestamp) -> (String, bool) {
    let reached = Arc::new(Notify::new());
    let node = Memory { held_at_touch: Some(Arc::clone(&reached)), ..Memory::default() };
    let mut story = Story::begin(node).await;
    let (manifests, nodes) = (story.manifests(), nodes(&story.node));
    let publishing = story.publishing(&manifests);
    let stored_at = story.stored_at;
    tokio::select! {
        ended = publishing.publish(&mut story.put, &nodes, || clock(&manifests, stored_at)) => {
            panic!("it was to be held: {:?}", ended.is_ok())
        }
        () = reached.notified() => {}
    }
    (publishing.interrupted(), is_published(&manifests))
}

#[tokio::test]
async fn what_an_interrupted_put_says_is_true_before_and_after_the_publication() {
    let (said, is_published) = stopped_at_touch(|_, stored_at| stored_at.after(TTL)).await;
    assert!(said.starts_with("nothing was published") && !is_published, "{said}");
    let slept = |manifests: &Path, stored_at| sleepy(manifests, stored_at)();
    let (said, is_published) = stopped_at_touch(slept).await;
    assert!(said.starts_with("a is published, but") && is_published, "{said}");
    assert!(said.contains("Put it again") && !said.contains("nothing was published"), "{said}");
}

/// A clock by which every look at it takes the whole TTL.
fn slow(begun: Timestamp) -> impl Fn() -> Timestamp {
    let looks = std::cell::Cell::new(0);
    move || {
        looks.set(looks.get() + 1);
        begun.after(TTL * looks.get())
    }
}

#[tokio::test]
async fn a_put_that_is_too_slow_gets_one_advice() {
    let mut story = Story::begin(Memory::default()).await;
    let manifests = story.manifests();
    let publishing = story.publishing(&manifests);
    let ended =
        publishing.publish(&mut story.put, &nodes(&story.node), slow(story.stored_at)).await;
    let said = publishing.into_became(ended).unwrap_err().to_string();
    assert!(said.contains("Nothing is published: put less at once, or set a longer"), "{said}");
    assert!(!said.contains("put again"), "{said}");
    let mut story = Story::begin(Memory::default()).await;
    let (manifests, nodes) = (story.manifests(), nodes(&story.node));
    let publishing = story.publishing(&manifests);
    let (begun, slow) = (story.stored_at, slow(story.stored_at));
    let clock = || if is_published(&manifests) { slow() } else { begun };
    let ended = publishing.publish(&mut story.put, &nodes, clock).await;
    let said = publishing.into_became(ended).unwrap().doubt.unwrap().to_string();
    assert!(said.contains("a is published, but") && said.contains("faster than"), "{said}");
    assert!(said.contains(". Put it again: ") && !said.contains("put less"), "{said}");
}

fn configure(file: &Path, ttl: &str) {
    let text = format!(
        "
Clusters:
  zzzzz:
    SystemRootToken: systemroottoken0systemroottoken0systemroottoken0
    Collections: {{BlobSigningKey: blobsigningkey0blobsigningkey0, BlobSigningTTL: {ttl}}}
    Services: {{Keepstore: {{InternalURLs: {{\"http://127.0.0.1:1\": {{}}}}}}}}
    Volumes:
      zzzzz-nyw5e-000000000000000: {{Driver: Directory, DriverParameters: {{Root: /nonexistent}}}}
"
    );
    std::fs::write(file, text).unwrap();
}

/// A put that is published 200 seconds after its block was stored, and the TTL of the file is `ttl` by then.
async fn published_late(ttl: &str) -> (Result<Became, Failure>, usize) {
    let mut story = Story::begin(Memory::default()).await;
    let (manifests, nodes) = (story.manifests(), nodes(&story.node));
    let (file, known) = story.ttl_of_file();
    configure(&file, ttl);
    let publishing = story.publishing_by(&manifests, known);
    let late = story.stored_at.after(Duration::from_secs(200));
    let ended = publishing.publish(&mut story.put, &nodes, || late).await;
    let touched = story.node.touched.lock().unwrap().len();
    (publishing.into_became(ended), touched)
}

#[tokio::test]
async fn a_signature_ttl_that_was_shortened_during_a_put_counts_for_its_blocks() {
    for (ttl, renewed) in [("1000s", 0), ("2000s", 0), ("300s", 1)] {
        let (became, touched) = published_late(ttl).await;
        assert_eq!((became.unwrap().renewed, touched as u64), (renewed, renewed), "{ttl}");
    }
}

#[tokio::test]
async fn a_signature_ttl_that_cannot_be_read_again_stops_the_publication() {
    let (became, _) = published_late("soon").await;
    let said = became.unwrap_err().to_string();
    assert!(said.contains("BlobSigningTTL is read again: "), "{said}");
    assert!(said.contains("\"soon\" is not a duration"), "{said}");
    assert!(said.contains("Nothing is published"), "{said}");
}

#[tokio::test]
async fn a_configuration_that_can_be_read_only_once_says_what_it_said() {
    let standard_input = ClusterArgs::of(Some("-".into()), None, TtlArg::default());
    let ttls = SignatureTtl::new(standard_input, TTL).look().unwrap();
    assert_eq!((ttls.shorter, ttls.longer), (TTL, TTL));
    let no_file = ClusterArgs::of(Some("/dev/null".into()), None, TtlArg::default());
    assert_eq!(SignatureTtl::new(no_file, TTL).look().unwrap(), ttls);
}
