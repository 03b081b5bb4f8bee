//! `donjon serve`

use std::error::Error as _;
use std::path::PathBuf;
use std::time::Duration;

use donjon_node::StartError;
use donjon_node::config::{self, ConfigSource, Environment};

use crate::exit::Exit;
use crate::failure::Failure;
use crate::listen;

/// Run a node
///
/// With --data, no configuration is needed: the first start makes tokens, a signing key and a volume in that directory.
/// With --config, the file is an Arvados config.yml. Logs go to stderr. SIGTERM and SIGINT finish what is in hand.
#[derive(Debug, clap::Args)]
#[command(
    version,
    display_name = "donjon",
    after_help = "\
Examples:
  donjon serve --data /srv/keep
  donjon serve --data /srv/keep --listen 0.0.0.0:25107
  ARVADOS_SERVICE_INTERNAL_URL=http://keep0:25107 donjon serve --config /etc/arvados/config.yml

The flags of the Go keepstore are understood: -config FILE, -version;
-skip-legacy and -legacy-…-config are ignored.
Exit status: 0 stopped by a signal, 1 it could not start, 2 the command line is wrong"
)]
pub(crate) struct ServeArgs {
    /// An Arvados config.yml; - is standard input. Otherwise $ARVADOS_CONFIG, else /etc/arvados/config.yml
    #[arg(long, value_name = "FILE", conflicts_with = "data")]
    config: Option<PathBuf>,

    /// The node's own directory, instead of a configuration. Made if it is new; the directory above it must be there
    #[arg(long, value_name = "DIR")]
    data: Option<PathBuf>,

    /// Where to listen, HOST:PORT. The first start keeps it in DIR/donjon.yml, where later starts and other commands find
    /// it; later it counts for this start alone, and other commands need --url. Without it 127.0.0.1:25107
    #[arg(long, value_name = "ADDR", requires = "data", value_parser = listen::address)]
    listen: Option<String>,
}

/// How long the node's threads may take to end, once all that it waits for has ended.
const THREADS_END: Duration = Duration::from_secs(5);

pub(crate) fn run(args: ServeArgs) -> Result<Exit, Failure> {
    let environment = Environment::of_process().listening(args.listen);
    let source = match args.data {
        Some(data) => ConfigSource::Data(data),
        None => ConfigSource::from_argument(args.config.as_deref(), &environment),
    };
    let to_try = config::address_to_try(&source, &environment)
        .map_err(|errors| Failure::Other(errors.to_string()))?;
    if let Some(address) = to_try {
        donjon_node::try_address(&address).map_err(|error| Failure::Other(with_causes(&error)))?;
    }
    let loaded =
        config::load(&source, &environment).map_err(|errors| Failure::Other(errors.to_string()))?;
    let runtime =
        tokio::runtime::Runtime::new().map_err(Failure::local("cannot start the runtime"))?;
    let served = runtime.block_on(donjon_node::serve(loaded));
    // A thread that a dead disk holds must not hold the process.
    runtime.shutdown_timeout(THREADS_END);
    served.map_err(|error| Failure::Other(with_causes(&error)))?;
    Ok(Exit::Done)
}

/// The error and what it says behind it, in one line.
fn with_causes(error: &StartError) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        text.push_str(&format!(": {error}"));
        cause = error.source();
    }
    text
}
