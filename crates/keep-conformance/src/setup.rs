use std::path::{Path, PathBuf};
use std::time::Duration;

use crate::secret::Secret;

/// The settings of a server to start: what the cases vary, and nothing else.
#[derive(Clone, Debug)]
pub struct Setup {
    /// Five characters of `[a-z0-9]`.
    pub cluster_id: String,
    /// `SystemRootToken`.
    pub admin_token: Secret,
    /// `ManagementToken`.
    pub management_token: Secret,
    /// `BlobSigning` and `BlobSigningKey`.
    pub signing: Signing,
    /// `BlobSigningTTL`.
    pub signing_ttl: Duration,
    /// `BlobTrash`.
    pub trash: Trash,
    /// `BlobTrashLifetime`.
    pub trash_lifetime: Duration,
    /// `BlobTrashConcurrency`. One worker goes through a list in its order; none leaves it waiting.
    pub trash_workers: u32,
    /// `API.MaxConcurrentRequests`.
    pub concurrent_requests_max: u32,
    /// `API.MaxQueuedRequests`.
    pub queued_requests_max: u32,
    /// `API.MaxKeepBlobBuffers`.
    pub buffers: u32,
    /// `API.RequestTimeout`.
    pub request_timeout: Duration,
    /// The storage classes that exist, the first one being the default.
    pub storage_classes: Vec<String>,
    /// The volumes; each root is made by who writes the setup.
    pub volumes: Vec<VolumeSetup>,
    /// Another cluster to read blocks from.
    pub remote: Option<RemoteSetup>,
    /// A directory for the launcher's own files.
    pub scratch: PathBuf,
}

/// Whether reads need a signature.
#[derive(Clone, Debug)]
pub enum Signing {
    /// They do.
    On(Secret),
    /// They do not, but answers to PUT are signed.
    Off(Secret),
    /// They do, and no key is configured: the server must refuse to start.
    OnWithoutKey,
}

/// `BlobTrash`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Trash {
    /// Blocks may be trashed.
    On,
    /// Nothing is ever trashed.
    Off,
}

/// One Directory volume.
#[derive(Clone, Debug)]
pub struct VolumeSetup {
    /// 27 characters.
    pub mount_uuid: String,
    /// `DriverParameters.Root`, an existing directory.
    pub root: PathBuf,
    /// The classes it offers.
    pub storage_classes: Vec<String>,
    /// How many copies the back end is said to keep.
    pub replication: u32,
    /// Who may write and trash.
    pub access: Access,
    /// Which services mount it.
    pub served_by: ServedBy,
}

/// `ReadOnly` and `AllowTrashWhenReadOnly`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Blocks may be written and trashed.
    ReadWrite,
    /// Blocks may be read only.
    ReadOnly,
    /// Blocks may be read and trashed.
    ReadAndTrash,
}

/// `AccessViaHosts`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ServedBy {
    /// Every service mounts it.
    All,
    /// Only a service that is not the one started.
    AnotherService,
}

/// One entry of `RemoteClusters`, reached over TLS without verification.
#[derive(Clone, Debug)]
pub struct RemoteSetup {
    /// Its five characters.
    pub cluster_id: String,
    /// `HOST:PORT` of its API server.
    pub host: String,
}

/// The class that a volume has unless a case says otherwise.
pub(crate) const DEFAULT_CLASS: &str = "default";
const HOUR: Duration = Duration::from_secs(3600);

impl Setup {
    /// Signing on, no volumes, one worker for each list, generous limits, signature TTL of an hour.
    ///
    /// The TTL need not be short: a case that needs an old replica sets the file's mtime.
    pub fn new(scratch: &Path) -> Self {
        Setup {
            cluster_id: "zzzzz".to_owned(),
            admin_token: Secret::new("conformanceadmintokenconformanceadmintoken"),
            management_token: Secret::new("conformancemanagementtokenconformance"),
            signing: Signing::On(Secret::new(
                "conformancesigningkeyconformancesigningkeyconformance",
            )),
            signing_ttl: HOUR,
            trash: Trash::On,
            trash_lifetime: 24 * HOUR,
            trash_workers: 1,
            concurrent_requests_max: 64,
            queued_requests_max: 64,
            buffers: 8,
            request_timeout: Duration::from_secs(300),
            storage_classes: vec![DEFAULT_CLASS.to_owned()],
            volumes: Vec::new(),
            remote: None,
            scratch: scratch.to_owned(),
        }
    }
}

impl VolumeSetup {
    /// A writable volume of class `default` and replication 1, open to every service.
    pub fn new(mount_uuid: &str, root: &Path) -> Self {
        VolumeSetup {
            mount_uuid: mount_uuid.to_owned(),
            root: root.to_owned(),
            storage_classes: vec![DEFAULT_CLASS.to_owned()],
            replication: 1,
            access: Access::ReadWrite,
            served_by: ServedBy::All,
        }
    }
}
