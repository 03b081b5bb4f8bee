//! The work lists: how they come in, what their workers do, and the books about it.

mod books;
mod crew;
mod emptier;
mod ending;
mod handler;
mod intake;
mod locator;
mod outcomes;
mod pace;
mod pull;
mod receipt;
mod record;
mod trash;
mod work;

pub(crate) use crew::run as run_crew;
pub(crate) use emptier::{run as run_emptier, sweep};
pub(crate) use ending::{Ending, Failed};
pub(crate) use handler::{
    Paused, Query, cancel, items, list_by_id, list_status, outcomes, pause, read, release, remove,
    set_settings, settings, status,
};
pub(crate) use intake::put_list;
pub(crate) use pull::Pulling;
pub(crate) use trash::Trashing;
pub(crate) use work::{Totals, WorkList};
