//! Everything that can be wrong in a configuration, and the words for it: one screen.

use super::node::Node;

/// A mistake: the node refuses to start. Its text follows the key path and says what to do. Secrets are never part of it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant is documented by its message")]
pub enum Problem {
    // The shape of a value.
    #[error("is given twice; keep one")]
    KeyTwice,
    #[error("{found} is not {wanted}")]
    NotA { found: String, wanted: &'static str },
    #[error("{found} is not a duration; write it like 336h")]
    NotADuration { found: String },
    #[error("{found} is out of range; it must be from {least} to {most}")]
    OutOfRange { found: String, least: String, most: String },
    #[error("{found} is none of {choices}")]
    NotOneOf { found: String, choices: &'static str },

    // The cluster.
    #[error(
        "names no cluster; write Clusters, below it the id of your cluster, and below that its settings"
    )]
    NoCluster,
    #[error("names several clusters ({ids}); a node serves one")]
    SeveralClusters { ids: String },
    #[error("is not the id of a cluster, which is five characters of a-z and 0-9")]
    BadClusterId,

    // Tokens and keys.
    #[error(
        "is empty; without it anybody could trash blocks. Set it to a long random text of letters and digits"
    )]
    NoSystemRootToken,
    #[error("holds characters other than ASCII letters and digits")]
    NotAlphanumeric,
    #[error("is {found}, not text; write it in quotes")]
    SecretNotText { found: &'static str },
    #[error(
        "is empty while BlobSigning is true; set a key, the same for the whole cluster, or BlobSigning: false"
    )]
    NoSigningKey,

    // Classes.
    #[error("no storage class has Default: true; set it for one at least")]
    NoDefaultClass,
    #[error("{found} is not the name of a storage class, which has no comma, blank or equals sign")]
    BadClassName { found: String },
    #[error("is empty, although storage classes are configured; name one at least")]
    VolumeWithoutClass,
    #[error("the class is not configured; add it to StorageClasses of the cluster")]
    UnknownClass,

    // Volumes.
    #[error("there are no volumes")]
    NoVolumes,
    #[error("no volume is to be mounted by {url}; look at AccessViaHosts of the volumes")]
    NoVolumeHere { url: String },
    #[error("is not the name of a volume, which is 1 to 100 letters, digits and hyphens")]
    BadVolumeUuid,
    #[error("is missing; set it to Directory")]
    NoDriver,
    #[error(
        "Donjon does not serve {driver} volumes yet; name other nodes in AccessViaHosts, or keep the Go keepstore for it"
    )]
    DriverNotServed { driver: String },
    #[error("{found} is not a driver; Donjon serves Directory")]
    UnknownDriver { found: String },
    #[error("is missing; set it to the directory that holds the blocks")]
    NoRoot,
    #[error("{found} is not an absolute path; begin it with /")]
    RelativeRoot { found: String },
    #[error("is also the root of volume {other}; one directory cannot be two volumes")]
    RootTwice { other: String },

    // Addresses.
    #[error("{found} is not the URL of a service; write it like http://keep0.example:25107")]
    BadUrl { found: String },
    #[error("means the same URL as another key here; keep one")]
    UrlTwice,
    #[error(
        "is empty; add the URL under which other services reach this node, like http://keep0.example:25107"
    )]
    NoInternalUrl,

    // TLS.
    #[error("is empty, but {url} listens with TLS; set it to the path of a PEM file")]
    NoTlsFile { url: String },
    #[error("is not the absolute path of a PEM file")]
    BadTlsPath,

    // Federation.
    #[error("{found} is not the name of a host, like arvados.example:443")]
    BadRemoteHost { found: String },
}

/// Something to know about: the node starts all the same.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
#[expect(missing_docs, reason = "each variant is documented by its message")]
pub enum Notice {
    #[error("is ignored: Donjon does not know this key")]
    UnknownKey,
    #[error("is ignored: Donjon does not know this key; did you mean {nearest}?")]
    Misspelt { nearest: &'static str },
    #[error("is ignored: letter case counts; write {expected}")]
    WrongCase { expected: &'static str },
    #[error("has no value; write {{}} if none is meant")]
    NoValue,
    #[error("is shorter than 32 characters and could be guessed")]
    ShortSecret,
    #[error(
        "is empty: anybody who reaches the port can read the metrics, and the health check is off"
    )]
    NoManagementToken,
    #[error("is shorter than an hour: blocks may be trashed soon after they are written")]
    ShortTtl,
    #[error("is 0: blocks are deleted at once and cannot be untrashed")]
    NoTrash,
    #[error("is 0: lists are accepted but not worked off")]
    NoTrashWorkers,
    #[error("no volume has this class")]
    ClassWithoutVolume,
    #[error(
        "is none of Services.Keepstore.InternalURLs; check the spelling, which must be the same to the letter"
    )]
    UnknownHost,
    #[error("is none of Services.Keepstore.InternalURLs; listening there nevertheless")]
    OwnUrlNotConfigured,
    #[error("is not of the usual form zzzzz-nyw5e-000000000000000")]
    UnusualVolumeUuid,
    #[error("is less than 1 and counts as 1")]
    ReplicationBelowOne,
    #[error("is not the id of a cluster and is ignored")]
    BadRemoteId,
    #[error("is true: a node that pulls does not check whom it talks to")]
    InsecureTls,
    #[error("is false: a crash or power loss may take blocks that a client was told are stored")]
    NoSync,
    #[error("is true: anybody who reaches the port can store blocks")]
    AnonymousWrites,
    #[error(
        "holds secrets, but every user of this machine may read it; take that right away: chmod o-rwx"
    )]
    ReadableByAll,
}

/// The longest value that a message shows in full, in characters.
const VALUE_SHOWN_MAX: usize = 80;

/// A text in quotes, cut if it is long. For values that are no secrets.
pub(super) fn shown(text: &str) -> String {
    if text.chars().count() > VALUE_SHOWN_MAX {
        format!("{:?}…", text.chars().take(VALUE_SHOWN_MAX).collect::<String>())
    } else {
        format!("{text:?}")
    }
}

/// A scalar as it was written, or what kind of collection it is. For values that are no secrets.
pub(super) fn shown_node(node: &Node) -> String {
    match node {
        Node::Text(text) => shown(text),
        Node::Int(number) => number.to_string(),
        Node::Float(number) => number.to_string(),
        Node::Bool(value) => value.to_string(),
        Node::Null | Node::List(_) | Node::Map(_) => node.kind().to_owned(),
    }
}
