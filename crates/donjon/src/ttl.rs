//! How long signatures are valid: learnt from a configuration or told, never guessed. A guess that is too long keeps garbage; one
//! that is too short loses blocks.

use std::str::FromStr;
use std::time::Duration;

use crate::failure::Failure;
use crate::when::span;

/// `--ttl`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::Args)]
pub(crate) struct TtlArg {
    /// The cluster's BlobSigningTTL, such as 336h or 14d, if neither --config nor --data tells it. All nodes must have this one
    #[arg(long, value_name = "DURATION")]
    ttl: Option<Ttl>,
}

/// A TTL on the command line.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Ttl(Duration);

impl FromStr for Ttl {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Ttl, &'static str> {
        match span(text) {
            Some(ttl) if !ttl.is_zero() => Ok(Ttl(ttl)),
            Some(_) | None => {
                Err("a duration is a number with a unit (s, m, h, d, w), such as 336h or 14d")
            }
        }
    }
}

impl TtlArg {
    /// What was told, or what the configuration has; nothing if neither says. They must not contradict each other.
    pub(crate) fn or(self, configured: Option<Duration>) -> Result<Option<Duration>, Failure> {
        match (self.ttl, configured) {
            (Some(Ttl(told)), Some(configured)) if told != configured => {
                Err(Failure::Usage(format!(
                    "--ttl says {} s, BlobSigningTTL of the configuration {} s; leave --ttl away, or correct the file and restart the nodes",
                    told.as_secs(),
                    configured.as_secs()
                )))
            }
            (told, configured) => Ok(told.map(|Ttl(told)| told).or(configured)),
        }
    }
}

/// The TTL, or what to do to make it known.
pub(crate) fn known(ttl: Option<Duration>) -> Result<Duration, Failure> {
    ttl.ok_or_else(|| {
        Failure::Usage(
            "how long are signatures valid? Give --config FILE or --data DIR of the cluster, or --ttl with its BlobSigningTTL (--ttl 336h if nobody has set another): with a wrong one, blocks that are wanted could be trashed"
                .to_owned(),
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(text: &str) -> TtlArg {
        TtlArg { ttl: Some(text.parse().unwrap()) }
    }

    #[test]
    fn what_is_told_and_what_is_configured_must_be_the_same() {
        let hour = Some(Duration::from_secs(3600));
        let nobody = TtlArg { ttl: None };
        assert_eq!(nobody.or(None).unwrap(), None);
        assert_eq!(nobody.or(hour).unwrap(), hour);
        assert_eq!(told("60m").or(None).unwrap(), hour);
        assert_eq!(told("1h").or(hour).unwrap(), hour);
        assert!(matches!(told("2h").or(hour), Err(Failure::Usage(_))));
        assert!(matches!(known(None), Err(Failure::Usage(_))));
    }

    #[test]
    fn no_duration_and_none_at_all_are_refused() {
        for bad in ["", "0", "0s", "14", "14 days", "-1h"] {
            assert!(bad.parse::<Ttl>().is_err(), "{bad:?}");
        }
    }
}
