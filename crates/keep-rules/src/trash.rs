//! May this replica be trashed? May trash be emptied? (spec sections 2.6, 5.2, 5.4)
//!
//! Every rule leans towards keeping: a replica goes only if its mtime is exactly what the balancer saw, and older than any
//! signature that may still be valid.

use std::fmt;
use std::time::Duration;

use crate::mount::Access;
use crate::time::Timestamp;

/// `Collections.BlobTrash`: whether this node trashes at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Trashing {
    /// It does.
    Enabled,
    /// It keeps everything.
    Disabled,
}

/// What to do with one replica.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Verdict {
    /// Trash it, if it is still unchanged.
    Trash,
    /// Leave it alone.
    Keep(SkipReason),
}

/// Why a replica, or a whole item of a trash list, is left alone.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum SkipReason {
    /// The node does not trash.
    TrashDisabled,
    /// The item names no block.
    BadLocator,
    /// The mtime in the item is not older than the signature TTL.
    ListedTooNew,
    /// The item names a mount that this node does not have.
    UnknownMount,
    /// The mount does not allow trashing.
    MountForbids,
    /// There is no such replica.
    Absent,
    /// The replica's mtime is not the one in the item.
    Rewritten,
    /// The replica's mtime is not older than the signature TTL.
    TooNew,
}

impl SkipReason {
    /// Every reason, in the order in which they are looked for.
    pub const ALL: [SkipReason; 8] = [
        SkipReason::TrashDisabled,
        SkipReason::BadLocator,
        SkipReason::ListedTooNew,
        SkipReason::UnknownMount,
        SkipReason::MountForbids,
        SkipReason::Absent,
        SkipReason::Rewritten,
        SkipReason::TooNew,
    ];

    /// A label for metrics and scripts.
    pub const fn as_str(self) -> &'static str {
        match self {
            SkipReason::TrashDisabled => "trash_disabled",
            SkipReason::BadLocator => "bad_locator",
            SkipReason::ListedTooNew => "listed_too_new",
            SkipReason::UnknownMount => "unknown_mount",
            SkipReason::MountForbids => "mount_forbids",
            SkipReason::Absent => "absent",
            SkipReason::Rewritten => "rewritten",
            SkipReason::TooNew => "too_new",
        }
    }

    /// What it means, and what to do about it.
    pub const fn explanation(self) -> &'static str {
        match self {
            SkipReason::TrashDisabled => {
                "This node does not trash: Collections.BlobTrash is false. Set it to true to let trash lists work."
            }
            SkipReason::BadLocator => {
                "The item names no block: its locator is malformed. Look for the program that made the list."
            }
            SkipReason::ListedTooNew => {
                "The listed mtime is not older than Collections.BlobSigningTTL, so a valid signature may exist. \
                 Compare the TTL and the clock of this node with the balancer's; a later list may name the block again."
            }
            SkipReason::UnknownMount => {
                "This node has no mount of that UUID. If volumes were moved, let the balancer run again with the new config."
            }
            SkipReason::MountForbids => {
                "The mount is read-only here. Set AllowTrashWhenReadOnly on the volume if it should give up blocks."
            }
            SkipReason::Absent => {
                "The mount has no such block: it was trashed or removed before. Nothing is to be done."
            }
            SkipReason::Rewritten => {
                "The replica was written or touched after the balancer looked, so somebody may need it. \
                 A later list will name it again if nobody does."
            }
            SkipReason::TooNew => {
                "The replica's mtime is not older than Collections.BlobSigningTTL, so a valid signature may exist. \
                 If the mtime lies in the future, set this node's clock right."
            }
        }
    }
}

impl fmt::Display for SkipReason {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(self.as_str())
    }
}

/// Whether an item of a trash list is worth looking at, given the mtime that it names (spec section 5.2, step 2).
///
/// # Errors
/// [`SkipReason::TrashDisabled`] or [`SkipReason::ListedTooNew`].
pub fn admit(
    listed: Timestamp,
    ttl: Duration,
    now: Timestamp,
    trashing: Trashing,
) -> Result<(), SkipReason> {
    match trashing {
        Trashing::Disabled => Err(SkipReason::TrashDisabled),
        Trashing::Enabled if is_old(listed, ttl, now) => Ok(()),
        Trashing::Enabled => Err(SkipReason::ListedTooNew),
    }
}

