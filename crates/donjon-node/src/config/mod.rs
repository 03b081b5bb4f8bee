//! The configuration: an Arvados `config.yml`, or a data directory of the node's own.
//!
//! Start with [`load`]. Text becomes a tree (`yaml.rs`, `node.rs`); one file per section reads its part of the tree into
//! types and notes every mistake (`section.rs`, `report.rs`); the words for mistakes are in `problem.rs`.
//! Keys, defaults and rules: spec section 8; `docs/configuration.md` lists them all.

mod api;
mod balance;
mod classes;
mod cluster;
mod collections;
mod driver;
mod dump;
mod duration;
mod embedded;
mod error;
mod identity;
mod list_policy;
mod logs;
mod node;
mod own_keys;
mod path;
mod problem;
mod remotes;
mod report;
mod section;
mod source;
mod spelling;
mod tls;
mod tokens;
mod volumes;
mod yaml;

pub use api::ApiLimits;
pub use balance::{BalanceSettings, Brakes, ClassOrder, DatabaseAddress};
pub use classes::ClassTable;
pub use cluster::Config;
pub use collections::{PullSettings, Signing, SigningMode, TrashSettings};
pub use driver::{Driver, Transfers};
pub use embedded::{DATA_CONFIG_FILE, DATA_VOLUME_DIR};
pub use error::{ConfigErrors, DataDirProblem};
pub use identity::{Candidate, Keepstore, OWN_URL_VARIABLE, OwnUrl, Scheme, ServiceUrl};
pub use list_policy::{ListPolicy, OnTrashHit};
pub use logs::{LogFormat, LogLevel, LogSettings};
pub use own_keys::{Durability, NodeLimits, WriteAuth};
pub use path::KeyPath;
pub use problem::{Notice, Problem};
pub use remotes::RemoteCluster;
pub use report::{Mistake, Warning};
pub use source::{
    CONFIG_VARIABLE, ConfigSource, DEFAULT_PATH, Environment, Loaded, Source, address_to_try, load,
    parse,
};
pub use tls::{PeerTrust, TlsFiles};
pub use tokens::Tokens;
pub use volumes::{VolumeConfig, VolumeTable};
pub use yaml::BadYaml;
