//! Why a run has not sent its lists.

use super::Made;
use crate::alone::NotAlone;
use crate::apply::ApplyError;
use crate::confirm::ConfirmingError;
use crate::durable::StateError;
use crate::foreign::StandingUnknown;
use crate::keep::KeepError;
use crate::missing::MissingError;
use crate::observe::ObserveError;
use crate::planning::PlanningError;
use crate::send::NotCleared;

/// Why a run failed.
#[derive(Debug, thiserror::Error)]
pub enum RunError {
    /// What nodes were sent is not known.
    #[error(transparent)]
    Sent(#[from] StateError),
    /// Plans cannot be kept.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// Lists could not be cleared.
    #[error(
        "what nodes still trash is not known ({why}), and cannot be stopped: {error}; start the node, or take it out of the configuration if it is gone for good"
    )]
    NotCleared {
        /// Why it is not known.
        why: String,
        /// What happened.
        #[source]
        error: NotCleared,
    },
    /// A node does not say which trash list it has.
    #[error(transparent)]
    Standing(#[from] StandingUnknown),
    /// Not all could be learnt.
    #[error(transparent)]
    Observe(#[from] ObserveError),
    /// No plan could be made.
    #[error(transparent)]
    Planning(#[from] PlanningError),
    /// The report of lost blocks could not be written.
    #[error(transparent)]
    Missing(#[from] MissingError),
    /// The plan was not carried out.
    #[error(transparent)]
    Apply(#[from] ApplyError),
    /// Lists were sent, and the confirmed columns were not written, or not all.
    #[error("the lists were sent; the confirmed columns were not written: {0}")]
    Confirming(#[from] ConfirmingError),
    /// Lists were sent, and then the locks were gone: nothing was confirmed.
    #[error("the lists were sent; the confirmed columns were not written: {0}")]
    ConfirmingNotAlone(#[source] NotAlone),
    /// Brakes hold the plan: a person should look at it.
    #[error("the brakes hold the plan {}", .0.path.display())]
    Held(Box<Made>),
    /// It took too long.
    #[error("the run took longer than {0} s (BalanceTimeout); what was sent stays sent")]
    TimedOut(u64),
    /// A thread of ours ended badly.
    #[error("deciding ended badly: {0}")]
    Thread(String),
}
