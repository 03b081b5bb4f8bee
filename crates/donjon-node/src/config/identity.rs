//! Which URL this node is known by, and where it listens (spec section 8, "Own identity").
//!
//! Everything here is pure: trying to bind an address, and so finding out which candidate this machine is, is done by
//! whoever runs the node.

use std::fmt;

use super::path::KeyPath;
use super::problem::{Notice, Problem, shown};
use super::report::Report;
use super::section::{OtherKeys, Section};

/// Plain HTTP or TLS.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Scheme {
    /// `http`
    Http,
    /// `https`
    Https,
}

impl Scheme {
    /// The port that a URL without one means.
    pub fn default_port(self) -> u16 {
        match self {
            Scheme::Http => 80,
            Scheme::Https => 443,
        }
    }
}

impl fmt::Display for Scheme {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Scheme::Http => "http",
            Scheme::Https => "https",
        })
    }
}

/// The URL of a service, as the file writes it: scheme, host with port, path. An empty path is read as `/`.
///
/// Two URLs are equal only if these texts are: `http://keep0` and `http://keep0:80` are different services, because
/// every program of a cluster compares them so (spec section 8).
///
/// # Examples
/// ```
/// # use donjon_node::config::ServiceUrl;
/// let url = ServiceUrl::parse("http://keep0.example:25107").unwrap();
/// assert_eq!(url.to_string(), "http://keep0.example:25107/");
/// assert_eq!((url.host(), url.port()), ("keep0.example", 25107));
/// assert_eq!(ServiceUrl::parse("keep0.example:25107"), None);
/// ```
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ServiceUrl {
    scheme: Scheme,
    host: String,
    port: Option<u16>,
    path: String,
}

impl ServiceUrl {
    /// Reads a URL. `None` if the text is something else, or has a user name, a query or a fragment.
    /// The host may be empty, which means every address of the machine.
    pub fn parse(text: &str) -> Option<Self> {
        let (scheme, rest) = text.split_once("://")?;
        let scheme = match scheme.to_ascii_lowercase().as_str() {
            "http" => Scheme::Http,
            "https" => Scheme::Https,
            _ => return None,
        };
        if rest.contains(|c: char| {
            c.is_whitespace() || c.is_control() || matches!(c, '?' | '#' | '@' | '\\')
        }) {
            return None;
        }
        let (authority, path) = rest.split_at(rest.find('/').unwrap_or(rest.len()));
        let (host, port) = split_port(authority)?;
        let path = if path.is_empty() { "/" } else { path };
        Some(ServiceUrl { scheme, host: host.to_owned(), port, path: path.to_owned() })
    }

    /// Plain HTTP or TLS.
    pub fn scheme(&self) -> Scheme {
        self.scheme
    }

    /// The host name or address, an IPv6 address without its brackets; may be empty.
    pub fn host(&self) -> &str {
        self.host.strip_prefix('[').and_then(|host| host.strip_suffix(']')).unwrap_or(&self.host)
    }

    /// The port: the one written, else that of the scheme.
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(self.scheme.default_port())
    }

    /// The path, at least `/`.
    pub fn path(&self) -> &str {
        &self.path
    }
}

impl fmt::Display for ServiceUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}://{}", self.scheme, self.host)?;
        if let Some(port) = self.port {
            write!(f, ":{port}")?;
        }
        f.write_str(&self.path)
    }
}

/// Splits `host:port`, `[v6]:port` or a host alone. The host keeps its brackets.
fn split_port(authority: &str) -> Option<(&str, Option<u16>)> {
    let host_end = match authority.strip_prefix('[') {
        Some(inside) => {
            let (address, _) = inside.split_once(']')?;
            address.parse::<std::net::Ipv6Addr>().ok()?;
            address.len() + 2
        }
        None => authority.find(':').unwrap_or(authority.len()),
    };
    let (host, rest) = authority.split_at(host_end);
    if !authority.starts_with('[') && host.contains(['[', ']']) {
        return None;
    }
    match rest.strip_prefix(':') {
        Some(digits) => Some((host, Some(parse_port(digits)?))),
        None => (rest.is_empty() && !host.is_empty()).then_some((host, None)),
    }
}

