//! Which directory of manifests a command works on, and how long signatures are valid there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use donjon_node::config::{self, Config, ConfigSource, DATA_CONFIG_FILE, Environment};

use crate::cluster::{Cluster, ClusterArgs};
use crate::failure::Failure;
use crate::ttl::TtlArg;

/// The directory of manifests within a data directory.
pub(crate) const OWN: &str = "manifests";

/// Which directory of manifests.
#[derive(Clone, Debug, clap::Args)]
#[command(next_help_heading = "Manifests")]
pub(crate) struct ManifestsArgs {
    /// The directory of manifests; Donjon.Balance.Manifests of the configuration, or DIR/manifests with --data DIR
    #[arg(long, value_name = "DIR")]
    manifests: Option<PathBuf>,

    /// An Arvados config.yml: the directory and the signature TTL are taken from it
    #[arg(long, value_name = "FILE")]
    config: Option<PathBuf>,

    /// The data directory of a node on this machine
    #[arg(long, value_name = "DIR", conflicts_with = "config")]
    data: Option<PathBuf>,

    #[command(flatten)]
    ttl: TtlArg,
}

/// A directory of manifests.
pub(crate) struct Manifests {
    pub(crate) dir: PathBuf,
    /// How long signatures are valid, if somebody has said so.
    pub(crate) ttl: Option<Duration>,
}

impl ManifestsArgs {
    /// Finds the directory. It need not be there yet.
    pub(crate) fn find(self) -> Result<Manifests, Failure> {
        let config = self.load()?;
        let configured = config.as_ref().and_then(|config| config.balance.manifests.clone());
        let own = self.data.as_ref().map(|data| data.join(OWN));
        let dir = self.manifests.or(configured).or(own).ok_or_else(|| {
            Failure::Usage(
                "which directory of manifests? Give --manifests DIR, --data DIR, or --config FILE with Donjon.Balance.Manifests"
                    .to_owned(),
            )
        })?;
        Ok(Manifests { dir, ttl: self.ttl.or(config.map(|config| config.signing.ttl))? })
    }

    /// The nodes of the cluster whose configuration was named. Nothing if none was, or it has no nodes.
    pub(crate) fn cluster(&self) -> Result<Option<Cluster>, Failure> {
        if self.load()?.is_none_or(|config| config.keepstores.is_empty()) {
            return Ok(None);
        }
        ClusterArgs::of(self.config.clone(), self.data.clone(), self.ttl).cluster().map(Some)
    }

    fn load(&self) -> Result<Option<Config>, Failure> {
        let source = match (&self.data, &self.config) {
            (Some(data), _) => ConfigSource::File(config_of(data)?),
            (None, Some(file)) => ConfigSource::from_argument(Some(file), &Environment::default()),
            (None, None) => return Ok(None),
        };
        let loaded = config::load(&source, &Environment::of_process());
        loaded.map(|loaded| Some(loaded.config)).map_err(|error| Failure::Usage(error.to_string()))
    }
}

/// The configuration file of a data directory. It must be there: to look is not to set up.
pub(crate) fn config_of(data: &Path) -> Result<PathBuf, Failure> {
    let file = data.join(DATA_CONFIG_FILE);
    match file.try_exists() {
        Ok(true) => Ok(file),
        Ok(false) => Err(Failure::Usage(format!(
            "{}: no node has lived here, there is no {DATA_CONFIG_FILE}; `donjon serve --data DIR` makes it",
            data.display()
        ))),
        Err(error) => Err(Failure::local(format!("cannot look for {}", file.display()))(error)),
    }
}
