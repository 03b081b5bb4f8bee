//! Why a plan is not carried out.

use std::io;

use keep_rules::brake::Brake;

use crate::alone::NotAlone;
use crate::durable::StateError;
use crate::foreign::StandingUnknown;
use crate::keep::KeepError;
use crate::layout::MountsError;
use crate::plan::{PlanError, Sha256Digest};
use crate::send::NotSent;
use crate::servers::ServersError;

/// Why a plan is not carried out.
#[derive(Debug, thiserror::Error)]
pub enum ApplyError {
    /// The file is no plan, or is damaged.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// It is another plan than was meant.
    #[error(
        "the plan's digest is {found}, not {wanted}; look at the plan again before you apply it"
    )]
    OtherDigest {
        /// The digest that was asked for.
        wanted: String,
        /// The plan's.
        found: Sha256Digest,
    },
    /// The world has moved on.
    #[error(
        "the plan is {age_s} s old, more than {max_s} s (Donjon.Balance.PlanMaxAge); make a new one"
    )]
    TooOld {
        /// How old it is.
        age_s: u64,
        /// What is allowed.
        max_s: u64,
    },
    /// It was made with another signature TTL.
    #[error("the plan was made with another signature TTL than is configured now; make a new one")]
    OtherTtl,
    /// It was made with other wishes.
    #[error(
        "the plan was made with another DefaultReplication or ClassFirst than is configured now; make a new one"
    )]
    OtherPolicy,
    /// Lists were sent since it was made: it does not know what is doomed.
    #[error("lists were sent since this plan was made, or it was sent already; make a new one")]
    Overtaken,
    /// It would change too much.
    #[error("the brakes hold this plan: {}", shown(.0))]
    Brakes(Vec<Brake>),
    /// Nodes or mounts are not what they were.
    #[error("{0} changed since the plan was made; make a new one")]
    Changed(&'static str),
    /// A node does not answer.
    #[error(transparent)]
    Servers(#[from] ServersError),
    /// Mounts cannot be balanced.
    #[error(transparent)]
    Mounts(#[from] MountsError),
    /// Another balancer may be at work.
    #[error(transparent)]
    NotAlone(#[from] NotAlone),
    /// What is sent cannot be remembered, so it is not sent.
    #[error(transparent)]
    Sent(#[from] StateError),
    /// The plan cannot be kept, so it is not sent.
    #[error(transparent)]
    Keep(#[from] KeepError),
    /// A node does not say which trash list it has.
    #[error("{0}; no trash list was sent")]
    Standing(#[from] StandingUnknown),
    /// A node has a trash list that the plan does not know of.
    #[error("{0}, so that no trash list was sent; make a new plan")]
    Foreign(String),
    /// A list cannot be written to a file.
    #[error("a list cannot be written in the state directory: {0}")]
    Outbox(#[from] io::Error),
    /// Some node did not take its list. After a pull list that was not taken no trash list is sent.
    #[error("{}", said(.0))]
    NotSent(Vec<NotSent>),
    /// A thread of ours ended badly.
    #[error("making the lists ended badly: {0}")]
    Thread(String),
}

impl ApplyError {
    /// Whether it is the plan that will not do, so that nobody was sent anything.
    pub(super) fn refuses_the_plan(&self) -> bool {
        use ApplyError::{OtherDigest, OtherPolicy, OtherTtl, Overtaken, Plan, TooOld};
        matches!(
            self,
            Plan(_) | OtherDigest { .. } | TooOld { .. } | OtherTtl | OtherPolicy | Overtaken
        )
    }
}

fn shown(brakes: &[Brake]) -> String {
    let reasons: Vec<String> = brakes.iter().map(ToString::to_string).collect();
    reasons.join("; ")
}

fn said(failures: &[NotSent]) -> String {
    let said: Vec<String> = failures.iter().map(ToString::to_string).collect();
    said.join("; ")
}