/// What to do with one replica that an item of a trash list names, `stored` being its mtime, or `None` if there is none
/// (spec section 5.2, steps 3 and 4).
///
/// An error while reading the mtime is no absence: fail the item then, without asking here.
///
/// # Examples
/// ```
/// use keep_rules::trash::{SkipReason, Verdict, decide};
/// use keep_rules::{Access, Timestamp};
/// use std::time::Duration;
///
/// let (day, ttl) = (Duration::from_secs(86_400), Duration::from_secs(14 * 86_400));
/// let written = Timestamp::from_seconds(1_800_000_000);
/// let verdict = |now| decide(written, Some(written), Access::ReadWrite, ttl, now);
/// assert_eq!(verdict(written.after(13 * day)), Verdict::Keep(SkipReason::TooNew));
/// assert_eq!(verdict(written.after(15 * day)), Verdict::Trash);
/// ```
pub fn decide(
    requested: Timestamp,
    stored: Option<Timestamp>,
    access: Access,
    ttl: Duration,
    now: Timestamp,
) -> Verdict {
    match stored {
        _ if !access.allows_trash() => Verdict::Keep(SkipReason::MountForbids),
        None => Verdict::Keep(SkipReason::Absent),
        Some(stored) if stored != requested => Verdict::Keep(SkipReason::Rewritten),
        Some(stored) if !is_old(stored, ttl, now) => Verdict::Keep(SkipReason::TooNew),
        Some(_) => Verdict::Trash,
    }
}

/// What a DELETE request does with one replica (spec section 2.6). With [`Trashing::Disabled`] the request is refused before
/// any replica is looked at.
pub fn decide_delete(
    stored: Option<Timestamp>,
    access: Access,
    ttl: Duration,
    now: Timestamp,
) -> Verdict {
    match stored {
        Some(stored) => decide(stored, Some(stored), access, ttl, now),
        None => decide(Timestamp::EPOCH, None, access, ttl, now),
    }
}

/// Whether every signature made at `mtime` has expired.
///
/// One made to expire now is still valid (spec section 3.2), so the age must exceed the TTL. An mtime in the future, or a clock
/// that went backwards, makes an age of zero: never old.
fn is_old(mtime: Timestamp, ttl: Duration, now: Timestamp) -> bool {
    now.since(mtime) > ttl
}

/// What becomes of a replica that is trashed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Fate {
    /// It can be untrashed until this instant, a whole second.
    Until(Timestamp),
    /// It is deleted at once, for good.
    Delete,
}

/// The fate of what is trashed now (spec sections 5.4, 6): a trash lifetime of zero means to delete at once.
///
/// The deadline is rounded up to the whole seconds that a trash name can hold, so nothing is emptied early.
pub fn trash_deadline(now: Timestamp, lifetime: Duration) -> Fate {
    if lifetime.is_zero() {
        return Fate::Delete;
    }
    let deadline = now.after(lifetime);
    let seconds = deadline.as_seconds();
    Fate::Until(Timestamp::from_seconds(if deadline.subsec_nanos() == 0 {
        seconds
    } else {
        seconds.saturating_add(1)
    }))
}

