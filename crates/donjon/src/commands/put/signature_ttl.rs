//! How long signatures are valid while a put is at work. Somebody may change that meanwhile, and restart the nodes.

use std::time::Duration;

use crate::cluster::ClusterArgs;
use crate::failure::Failure;

/// The signature TTL of a cluster: what it was when the put began, and where to look again.
pub(super) struct SignatureTtl {
    args: ClusterArgs,
    begun_with: Duration,
}

/// The signature TTLs that nodes and balancer may have worked with since the put began.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Ttls {
    /// By this one blocks may be trashed.
    pub(super) shorter: Duration,
    /// By this one what was removed may still be in use.
    pub(super) longer: Duration,
}

impl SignatureTtl {
    /// `begun_with` is what `args` said when the put began.
    pub(super) fn new(args: ClusterArgs, begun_with: Duration) -> Self {
        SignatureTtl { args, begun_with }
    }

    /// Looks again. What can be read only once, such as a pipe, says what it said.
    pub(super) fn look(&self) -> Result<Ttls, Failure> {
        let today = self.args.ttl_again().map_err(|error| {
            Failure::Other(format!(
                "before the publication, BlobSigningTTL is read again: {error}. Nothing is published: put again when that is put right"
            ))
        })?;
        let today = today.unwrap_or(self.begun_with);
        Ok(Ttls { shorter: today.min(self.begun_with), longer: today.max(self.begun_with) })
    }
}
