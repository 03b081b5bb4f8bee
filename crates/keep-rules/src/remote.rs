//! Blocks of other clusters: where a locator with a remote signature leads (spec section 2.4).

use crate::cluster::ClusterId;
use crate::locator::Locator;

/// What to ask which cluster.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemoteRead {
    /// The cluster that signed.
    pub cluster: ClusterId,
    /// The locator as that cluster wants it: its signature turned into a local one.
    pub locator: Locator,
}

/// No hint of the locator is a remote signature of the right form.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("invalid remote hint")]
pub struct BadRemoteHint;

/// Turns every hint `Rccccc-SIG` into `ASIG` and drops every `A` hint; the last `ccccc` is the cluster to ask.
///
/// # Errors
/// [`BadRemoteHint`] if there is no such hint. Whether the cluster is configured is for the caller to see.
///
/// # Examples
/// ```
/// let locator = "acbd18db4cc2f85cedef654fccc4a4d8+3+Rzzzzz-0123@4567".parse()?;
/// let read = keep_rules::remote_read(&locator)?;
/// assert_eq!(read.cluster.as_str(), "zzzzz");
/// assert_eq!(read.locator.as_str(), "acbd18db4cc2f85cedef654fccc4a4d8+3+A0123@4567");
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
pub fn remote_read(locator: &Locator) -> Result<RemoteRead, BadRemoteHint> {
    let mut cluster = None;
    let rewritten = locator.rewritten(|part| match remote_signature(part) {
        Some((id, signature)) => {
            cluster = Some(id);
            Some(format!("A{signature}").into())
        }
        None if part.starts_with('A') => None,
        None => Some(part.into()),
    });
    cluster.map(|cluster| RemoteRead { cluster, locator: rewritten }).ok_or(BadRemoteHint)
}

/// Takes `Rccccc-SIG` apart.
fn remote_signature(part: &str) -> Option<(ClusterId, &str)> {
    let (id, signature) = part.strip_prefix('R')?.split_at_checked(5)?;
    let signature = signature.strip_prefix('-').filter(|signature| !signature.is_empty())?;
    Some((id.parse().ok()?, signature))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";

    #[track_caller]
    fn check(hints: &str, expected: Option<(&str, &str)>) {
        let locator = format!("{FOO}{hints}").parse().unwrap();
        let read = remote_read(&locator).ok();
        let read = read
            .as_ref()
            .map(|read| (read.cluster.as_str(), read.locator.as_str().strip_prefix(FOO).unwrap()));
        assert_eq!(read, expected, "{hints}");
    }

    #[test]
    fn a_remote_signature_becomes_a_local_one() {
        check("+3+Rzzzzz-abc@def", Some(("zzzzz", "+3+Aabc@def")));
        check("+3+Zother+Rz0000-s+Kz0000", Some(("z0000", "+3+Zother+As+Kz0000")));
        check("+Rz0000-s", Some(("z0000", "+As")));
    }

    #[test]
    fn the_last_cluster_wins() {
        check("+3+Raaaaa-1+Rbbbbb-2", Some(("bbbbb", "+3+A1+A2")));
    }

    #[test]
    fn local_signatures_are_dropped() {
        check("+3+Alocal+Rzzzzz-s", Some(("zzzzz", "+3+As")));
    }

    #[test]
    fn other_forms_are_no_remote_hint() {
        for hints in [
            "",
            "+3",
            "+3+R",
            "+3+Rzzzzz",
            "+3+Rzzzzz-",
            "+3+Rzzzz-abc",
            "+3+Rzzzzzz-a",
            "+3+Ré⛵-abcdef",
            "+3+A1",
        ] {
            check(hints, None);
        }
    }
}
