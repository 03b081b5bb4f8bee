//! Clusters whose blocks can be read through this one: the section `RemoteClusters`.

use std::collections::BTreeMap;

use keep_rules::ClusterId;

use super::identity::ServiceUrl;
use super::problem::{Notice, Problem, shown};
use super::report::Report;
use super::section::{Named, OtherKeys, Section};
use super::tls::PeerTrust;

/// Another cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteCluster {
    /// `Host`: host name, and port unless it is 443.
    pub host: String,
    /// `Insecure`.
    pub trust: PeerTrust,
}

/// The clusters that have a `Host`; the others cannot be asked for blocks.
pub(super) fn remotes(
    cluster: &mut Section<'_>,
    report: &mut Report,
) -> BTreeMap<ClusterId, RemoteCluster> {
    let section = cluster.section("RemoteClusters", report);
    // `*` stands for the clusters that nobody configured; they have no host.
    let named: Vec<Named<'_>> = section.named().filter(|entry| entry.name != "*").collect();
    named.iter().filter_map(|entry| remote(entry, report)).collect()
}

fn remote(entry: &Named<'_>, report: &mut Report) -> Option<(ClusterId, RemoteCluster)> {
    let Ok(id) = entry.name.parse::<ClusterId>() else {
        report.warn(&entry.path, Notice::BadRemoteId);
        return None;
    };
    let mut settings = Section::at(entry.path.clone(), Some(entry.value), report);
    let host = settings.text("Host", report);
    let place = settings.child("Host");
    let trust = PeerTrust::from_insecure(settings.flag("Insecure", false, report));
    settings.known_unused(&["Proxy", "Scheme"]);
    settings.close(OtherKeys::ForOtherPrograms, report);
    if host.is_empty() {
        return None;
    }
    if !is_host(host) {
        let found = if host.contains('@') { "a text with an @".to_owned() } else { shown(host) };
        report.mistake(&place, Problem::BadRemoteHost { found });
        return None;
    }
    Some((id, RemoteCluster { host: host.to_owned(), trust }))
}

/// Whether the text is a host with or without a port, and nothing more.
fn is_host(text: &str) -> bool {
    !text.contains('/')
        && ServiceUrl::parse(&format!("https://{text}")).is_some_and(|url| !url.host().is_empty())
}
