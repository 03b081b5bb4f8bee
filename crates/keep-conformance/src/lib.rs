//! The behaviour cases of a keepstore (spec section 12), run over the wire against any of them.
//!
//! Give [`run()`] a [`Target`]: a server that runs already ([`RunningServer`]), or a way to start fresh ones
//! ([`ProcessLauncher`]). Each case gives a [`Row`]; [`render()`] draws the table.
//!
//! Invariant: the cases come from the specification. Nothing here depends on a node of ours, and signatures are
//! computed apart from `keep-rules`, so that a mistake of ours is not mirrored.

mod block;
mod cases;
mod config;
mod context;
mod fake;
mod http;
mod launcher;
mod process;
mod render;
mod rendezvous;
mod report;
mod row;
mod run;
mod secret;
mod server;
mod setup;
mod signature;
mod target;
mod volume;

/// What [`Launcher`] is written with; an implementation needs it.
pub use async_trait::async_trait;
pub use config::config_yaml;
pub use http::{BadUrl, HttpError, Origin};
pub use launcher::{Launcher, Log, Running, StartFailure};
pub use process::{BadCommand, ProcessLauncher};
pub use render::{render, to_json};
pub use row::{Row, Summary, Verdict};
pub use run::{Selection, run};
pub use secret::Secret;
pub use setup::{Access, RemoteSetup, ServedBy, Setup, Signing, Trash, VolumeSetup};
pub use target::{RunningServer, Target, VolumeDir};
