use std::fmt;
use std::str::FromStr;

/// Where a keepstore listens: `http://HOST:PORT`.
///
/// # Examples
/// ```
/// use keep_conformance::Origin;
/// let origin: Origin = "http://127.0.0.1:25107/".parse()?;
/// assert_eq!(origin.to_string(), "http://127.0.0.1:25107");
/// assert!("https://127.0.0.1/".parse::<Origin>().is_err());
/// # Ok::<(), keep_conformance::BadUrl>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Origin {
    authority: String,
}

/// A text that is not the URL of a keepstore.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{text:?} is not a keepstore's URL: {reason}; give http://HOST:PORT")]
pub struct BadUrl {
    text: String,
    reason: &'static str,
}

impl Origin {
    /// `HOST:PORT`, as a `Host` header and a socket address.
    pub(crate) fn authority(&self) -> &str {
        &self.authority
    }
}

impl FromStr for Origin {
    type Err = BadUrl;

    fn from_str(text: &str) -> Result<Self, BadUrl> {
        let bad = |reason| BadUrl { text: text.to_owned(), reason };
        if text.starts_with("https://") {
            return Err(bad("TLS is not spoken here"));
        }
        let rest =
            text.strip_prefix("http://").ok_or_else(|| bad("it does not begin with http://"))?;
        let authority = rest.strip_suffix('/').unwrap_or(rest);
        if authority.is_empty() || authority.contains(['/', '?', '#', '@', ' ']) {
            return Err(bad("it has more than a host and a port"));
        }
        match authority.rsplit_once(':') {
            Some((host, port)) if !host.is_empty() => {
                port.parse::<u16>()
                    .map_err(|_not_a_port| bad("the port is not a number below 65536"))?;
                Ok(Origin { authority: authority.to_owned() })
            }
            Some(_) => Err(bad("it has no host")),
            None => Ok(Origin { authority: format!("{authority}:80") }),
        }
    }
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "http://{}", self.authority)
    }
}