fn parse_port(digits: &str) -> Option<u16> {
    digits.bytes().all(|byte| byte.is_ascii_digit()).then(|| digits.parse().ok())?
}

/// What this node may turn out to be: it is the first candidate whose `listen` address can be bound here.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Candidate {
    /// The URL under which other services know the node.
    pub internal_url: ServiceUrl,
    /// The address to bind, and whether it speaks TLS.
    pub listen: ServiceUrl,
}

/// A node of the cluster, as the file names it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Keepstore {
    /// The URL under which other services know it.
    pub url: ServiceUrl,
    /// `Rendezvous`: what its place in the order of nodes is made from; empty for the URL.
    pub rendezvous: String,
}

/// The URL that this node was told it has, and by whom.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum OwnUrl {
    /// By the environment variable `ARVADOS_SERVICE_INTERNAL_URL`.
    Variable(String),
    /// By the command line: a URL, or `HOST:PORT` for plain HTTP.
    CommandLine(String),
}

/// Where a node of its own listens unless it is told otherwise.
const FIRST_ADDRESS: &str = "http://127.0.0.1:25107/";

/// The environment variable that tells a service its own URL.
pub const OWN_URL_VARIABLE: &str = "ARVADOS_SERVICE_INTERNAL_URL";

/// Reads `Services.Keepstore.InternalURLs` and says what this node may be.
///
/// A URL that the node was told is the only candidate; it listens at its `ListenURL` if it is configured, else at
/// itself. Without one, every configured URL is a candidate. The second list is all configured nodes.
pub(super) fn candidates(
    services: &mut Section<'_>,
    own: Option<&OwnUrl>,
    report: &mut Report,
) -> (Vec<Candidate>, Vec<Keepstore>) {
    let mut keepstore = services.section("Keepstore", report);
    keepstore.known_unused(&["ExternalURL"]);
    let urls = keepstore.section("InternalURLs", report);
    let mut configured: Vec<Candidate> = Vec::new();
    let mut known = Vec::new();
    for entry in urls.named() {
        let mut settings = Section::at(entry.path.clone(), Some(entry.value), report);
        let rendezvous = settings.text("Rendezvous", report).to_owned();
        let listen = settings.text("ListenURL", report);
        let listen_path = settings.child("ListenURL");
        settings.close(OtherKeys::Unknown, report);
        let Some(internal_url) = service_url(&entry.path, entry.name, report) else { continue };
        if configured.iter().any(|known| known.internal_url == internal_url) {
            report.mistake(&entry.path, Problem::UrlTwice);
        }
        let listen =
            if listen.is_empty() { None } else { service_url(&listen_path, listen, report) };
        let listen = listen.unwrap_or_else(|| internal_url.clone());
        known.push(Keepstore { url: internal_url.clone(), rendezvous });
        configured.push(Candidate { internal_url, listen });
    }
    let chosen = match own {
        Some(own) => own_candidate(own, &configured, report).into_iter().collect(),
        None if configured.is_empty() => {
            report.mistake(urls.path(), Problem::NoInternalUrl);
            Vec::new()
        }
        None => configured,
    };
    keepstore.close(OtherKeys::ForOtherPrograms, report);
    (chosen, known)
}

/// The address that a new data directory is set up with: that of the command line, so that the next start finds it.
///
/// An address of `https` needs a certificate, which no data directory has at first, and port 0 is another one each time:
/// neither is taken over. `None` if the command line's is none at all.
pub(super) fn first_address(own: Option<&OwnUrl>, report: &mut Report) -> Option<ServiceUrl> {
    let given = match own {
        Some(OwnUrl::CommandLine(text)) => Some(from_command_line(text, report)?),
        Some(OwnUrl::Variable(_)) | None => None,
    };
    let given = given.filter(|url| url.scheme() == Scheme::Http && url.port() > 0);
    given.or_else(|| ServiceUrl::parse(FIRST_ADDRESS))
}

