//! How far lists are trusted, and where the node keeps what must survive a restart: part of the section `Donjon`.

use std::path::PathBuf;
use std::time::Duration;

use keep_rules::guard::Guard;

use super::api::COUNT_MAX;
use super::duration::DURATION_MAX;
use super::problem::{Problem, shown};
use super::report::Report;
use super::section::Section;

const DAY: Duration = Duration::from_secs(24 * 3600);
const FIVE_MINUTES: Duration = Duration::from_secs(5 * 60);

/// How lists are kept and guarded.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ListPolicy {
    /// `StateDir`: where lists, settings and the ledger are kept. `None`: in the first writable volume.
    pub state_dir: Option<PathBuf>,
    /// `ListMaxAge`: a list older than this is dropped at a restart instead of resumed.
    pub max_age: Duration,
    /// `ResumeTrashWithin`: a trash list is held at a start, not gone on with, if the node was away for longer than this; so
    /// it is if the node stood still for longer while it ran.
    pub resume_trash_within: Duration,
    /// `TrashGuardPercent`, `TrashGuardFloor`: how much of a volume a trash list may name.
    pub guard: Guard,
    /// `UntrashOnHit`: what a GET of a block in the trash does, beside the alarm.
    pub on_hit: OnTrashHit,
    /// `HoldAfterHits`: after so many GETs of blocks that a list has trashed, the rest of that list is held. 0: never.
    pub hold_after_hits: u64,
}

/// What a GET or HEAD of a block that lies in the trash does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum OnTrashHit {
    /// It is counted and logged; the answer stays 404.
    Report,
    /// The block is untrashed and served.
    Untrash,
}

impl ListPolicy {
    pub(super) fn read(section: &mut Section<'_>, report: &mut Report) -> Self {
        let dir = section.text("StateDir", report);
        if !dir.is_empty() && !dir.starts_with('/') {
            report.mistake(&section.child("StateDir"), Problem::RelativeRoot { found: shown(dir) });
        }
        let percent = section.number("TrashGuardPercent", 20, 0..=100, report);
        let floor = section.number("TrashGuardFloor", 100, 0..=COUNT_MAX, report);
        let untrash = section.flag("UntrashOnHit", false, report);
        let hits = section.number("HoldAfterHits", 0, 0..=COUNT_MAX, report);
        ListPolicy {
            state_dir: (!dir.is_empty()).then(|| PathBuf::from(dir)),
            max_age: section.duration("ListMaxAge", DAY, Duration::ZERO..=DURATION_MAX, report),
            resume_trash_within: section.duration(
                "ResumeTrashWithin",
                FIVE_MINUTES,
                Duration::ZERO..=DURATION_MAX,
                report,
            ),
            guard: Guard { percent: percent as u64, floor: floor as u64 },
            on_hit: if untrash { OnTrashHit::Untrash } else { OnTrashHit::Report },
            hold_after_hits: hits as u64,
        }
    }
}
