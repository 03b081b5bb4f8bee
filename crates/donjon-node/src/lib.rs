//! The storage node: HTTP, mounts, lists and their workers.
//!
//! [`serve`] runs a node from a configuration until it is told to stop; [`run()`] runs one that is already put together,
//! on a listener of the caller's, as tests do.

mod accept;
mod act;
mod block;
mod buffer;
mod clock;
pub mod config;
mod every;
mod federation;
mod freeze;
mod hashing;
mod health;
mod http;
mod index;
mod known_volumes;
mod ledger;
mod life;
mod lists;
mod logging;
mod metrics;
mod mounts;
mod node;
mod peers;
mod pulse;
mod queue_dump;
#[cfg(test)]
mod rig;
mod run;
mod start;
mod state_dir;
mod state_file;
mod steering;
mod tls;
mod to_its_end;
mod unavailable;
mod volumes;

pub use clock::Clock;
pub use lists::{StoresNotOpened, resume};
pub use logging::start_logging;
pub use mounts::{Mount, MountParts, Mounts};
pub use node::{ConfigText, Node, NodeNotMade, NodeParts};
pub use run::run;
pub use start::{NotBound, StartError, serve, try_address};
pub use tls::TlsError;
pub use volumes::VolumeNotOpened;