/// Whether a node of a new data directory listens at the address that it is set up with.
pub(super) fn is_listened_at(address: &ServiceUrl, own: Option<&OwnUrl>) -> bool {
    match own {
        None => true,
        Some(OwnUrl::CommandLine(text)) => {
            from_command_line(text, &mut Report::default()).as_ref() == Some(address)
        }
        Some(OwnUrl::Variable(_)) => false,
    }
}

fn from_command_line(text: &str, report: &mut Report) -> Option<ServiceUrl> {
    let place = KeyPath::outside("--listen");
    if text.contains("://") {
        service_url(&place, text, report)
    } else {
        service_url(&place, &format!("http://{text}"), report)
    }
}

fn own_candidate(own: &OwnUrl, configured: &[Candidate], report: &mut Report) -> Option<Candidate> {
    let place = KeyPath::outside(OWN_URL_VARIABLE);
    let internal_url = match own {
        OwnUrl::Variable(text) => service_url(&place, text, report)?,
        OwnUrl::CommandLine(text) => from_command_line(text, report)?,
    };
    if let Some(known) = configured.iter().find(|known| known.internal_url == internal_url) {
        return Some(known.clone());
    }
    if matches!(own, OwnUrl::Variable(_)) {
        report.warn(&place, Notice::OwnUrlNotConfigured);
    }
    Some(Candidate { listen: internal_url.clone(), internal_url })
}

/// Reads a URL, noting a mistake at `place` if it is none.
pub(super) fn service_url(place: &KeyPath, text: &str, report: &mut Report) -> Option<ServiceUrl> {
    let url = ServiceUrl::parse(text);
    if url.is_none() {
        // A user name comes with a password.
        let found = if text.contains('@') { "a text with an @".to_owned() } else { shown(text) };
        report.mistake(place, Problem::BadUrl { found });
    }
    url
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, shown: &str, host: &str, port: u16) {
        let url = ServiceUrl::parse(text).expect(text);
        assert_eq!((url.to_string().as_str(), url.host(), url.port()), (shown, host, port));
    }

    #[test]
    fn urls_keep_their_text() {
        check("http://keep0.example:25107", "http://keep0.example:25107/", "keep0.example", 25107);
        check("http://keep0.example:25107/", "http://keep0.example:25107/", "keep0.example", 25107);
        check("https://Keep0/x//y", "https://Keep0/x//y", "Keep0", 443);
        check("HTTP://a:0", "http://a:0/", "a", 0);
        check("http://[::1]:25107", "http://[::1]:25107/", "::1", 25107);
        check("http://[::1]", "http://[::1]/", "::1", 80);
        check("http://:25107", "http://:25107/", "", 25107);
    }

    #[test]
    fn urls_are_compared_as_text() {
        let url = |text| ServiceUrl::parse(text).unwrap();
        assert_eq!(url("http://keep0:80"), url("http://keep0:80/"));
        assert_ne!(url("http://keep0:80"), url("http://keep0"));
        assert_ne!(url("http://keep0"), url("http://KEEP0"));
        assert_ne!(url("http://keep0"), url("https://keep0"));
    }

    #[test]
    fn other_texts_are_no_url() {
        for text in [
            "",
            "keep0",
            "keep0:25107",
            "ftp://keep0/",
            "http://",
            "http:///x",
            "http://a:b/",
            "http://a:+1/",
            "http://a:65536/",
            "http://a:/",
            "http://me:word@a/",
            "http://a/?q",
            "http://a/#f",
            "http://a b/",
            "http://::1/",
            "http://[zz]/",
            "http://[::1/",
            "http://]/",
            "http://[/",
            "http://[]:1/",
        ] {
            assert_eq!(ServiceUrl::parse(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _read = ServiceUrl::parse(&format!("http://{text}"));
        }

        #[test]
        fn what_is_shown_is_read_back(text in "https?://[a-z\\[\\]:0-9.]{0,12}(/[a-z/]{0,4})?") {
            if let Some(url) = ServiceUrl::parse(&text) {
                proptest::prop_assert_eq!(ServiceUrl::parse(&url.to_string()), Some(url));
            }
        }
    }
}
