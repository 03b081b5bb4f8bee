//! Where a configuration comes from, and how it is loaded.

use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use sha2::{Digest, Sha256};

use super::cluster::{Config, resolve};
use super::embedded;
use super::error::ConfigErrors;
use super::identity::{OWN_URL_VARIABLE, OwnUrl, ServiceUrl, first_address, is_listened_at};
use super::path::KeyPath;
use super::problem::Notice;
use super::report::{Report, Warning};
use super::yaml::load_yaml;

/// The environment variable that names the configuration file.
pub const CONFIG_VARIABLE: &str = "ARVADOS_CONFIG";

/// The configuration file if nothing else is named.
pub const DEFAULT_PATH: &str = "/etc/arvados/config.yml";

/// The longest configuration, in bytes. That of a large cluster is a hundredth of it.
const TEXT_MAX: u64 = 16 << 20;

/// Where to read the configuration.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ConfigSource {
    /// An Arvados `config.yml`.
    File(PathBuf),
    /// The same, on standard input.
    Stdin,
    /// A data directory of the node's own, which is set up if it is new.
    Data(PathBuf),
}

impl ConfigSource {
    /// What `--config` means: a file, `-` for standard input; without it the file that `ARVADOS_CONFIG` names, else
    /// `/etc/arvados/config.yml` (spec section 8).
    pub fn from_argument(argument: Option<&Path>, environment: &Environment) -> Self {
        match argument.or(environment.config_path.as_deref()) {
            Some(path) if path.as_os_str() == "-" => ConfigSource::Stdin,
            Some(path) => ConfigSource::File(path.to_owned()),
            None => ConfigSource::File(PathBuf::from(DEFAULT_PATH)),
        }
    }
}

/// What the configuration depends on outside its text.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Environment {
    /// `ARVADOS_CONFIG`.
    pub config_path: Option<PathBuf>,
    /// The node's own URL, if it was told.
    pub own_url: Option<OwnUrl>,
}

impl Environment {
    /// What the process was started with. Empty variables count as unset.
    pub fn of_process() -> Self {
        let set = |name| std::env::var_os(name).filter(|value| !value.is_empty());
        Environment {
            config_path: set(CONFIG_VARIABLE).map(PathBuf::from),
            own_url: set(OWN_URL_VARIABLE)
                .map(|url| OwnUrl::Variable(url.to_string_lossy().into_owned())),
        }
    }

    /// The same, with the address of the command line, which goes before the variable.
    #[must_use]
    pub fn listening(mut self, address: Option<String>) -> Self {
        self.own_url = address.map(OwnUrl::CommandLine).or(self.own_url);
        self
    }
}

/// Which text a configuration was read from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Source {
    /// The file, or "standard input".
    pub name: String,
    /// SHA-256 of the text, in hex: the label of the configuration metrics.
    pub sha256: String,
    /// When the file was last changed, if it is one.
    pub modified: Option<SystemTime>,
}

/// A configuration that can be used.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The configuration.
    pub config: Config,
    /// What the operator should know.
    pub warnings: Vec<Warning>,
    /// What it was read from.
    pub source: Source,
}

/// Loads a configuration and checks it. Blocks on reading it.
///
/// For [`ConfigSource::Data`] an absent or empty directory is set up first, with tokens of its own and the address of the
/// command line; see `docs/configuration.md`.
///
/// # Errors
/// The text cannot be read, is not YAML, or has mistakes: all of them at once.
pub fn load(source: &ConfigSource, environment: &Environment) -> Result<Loaded, ConfigErrors> {
    match source {
        ConfigSource::File(path) => load_file(path, environment),
        ConfigSource::Stdin => {
            let name = "standard input";
            parse(name, &read_text(name, io::stdin().lock())?, environment)
        }
        ConfigSource::Data(dir) => {
            let address = address_of_new(environment)?;
            load_file(&embedded::set_up(dir, &address)?, environment)
        }
    }
}

