//! The two work lists: how they come in, what their workers do, and the books about it.

mod books;
mod emptier;
mod ending;
mod handler;
mod intake;
mod locator;
mod outcomes;
mod pull;
mod trash;
mod work;

pub(crate) use emptier::{run as run_emptier, sweep};
pub(crate) use ending::{Ending, Failed};
pub(crate) use handler::{items, list_status, outcomes, pull_workers, status, trash_workers};
pub(crate) use intake::put_list;
pub(crate) use pull::run as run_pull_worker;
pub(crate) use trash::run as run_trash_worker;
pub(crate) use work::Totals;
pub(crate) use work::WorkList;
