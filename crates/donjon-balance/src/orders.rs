//! What is ordered of a block, as plans have it. Which copies wait is decided in `keep_rules::balance`.

use std::collections::BTreeMap;

use keep_protocol::status::ListName;
use keep_rules::Timestamp;
use keep_rules::balance::{Action, Layout, PullOrder, Urgency, every_source, pull_order};
use serde::{Deserialize, Serialize};

use crate::judge::Judged;
use crate::plan::{Pull, Slug};
use crate::reasons;
use crate::setbacks::{Failed, OnLayout};

/// What begins the report of a block that was not pulled, and not trashed, when it was ordered last. The reason follows.
pub const PULL_FAILED: &str = "pull_failed_";
/// See [`PULL_FAILED`].
pub const TRASH_FAILED: &str = "trash_failed_";
/// Reports a block of which a copy is not ordered now, because it failed too often lately.
pub const PULL_WAITS: Slug = Slug::of("pull_waits");

/// Items that failed before and were decided again.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SetbackCounts {
    /// Copies to better places, or in a class, that are not ordered in this run.
    pub waiting: u64,
    /// Copies that are ordered again.
    pub again: u64,
    /// Blocks with too few copies that could not be pulled, by the reason of the last failure. They are ordered again.
    pub cannot_be_pulled: BTreeMap<String, u64>,
    /// Replicas that could not be trashed, by the reason of the last failure. They are ordered again.
    pub cannot_be_trashed: BTreeMap<String, u64>,
}

impl SetbackCounts {
    /// Whether nothing failed.
    pub fn is_empty(&self) -> bool {
        *self == SetbackCounts::default()
    }

    pub(crate) fn add(&mut self, other: &SetbackCounts) {
        self.waiting += other.waiting;
        self.again += other.again;
        for (sums, more) in [
            (&mut self.cannot_be_pulled, &other.cannot_be_pulled),
            (&mut self.cannot_be_trashed, &other.cannot_be_trashed),
        ] {
            for (reason, count) in more {
                reasons::count(sums, reason, *count);
            }
        }
    }
}

/// What is ordered of a block, and what is to be reported of it because of earlier failures.
#[derive(Debug, Default)]
pub(crate) struct Orders {
    pub(crate) pulls: Vec<Pull>,
    pub(crate) report: Vec<Slug>,
}

/// Orders what was decided of a block, as of `now`.
pub(crate) fn orders(
    layout: &Layout,
    setbacks: &OnLayout<'_>,
    judged: &Judged<'_>,
    now: Timestamp,
    counts: &mut SetbackCounts,
) -> Orders {
    let decision = judged.decision;
    let mut orders = Orders::default();
    let mut short = None;
    for pull in decision.pulls() {
        let failed = setbacks.of(ListName::Pull, judged.hash, pull.mount);
        if let Some(Failed { reason, .. }) = failed {
            report(&mut orders.report, PULL_FAILED, reason);
        }
        let sources = match pull_order(pull.reason, failed.map(|failed| failed.setback), now) {
            PullOrder::First => decision.sources().to_vec(),
            PullOrder::Wait { .. } => {
                counts.waiting += 1;
                push_once(&mut orders.report, PULL_WAITS);
                continue;
            }
            again @ (PullOrder::Again | PullOrder::InNeed) => {
                counts.again += 1;
                if again == PullOrder::InNeed {
                    short = failed.map(|failed| failed.reason);
                }
                every_source(layout, decision.sources(), judged.replicas)
            }
        };
        orders.pulls.push(Pull {
            to: pull.mount.get(),
            from: sources.iter().map(|server| server.get()).collect(),
            reason: Slug::of(pull.reason.as_str()),
            order: order(Urgency::of_pull(decision, pull)),
        });
    }
    if let Some(reason) = short {
        *counts.cannot_be_pulled.entry(reason.to_owned()).or_default() += 1;
    }
    for action in decision.actions() {
        let Action::Trash { mount, .. } = action else { continue };
        if let Some(Failed { reason, .. }) = setbacks.of(ListName::Trash, judged.hash, *mount) {
            report(&mut orders.report, TRASH_FAILED, reason);
            *counts.cannot_be_trashed.entry(reason.to_owned()).or_default() += 1;
        }
    }
    orders
}

fn report(slugs: &mut Vec<Slug>, what: &str, reason: &str) {
    if let Ok(slug) = format!("{what}{reason}").parse() {
        push_once(slugs, slug);
    }
}

fn push_once(slugs: &mut Vec<Slug>, slug: Slug) {
    if !slugs.contains(&slug) {
        slugs.push(slug);
    }
}

/// The number by which lists are filled: the lowest first.
pub(crate) fn order(urgency: Urgency) -> u64 {
    /// More copies than a block can have.
    const MANY: u64 = 1 << 32;
    match urgency {
        Urgency::TooFewCopies { copies } => copies.min(MANY - 1),
        Urgency::TooFewInClass => MANY,
        Urgency::Rebalance => MANY + 1,
        Urgency::Garbage => 0,
        Urgency::Excess => 1,
    }
}
