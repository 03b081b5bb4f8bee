//! Signatures, trash and pulls: the section `Collections`.

use std::num::NonZeroUsize;
use std::time::Duration;

use keep_rules::SigningKey;
use keep_rules::trash::Trashing;

use super::problem::{Notice, Problem};
use super::report::Report;
use super::section::Section;

/// Two weeks: the default of the signature TTL and of the trash lifetime.
const TWO_WEEKS: Duration = Duration::from_secs(14 * 24 * 3600);

const HOUR: Duration = Duration::from_secs(3600);

/// Ten years. The expiry of a signature has eight hex digits, which end in the year 2106 (spec section 3.2).
const TTL_MAX: Duration = Duration::from_secs(10 * 365 * 24 * 3600);

/// A hundred years. The deadline of trash must stay a representable instant.
const LIFETIME_MAX: Duration = Duration::from_secs(100 * 365 * 24 * 3600);

/// More workers than this would only wait for the disks.
const WORKERS_MAX: usize = 10_000;

/// Blob signatures.
#[derive(Clone, Debug)]
pub struct Signing {
    /// `BlobSigning` and `BlobSigningKey`.
    pub mode: SigningMode,
    /// `BlobSigningTTL`: how long a signature is valid, and how old a replica must be before it may be trashed.
    /// At least a second: with 0 a block could be trashed as soon as it is written.
    pub ttl: Duration,
}

/// What signatures are for.
#[derive(Clone, Debug)]
pub enum SigningMode {
    /// Locators are signed, and reading needs a signature.
    Required(SigningKey),
    /// Locators are signed, but anybody may read: `BlobSigning: false` with a key.
    Offered(SigningKey),
    /// Nothing is signed: `BlobSigning: false` without a key.
    Off,
}

impl Signing {
    /// The key to sign with, if there is one.
    pub fn key(&self) -> Option<&SigningKey> {
        match &self.mode {
            SigningMode::Required(key) | SigningMode::Offered(key) => Some(key),
            SigningMode::Off => None,
        }
    }

    /// What a read needs.
    pub fn for_reads(&self) -> keep_rules::Signing<'_> {
        match &self.mode {
            SigningMode::Required(key) => keep_rules::Signing::Required { key, ttl: self.ttl },
            SigningMode::Offered(_) | SigningMode::Off => keep_rules::Signing::Off,
        }
    }

    pub(super) fn read(collections: &mut Section<'_>, report: &mut Report) -> Self {
        let required = collections.flag("BlobSigning", true, report);
        let text = collections.secret("BlobSigningKey", report);
        let key = text.and_then(|text| SigningKey::new(text.as_bytes()).ok());
        if required && text.is_none() {
            report.mistake(&collections.child("BlobSigningKey"), Problem::NoSigningKey);
        }
        let ttl = collections.duration(
            "BlobSigningTTL",
            TWO_WEEKS,
            Duration::from_secs(1)..=TTL_MAX,
            report,
        );
        if ttl < HOUR {
            report.warn(&collections.child("BlobSigningTTL"), Notice::ShortTtl);
        }
        let mode = match key {
            Some(key) if required => SigningMode::Required(key),
            Some(key) => SigningMode::Offered(key),
            None => SigningMode::Off,
        };
        Signing { mode, ttl }
    }
}

/// Trashing and emptying.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TrashSettings {
    /// `BlobTrash`.
    pub enabled: Trashing,
    /// `BlobTrashLifetime`: how long a trashed block can be untrashed. Zero: it is deleted at once.
    pub lifetime: Duration,
    /// `BlobTrashCheckInterval`: how often trash is emptied. `None` (0 in the file): never.
    pub check_interval: Option<Duration>,
    /// `BlobTrashConcurrency`: workers on the trash list. Zero: lists are accepted but not worked off.
    pub workers: usize,
    /// `BlobDeleteConcurrency`: deletions at once while emptying. Zero: trash is never emptied.
    pub delete_workers: usize,
}

impl TrashSettings {
    pub(super) fn read(collections: &mut Section<'_>, report: &mut Report) -> Self {
        let enabled = if collections.flag("BlobTrash", true, report) {
            Trashing::Enabled
        } else {
            Trashing::Disabled
        };
        let any = Duration::ZERO..=LIFETIME_MAX;
        let check_interval =
            collections.duration("BlobTrashCheckInterval", 24 * HOUR, any.clone(), report);
        let trash = TrashSettings {
            enabled,
            lifetime: collections.duration("BlobTrashLifetime", TWO_WEEKS, any, report),
            check_interval: (!check_interval.is_zero()).then_some(check_interval),
            workers: collections.number("BlobTrashConcurrency", 4, 0..=WORKERS_MAX, report),
            delete_workers: collections.number("BlobDeleteConcurrency", 4, 0..=WORKERS_MAX, report),
        };
        if enabled == Trashing::Enabled && trash.lifetime.is_zero() {
            report.warn(&collections.child("BlobTrashLifetime"), Notice::NoTrash);
        }
        if enabled == Trashing::Enabled && trash.workers == 0 {
            report.warn(&collections.child("BlobTrashConcurrency"), Notice::NoTrashWorkers);
        }
        trash
    }
}

/// Pulling.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullSettings {
    /// `BlobReplicateConcurrency`: workers on the pull list. 0 in the file counts as 1 (spec section 5.3).
    pub workers: NonZeroUsize,
}

impl PullSettings {
    pub(super) fn read(collections: &mut Section<'_>, report: &mut Report) -> Self {
        let workers = collections.number("BlobReplicateConcurrency", 4, 0..=WORKERS_MAX, report);
        PullSettings { workers: NonZeroUsize::new(workers).unwrap_or(NonZeroUsize::MIN) }
    }
}
