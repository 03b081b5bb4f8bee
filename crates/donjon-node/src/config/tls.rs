//! Certificates: the section `TLS`.

use std::path::PathBuf;

use super::identity::{Candidate, Scheme};
use super::problem::{Notice, Problem};
use super::report::Report;
use super::section::{OtherKeys, Section};

/// The files with which the node proves who it is, when it listens with TLS.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// `Certificate`: PEM, with the chain.
    pub certificate: PathBuf,
    /// `Key`: PEM.
    pub key: PathBuf,
}

/// Whether the certificates of other nodes and clusters are checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum PeerTrust {
    /// They are.
    Verify,
    /// Any is taken: `Insecure: true`.
    AcceptAny,
}

impl PeerTrust {
    pub(super) fn from_insecure(insecure: bool) -> Self {
        if insecure { PeerTrust::AcceptAny } else { PeerTrust::Verify }
    }
}

/// Reads the section. The files are needed if one of the candidates listens with TLS.
pub(super) fn tls(
    cluster: &mut Section<'_>,
    candidates: &[Candidate],
    report: &mut Report,
) -> (Option<TlsFiles>, PeerTrust) {
    let mut section = cluster.section("TLS", report);
    let insecure = section.flag("Insecure", false, report);
    if insecure {
        report.warn(&section.child("Insecure"), Notice::InsecureTls);
    }
    let with_tls = candidates.iter().find(|candidate| candidate.listen.scheme() == Scheme::Https);
    let certificate = pem_file(&mut section, "Certificate", with_tls, report);
    let key = pem_file(&mut section, "Key", with_tls, report);
    section.close(OtherKeys::ForOtherPrograms, report);
    let files = certificate.zip(key).map(|(certificate, key)| TlsFiles { certificate, key });
    (files, PeerTrust::from_insecure(insecure))
}

fn pem_file(
    section: &mut Section<'_>,
    name: &'static str,
    with_tls: Option<&Candidate>,
    report: &mut Report,
) -> Option<PathBuf> {
    let text = section.text(name, report);
    let path = text.strip_prefix("file://").unwrap_or(text);
    match with_tls {
        Some(candidate) if text.is_empty() => {
            report.mistake(
                &section.child(name),
                Problem::NoTlsFile { url: candidate.listen.to_string() },
            );
            None
        }
        _ if path.starts_with('/') => Some(PathBuf::from(path)),
        Some(_) => {
            // Without the text: it may be the private key itself.
            report.mistake(&section.child(name), Problem::BadTlsPath);
            None
        }
        None => None,
    }
}
