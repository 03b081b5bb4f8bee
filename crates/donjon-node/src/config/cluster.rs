//! The configuration as a whole, and the cluster in the file that it comes from.

use std::collections::BTreeMap;
use std::path::PathBuf;

use keep_rules::ClusterId;

use super::api::ApiLimits;
use super::balance::{BalanceSections, BalanceSettings};
use super::classes::ClassTable;
use super::collections::{PullSettings, Signing, TrashSettings};
use super::identity::{Candidate, Keepstore, OwnUrl, ServiceUrl, candidates};
use super::list_policy::ListPolicy;
use super::logs::{LogSettings, logs};
use super::node::Node;
use super::own_keys::{Durability, NodeLimits, OwnKeys, WriteAuth};
use super::path::KeyPath;
use super::problem::{Problem, shown};
use super::remotes::{RemoteCluster, remotes};
use super::report::Report;
use super::section::{Named, OtherKeys, Section};
use super::tls::{PeerTrust, TlsFiles, tls};
use super::tokens::Tokens;
use super::volumes::VolumeTable;

/// What a node needs to know, checked. Each part of the node takes its own section, never the whole.
///
/// Invariant: at least one of `candidates` has volumes that this node can serve.
#[derive(Clone, Debug)]
pub struct Config {
    /// The key below `Clusters`.
    pub cluster_id: ClusterId,
    /// `SystemRootToken`, `ManagementToken`.
    pub tokens: Tokens,
    /// Section `API`.
    pub api: ApiLimits,
    /// `Collections.BlobSigning…`
    pub signing: Signing,
    /// `Collections.BlobTrash…`
    pub trash: TrashSettings,
    /// `Collections.BlobReplicateConcurrency`.
    pub pull: PullSettings,
    /// `Donjon.AnonymousWrites`.
    pub write_auth: WriteAuth,
    /// `Donjon.SyncWrites`.
    pub durability: Durability,
    /// Limits under `Donjon`.
    pub limits: NodeLimits,
    /// How lists are kept and guarded, under `Donjon`.
    pub lists: ListPolicy,
    /// Section `StorageClasses`.
    pub classes: ClassTable,
    /// Section `Volumes`: of all nodes. [`VolumeTable::served_by`] picks those of this one.
    pub volumes: VolumeTable,
    /// Section `RemoteClusters`: those that have a host.
    pub remotes: BTreeMap<ClusterId, RemoteCluster>,
    /// Section `TLS`. Present if one of the candidates listens with TLS.
    pub tls: Option<TlsFiles>,
    /// `TLS.Insecure`: whether a pull checks the certificate of the other node.
    pub peer_trust: PeerTrust,
    /// Section `SystemLogs`.
    pub logs: LogSettings,
    /// `SystemLogs.RequestQueueDumpDirectory`.
    pub queue_dump_dir: Option<PathBuf>,
    /// What this node may be, in the order of the file. Bind them in random order (spec section 8): the first that works
    /// is this node. Exactly one if the node was told its URL.
    pub candidates: Vec<Candidate>,
    /// All of `Services.Keepstore.InternalURLs`, in the order of the file.
    pub keepstores: Vec<Keepstore>,
    /// What the balancer reads; a node has no use for it.
    pub balance: BalanceSettings,
}

/// Reads the tree of a file. `None` if there is a mistake, which the report then holds.
pub(super) fn resolve(tree: &Node, own: Option<&OwnUrl>, report: &mut Report) -> Option<Config> {
    let mut top = Section::at(KeyPath::top(), Some(tree), report);
    let clusters = top.section("Clusters", report);
    let named = only_cluster(&clusters, report);
    top.close(OtherKeys::Unknown, report);
    let named = named?;
    let Ok(cluster_id) = named.name.parse::<ClusterId>() else {
        report.mistake(&named.path, Problem::BadClusterId);
        return None;
    };
    let mut cluster = Section::at(named.path, Some(named.value), report);
    let config = resolve_cluster(cluster_id, &mut cluster, own, report);
    cluster.close(OtherKeys::ForOtherPrograms, report);
    config.filter(|_| report.mistakes.is_empty())
}

/// The one cluster of the file, `SAMPLE` aside.
fn only_cluster<'a>(clusters: &Section<'a>, report: &mut Report) -> Option<Named<'a>> {
    let mut named: Vec<Named<'a>> = clusters.named().collect();
    if named.len() > 1 {
        let ids: Vec<String> = named.iter().map(|cluster| shown(cluster.name)).collect();
        report.mistake(clusters.path(), Problem::SeveralClusters { ids: ids.join(", ") });
        return None;
    }
    if named.is_empty() && report.mistakes.is_empty() {
        report.mistake(clusters.path(), Problem::NoCluster);
    }
    named.pop()
}

fn resolve_cluster(
    cluster_id: ClusterId,
    cluster: &mut Section<'_>,
    own: Option<&OwnUrl>,
    report: &mut Report,
) -> Option<Config> {
    let tokens = Tokens::read(cluster, report);
    let api = ApiLimits::read(cluster, report);
    let mut collections = cluster.section("Collections", report);
    let signing = Signing::read(&mut collections, report);
    let trash = TrashSettings::read(&mut collections, report);
    let pull = PullSettings::read(&mut collections, report);
    let own_keys = OwnKeys::read(cluster, report);
    let mut services = cluster.section("Services", report);
    let (candidates, keepstores) = candidates(&mut services, own, report);
    let balance = BalanceSettings::read(
        BalanceSections {
            collections: &mut collections,
            own: own_keys.balance,
            services: &mut services,
            database: cluster.section("PostgreSQL", report),
        },
        report,
    );
    collections.close(OtherKeys::ForOtherPrograms, report);
    services.close(OtherKeys::ForOtherPrograms, report);
    let mut classes = ClassTable::read(cluster, report);
    let known_urls: Vec<ServiceUrl> = keepstores
        .iter()
        .map(|it| &it.url)
        .chain(candidates.iter().map(|it| &it.internal_url))
        .cloned()
        .collect();
    let volumes = VolumeTable::read(cluster, &mut classes, &known_urls, report);
    check_some_candidate_serves(&candidates, &volumes, report);
    let remotes = remotes(cluster, report);
    let (tls, peer_trust) = tls(cluster, &candidates, report);
    let (logs, queue_dump_dir) = logs(cluster, report);
    Some(Config {
        cluster_id,
        tokens: tokens?,
        api,
        signing,
        trash,
        pull,
        write_auth: own_keys.write_auth,
        durability: own_keys.durability,
        limits: own_keys.limits,
        lists: own_keys.lists,
        classes,
        volumes,
        remotes,
        tls,
        peer_trust,
        logs,
        queue_dump_dir,
        candidates,
        keepstores,
        balance,
    })
}

/// If no candidate could serve its volumes, this node cannot start, whichever it is: the mistakes of all are reported.
fn check_some_candidate_serves(
    candidates: &[Candidate],
    volumes: &VolumeTable,
    report: &mut Report,
) {
    let mut mistakes = Vec::new();
    for candidate in candidates {
        match volumes.served_by(&candidate.internal_url) {
            Ok(_) => return,
            Err(mut found) => mistakes.append(&mut found),
        }
    }
    for mistake in mistakes {
        report.mistake(&mistake.key, mistake.problem);
    }
}