/// Where a node listens whose data directory is new: to be tried before the directory is made, because the address stays in
/// its configuration. `None` if `source` is no data directory, or one that was set up before, or if this start listens
/// somewhere else.
///
/// # Errors
/// The address of the command line is none; the directory cannot be looked at.
pub fn address_to_try(
    source: &ConfigSource,
    environment: &Environment,
) -> Result<Option<ServiceUrl>, ConfigErrors> {
    match source {
        ConfigSource::Data(dir) if embedded::is_new(dir)? => {
            let address = address_of_new(environment)?;
            let is_used = is_listened_at(&address, environment.own_url.as_ref());
            Ok(is_used.then_some(address))
        }
        ConfigSource::Data(_) | ConfigSource::File(_) | ConfigSource::Stdin => Ok(None),
    }
}

fn address_of_new(environment: &Environment) -> Result<ServiceUrl, ConfigErrors> {
    let mut report = Report::default();
    let address = first_address(environment.own_url.as_ref(), &mut report);
    let Report { mistakes, warnings } = report;
    let name = "the command line".to_owned();
    address.ok_or(ConfigErrors::Mistakes { name, mistakes, warnings })
}

fn load_file(path: &Path, environment: &Environment) -> Result<Loaded, ConfigErrors> {
    let name = path.display().to_string();
    let unreadable = |source| ConfigErrors::Unreadable { name: name.clone(), source };
    let file = File::open(path).map_err(unreadable)?;
    let metadata = file.metadata().map_err(unreadable)?;
    let mut loaded = parse(&name, &read_text(&name, file)?, environment)?;
    loaded.source.modified = metadata.modified().ok();
    if metadata.is_file() && metadata.mode() & 0o004 != 0 {
        loaded
            .warnings
            .push(Warning { key: KeyPath::outside(&name), notice: Notice::ReadableByAll });
    }
    Ok(loaded)
}

fn read_text(name: &str, from: impl Read) -> Result<String, ConfigErrors> {
    let mut bytes = Vec::new();
    let read = from.take(TEXT_MAX + 1).read_to_end(&mut bytes);
    read.map_err(|source| ConfigErrors::Unreadable { name: name.to_owned(), source })?;
    let not_text = |problem| ConfigErrors::NotText { name: name.to_owned(), problem };
    if bytes.len() as u64 > TEXT_MAX {
        return Err(not_text("longer than 16 MiB, so it is no configuration"));
    }
    String::from_utf8(bytes).ok().ok_or_else(|| not_text("is not UTF-8 text"))
}

/// Checks the text of a configuration; `name` is how messages call it.
///
/// # Errors
/// The text is not YAML, or has mistakes: all of them at once.
///
/// # Examples
/// ```
/// # use donjon_node::config::{Environment, parse};
/// let error = parse("test.yml", "Clusters: {zzzzz: {API: {RequestTimeout: 5 minutes}}}", &Environment::default());
/// let text = error.unwrap_err().to_string();
/// assert!(text.contains(r#"Clusters.zzzzz.API.RequestTimeout: "5 minutes" is not a duration; write it like 336h"#));
/// assert!(text.contains("Clusters.zzzzz.SystemRootToken: is empty"));
/// ```
pub fn parse(name: &str, text: &str, environment: &Environment) -> Result<Loaded, ConfigErrors> {
    let not_yaml = |problem| ConfigErrors::NotYaml { name: name.to_owned(), problem };
    let tree = load_yaml(text).map_err(not_yaml)?;
    let mut report = Report::default();
    let config = resolve(&tree, environment.own_url.as_ref(), &mut report);
    let Report { mistakes, warnings } = report;
    let Some(config) = config else {
        return Err(ConfigErrors::Mistakes { name: name.to_owned(), mistakes, warnings });
    };
    let source = Source { name: name.to_owned(), sha256: hex_sha256(text), modified: None };
    Ok(Loaded { config, warnings, source })
}

fn hex_sha256(text: &str) -> String {
    Sha256::digest(text.as_bytes()).iter().map(|byte| format!("{byte:02x}")).collect()
}