/// Whether trash with this deadline may be emptied (spec section 6).
pub fn may_empty(deadline: Timestamp, now: Timestamp) -> bool {
    deadline <= now
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Duration = Duration::from_secs(86_400);
    const TTL: Duration = Duration::from_secs(14 * 86_400);
    const WRITTEN: Timestamp = Timestamp::from_seconds(1_800_000_000);

    fn nanos(count: i64) -> Timestamp {
        Timestamp::from_nanos(WRITTEN.as_nanos() + count)
    }

    #[track_caller]
    fn check(stored: Option<Timestamp>, access: Access, age: Duration, expected: Verdict) {
        assert_eq!(decide(WRITTEN, stored, access, TTL, WRITTEN.after(age)), expected);
    }

    #[test]
    fn old_unchanged_replicas_go() {
        check(Some(WRITTEN), Access::ReadWrite, 15 * DAY, Verdict::Trash);
        check(Some(WRITTEN), Access::ReadAndTrash, 15 * DAY, Verdict::Trash);
    }

    #[test]
    fn young_replicas_stay() {
        check(Some(WRITTEN), Access::ReadWrite, 13 * DAY, Verdict::Keep(SkipReason::TooNew));
    }

    #[test]
    fn a_replica_stays_while_a_signature_could_be_valid() {
        check(Some(WRITTEN), Access::ReadWrite, TTL, Verdict::Keep(SkipReason::TooNew));
        check(Some(WRITTEN), Access::ReadWrite, TTL + Duration::from_nanos(1), Verdict::Trash);
    }

    #[test]
    fn a_replica_rewritten_by_a_nanosecond_stays() {
        for stored in [
            nanos(1),
            nanos(-1),
            Timestamp::EPOCH,
            Timestamp::from_nanos(i64::MIN),
            Timestamp::from_nanos(i64::MAX),
        ] {
            check(Some(stored), Access::ReadWrite, 15 * DAY, Verdict::Keep(SkipReason::Rewritten));
        }
    }

    #[test]
    fn read_only_mounts_keep_everything() {
        check(Some(WRITTEN), Access::ReadOnly, 15 * DAY, Verdict::Keep(SkipReason::MountForbids));
        check(None, Access::ReadOnly, 15 * DAY, Verdict::Keep(SkipReason::MountForbids));
    }

    #[test]
    fn what_is_absent_cannot_be_trashed() {
        check(None, Access::ReadWrite, 15 * DAY, Verdict::Keep(SkipReason::Absent));
    }

    #[test]
    fn a_clock_that_went_backwards_trashes_nothing() {
        for now in [WRITTEN.before(365 * DAY), Timestamp::EPOCH, Timestamp::from_nanos(i64::MIN)] {
            let verdict = decide(WRITTEN, Some(WRITTEN), Access::ReadWrite, TTL, now);
            assert_eq!(verdict, Verdict::Keep(SkipReason::TooNew), "{now}");
            assert_eq!(
                admit(WRITTEN, TTL, now, Trashing::Enabled),
                Err(SkipReason::ListedTooNew),
                "{now}"
            );
        }
    }

    #[test]
    fn an_mtime_in_the_future_is_too_new_even_without_a_ttl() {
        let verdict =
            decide(WRITTEN, Some(WRITTEN), Access::ReadWrite, Duration::ZERO, WRITTEN.before(DAY));
        assert_eq!(verdict, Verdict::Keep(SkipReason::TooNew));
    }

    #[test]
    fn an_endless_ttl_trashes_nothing() {
        let verdict = decide(
            WRITTEN,
            Some(WRITTEN),
            Access::ReadWrite,
            Duration::MAX,
            Timestamp::from_nanos(i64::MAX),
        );
        assert_eq!(verdict, Verdict::Keep(SkipReason::TooNew));
    }

    #[test]
    fn items_are_admitted_by_the_mtime_they_name() {
        let admit = |age, trashing| admit(WRITTEN, TTL, WRITTEN.after(age), trashing);
        assert_eq!(admit(15 * DAY, Trashing::Enabled), Ok(()));
        assert_eq!(admit(TTL, Trashing::Enabled), Err(SkipReason::ListedTooNew));
        assert_eq!(admit(15 * DAY, Trashing::Disabled), Err(SkipReason::TrashDisabled));
    }

    #[test]
    fn delete_asks_for_age_and_access_only() {
        let delete = |stored, access, age| decide_delete(stored, access, TTL, WRITTEN.after(age));
        assert_eq!(delete(Some(WRITTEN), Access::ReadWrite, 15 * DAY), Verdict::Trash);
        assert_eq!(
            delete(Some(WRITTEN), Access::ReadWrite, 13 * DAY),
            Verdict::Keep(SkipReason::TooNew)
        );
        assert_eq!(
            delete(Some(WRITTEN), Access::ReadOnly, 15 * DAY),
            Verdict::Keep(SkipReason::MountForbids)
        );
        assert_eq!(delete(None, Access::ReadWrite, 15 * DAY), Verdict::Keep(SkipReason::Absent));
    }

    #[test]
    fn trash_is_kept_for_its_lifetime_to_the_next_whole_second() {
        let second = Duration::from_secs(1);
        assert_eq!(trash_deadline(WRITTEN, DAY), Fate::Until(WRITTEN.after(DAY)));
        assert_eq!(trash_deadline(nanos(1), DAY), Fate::Until(WRITTEN.after(DAY + second)));
        assert_eq!(
            trash_deadline(WRITTEN, Duration::from_nanos(1)),
            Fate::Until(WRITTEN.after(second))
        );
        assert_eq!(trash_deadline(WRITTEN, Duration::ZERO), Fate::Delete);
    }

    #[test]
    fn trash_may_be_emptied_from_its_deadline_on() {
        assert!(!may_empty(nanos(1), WRITTEN));
        assert!(may_empty(WRITTEN, WRITTEN));
        assert!(may_empty(WRITTEN, nanos(1)));
    }

    #[test]
    fn reasons_have_labels_of_their_own() {
        let labels: std::collections::BTreeSet<_> =
            SkipReason::ALL.iter().map(|reason| reason.as_str()).collect();
        assert_eq!(labels.len(), SkipReason::ALL.len());
        assert!(
            labels
                .iter()
                .all(|label| label.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'))
        );
    }
}
