//! The work lists: how they come in, what their workers do, and the books about it.

mod absence;
mod accept;
mod books;
mod code;
mod crew;
mod dry;
mod emptier;
mod ending;
mod guard;
mod handler;
mod intake;
mod locator;
mod outcomes;
mod pace;
mod progress;
mod pull;
mod receipt;
mod resume;
mod steerable;
mod stores;
mod trash;
mod work;

pub(crate) use absence::{beat, run_pulse};
pub(crate) use crew::run as run_crew;
pub(crate) use dry::{
    Foreseen, WORKERS as DRY_WORKERS, decide_pull, decide_trash, dry_outcomes, dry_status, foresee,
};
pub(crate) use emptier::{run as run_emptier, sweep};
pub(crate) use ending::{Ending, Failed};
pub(crate) use guard::hold_rest;
pub(crate) use handler::{
    Paused, Query, cancel, items, list_by_id, list_status, outcomes, pause, read, release, remove,
    set_settings, settings, status,
};
pub(crate) use intake::{Brought, put_list};
pub(crate) use pull::Pulling;
pub use resume::resume;
pub(crate) use stores::Stores;
pub use stores::StoresNotOpened;
pub(crate) use trash::Trashing;
pub(crate) use work::{Totals, Waiting, WorkList};
