use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use crate::http::Origin;
use crate::launcher::Launcher;
use crate::secret::Secret;

/// What is put to the test: a server that runs already, servers that can be started, or both.
///
/// A case that needs what the target lacks is [`Skipped`](crate::Verdict::Skipped) with the reason.
///
/// # Examples
/// ```
/// use keep_conformance::{ProcessLauncher, RunningServer, Secret, Target};
/// let go = ProcessLauncher::from_command("keepstore -config {config}")?;
/// let every_case = Target::launched(go);
/// let some_cases = Target::running(RunningServer::new("http://127.0.0.1:25107".parse()?, Secret::new("s3cret")));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
#[derive(Clone, Debug, Default)]
pub struct Target {
    pub(crate) running: Option<RunningServer>,
    pub(crate) launcher: Option<Arc<dyn Launcher>>,
}

/// A keepstore that somebody else started. The cases store small blocks of their own there.
///
/// The cases replace its trash and pull lists, and touch, trash and damage blocks of their own only.
#[derive(Clone, Debug)]
pub struct RunningServer {
    /// Where it listens.
    pub url: Origin,
    /// Its `SystemRootToken`.
    pub admin_token: Secret,
    /// Its `ManagementToken`; without it, cases on metrics, health and worked-off lists are skipped.
    pub management_token: Option<Secret>,
    /// Its `BlobSigningKey`; without it, signatures come from its PUT answers, and some cases are skipped.
    pub signing_key: Option<Secret>,
    /// Its `BlobSigningTTL`: how old a replica must be before it may be trashed.
    pub signing_ttl: Duration,
    /// Directory volumes of it that this process can write to.
    pub volume_dirs: Vec<VolumeDir>,
}

/// Where the volume behind a mount lies in this machine's file system.
#[derive(Clone, PartialEq, Eq)]
pub struct VolumeDir {
    /// The mount's UUID.
    pub mount_uuid: String,
    /// The volume's `Root`.
    pub root: PathBuf,
}

impl Target {
    /// Starts fresh servers for every case.
    pub fn launched(launcher: impl Launcher + 'static) -> Self {
        Target { running: None, launcher: Some(Arc::new(launcher)) }
    }

    /// Uses a server that runs already; the cases that need other settings are skipped.
    pub fn running(server: RunningServer) -> Self {
        Target { running: Some(server), launcher: None }
    }

    /// Starts servers for the cases that need other settings than the running server's.
    #[must_use]
    pub fn with_launcher(mut self, launcher: impl Launcher + 'static) -> Self {
        self.launcher = Some(Arc::new(launcher));
        self
    }
}

impl RunningServer {
    /// A server of which only the admin token is known, with the default signature TTL of two weeks.
    pub fn new(url: Origin, admin_token: Secret) -> Self {
        RunningServer {
            url,
            admin_token,
            management_token: None,
            signing_key: None,
            signing_ttl: Duration::from_secs(14 * 24 * 3600),
            volume_dirs: Vec::new(),
        }
    }
}

impl fmt::Debug for VolumeDir {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}={}", self.mount_uuid, self.root.display())
    }
}
