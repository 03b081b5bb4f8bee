//! Which directory of manifests a command works on, and how long signatures are valid there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use donjon_node::config::{self, Config, ConfigSource, DATA_CONFIG_FILE, Environment, Loaded};

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
        let loaded = self.load()?;
        self.found(loaded.as_ref().map(|loaded| &loaded.config))
    }

    /// The same, and the nodes of the cluster whose configuration was named. No nodes if none was, or it has none.
    pub(crate) fn find_with_cluster(self) -> Result<(Manifests, Option<Cluster>), Failure> {
        let loaded = self.load()?;
        let nodes = ClusterArgs::of(self.config.clone(), self.data.clone(), self.ttl);
        let manifests = self.found(loaded.as_ref().map(|loaded| &loaded.config))?;
        match loaded {
            Some(loaded) if !loaded.config.keepstores.is_empty() => {
                Ok((manifests, Some(nodes.cluster_of(Some(loaded))?)))
            }
            Some(_) | None => Ok((manifests, None)),
        }
    }

    fn load(&self) -> Result<Option<Loaded>, Failure> {
        load_config(self.config.as_deref(), self.data.as_deref())
    }

    fn found(self, config: Option<&Config>) -> Result<Manifests, Failure> {
        let configured = config.and_then(|config| config.balance.manifests.clone());
        let own = self.data.as_ref().map(|data| data.join(OWN));
        let dir = self.manifests.or(configured).or(own).ok_or_else(|| {
            Failure::Usage(
                "which directory of manifests? Give --manifests DIR, --data DIR, or --config FILE with Donjon.Balance.Manifests"
                    .to_owned(),
            )
        })?;
        Ok(Manifests { dir, ttl: self.ttl.or(config.map(|config| config.signing.ttl))? })
    }
}

/// The configuration that `--data` or `--config` names, if one of them does.
pub(crate) fn load_config(
    config: Option<&Path>,
    data: Option<&Path>,
) -> Result<Option<Loaded>, Failure> {
    let source = match (data, config) {
        (Some(data), _) => ConfigSource::File(config_of(data)?),
        (None, Some(file)) => ConfigSource::from_argument(Some(file), &Environment::default()),
        (None, None) => return Ok(None),
    };
    let loaded = config::load(&source, &Environment::of_process());
    loaded.map(Some).map_err(|error| Failure::Usage(error.to_string()))
}

/// The configuration file of a data directory. It must be there: to look is not to set up.
fn config_of(data: &Path) -> Result<PathBuf, Failure> {
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
