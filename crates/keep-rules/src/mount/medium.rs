//! What a volume lies on, told apart from what takes its place, and recognised by two nodes that share it.

use std::convert::Infallible;
use std::fmt;
use std::str::FromStr;

const NANOS: i128 = 1_000_000_000;

/// Tells the disk or directory that a volume lies on from another one with the same UUID: the identity of the volume's
/// marker file. The same after a restart or a remount, another when the marker was written anew. Device numbers are no
/// part of it: they change with reboots.
///
/// # Format
/// It travels between nodes and is kept in plans, so its text is stable (`docs/on-disk.md`): the marker's inode number, its
/// mtime and, if the file system tells it, the instant it was made, in nanoseconds since 1970. Lower-case hexadecimal
/// numbers without leading zeros, joined by `-`; an instant before 1970 is the two's complement of 128 bits. Any other
/// text is that of a later version: it is kept as it is, and is only good for comparing with the same text.
///
/// # Two questions
/// `==`: is this what was there before, seen by the same node? [`Medium::may_be_one_with`]: may two nodes see one medium?
///
/// # Examples
/// ```
/// use keep_rules::mount::Medium;
/// let here: Medium = "c-18a2b3c4d5e6f708-18a2b3c4d5e6f700".parse()?;
/// let through_nfs: Medium = "c-18a2b3c4d5e6f708".parse()?;
/// let other: Medium = "d-18a2b3c4d5e6f708".parse()?;
/// assert!(here.may_be_one_with(&through_nfs) && here != through_nfs);
/// assert!(!here.may_be_one_with(&other));
/// # Ok::<(), std::convert::Infallible>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Medium(Form);

#[derive(Clone, Debug, PartialEq, Eq)]
enum Form {
    Marker {
        inode: u64,
        /// Nanoseconds since 1970, as all instants here.
        modified: i128,
        /// When the file was made. A copy with all its times has another one. `None` if the file system does not tell.
        born: Option<i128>,
    },
    /// Never what a marker is written as.
    Unknown(Box<str>),
}

impl Medium {
    /// The medium whose marker file has this inode number, this mtime and, if it is known, was made at this instant.
    /// Instants are nanoseconds since 1970.
    pub const fn of_marker(inode: u64, modified: i128, born: Option<i128>) -> Medium {
        Medium(Form::Marker { inode, modified, born })
    }

    /// Whether two nodes that see these may share one medium. False only if that is sure: the inode numbers differ, or the
    /// whole seconds of the mtime, or those of the instant it was made, if both know it. Not every view of a file system
    /// (such as one through NFS) shows parts of a second, or when a file was made. A text of unknown format is one with
    /// the same text alone.
    pub fn may_be_one_with(&self, other: &Medium) -> bool {
        match (&self.0, &other.0) {
            (
                Form::Marker { inode, modified, born },
                Form::Marker { inode: inode_2, modified: modified_2, born: born_2 },
            ) => {
                let may_be_born_at_once = match (born, born_2) {
                    (Some(one), Some(other)) => seconds(*one) == seconds(*other),
                    (None, _) | (_, None) => true,
                };
                inode == inode_2
                    && seconds(*modified) == seconds(*modified_2)
                    && may_be_born_at_once
            }
            (Form::Unknown(one), Form::Unknown(other)) => one == other,
            (Form::Marker { .. }, Form::Unknown(_)) | (Form::Unknown(_), Form::Marker { .. }) => {
                false
            }
        }
    }
}

const fn seconds(nanos: i128) -> i128 {
    nanos.div_euclid(NANOS)
}

impl fmt::Display for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.0 {
            Form::Marker { inode, modified, born: Some(born) } => {
                write!(f, "{inode:x}-{modified:x}-{born:x}")
            }
            Form::Marker { inode, modified, born: None } => write!(f, "{inode:x}-{modified:x}"),
            Form::Unknown(text) => f.write_str(text),
        }
    }
}

/// Every text is that of a medium, and shows as it was.
impl FromStr for Medium {
    type Err = Infallible;

    fn from_str(text: &str) -> Result<Medium, Infallible> {
        let written_so = |medium: &Medium| medium.to_string() == text;
        let unknown = || Medium(Form::Unknown(text.into()));
        Ok(marker(text).filter(written_so).unwrap_or_else(unknown))
    }
}

/// Reads more than what is written, such as capital letters.
fn marker(text: &str) -> Option<Medium> {
    let mut parts = text.split('-');
    let inode = u64::from_str_radix(parts.next()?, 16).ok()?;
    let modified = instant(parts.next()?)?;
    let born = match parts.next() {
        Some(born) => Some(instant(born)?),
        None => None,
    };
    parts.next().is_none().then(|| Medium::of_marker(inode, modified, born))
}

fn instant(text: &str) -> Option<i128> {
    u128::from_str_radix(text, 16).ok().map(u128::cast_signed)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn medium(text: &str) -> Medium {
        let Ok(medium) = text.parse();
        medium
    }

    /// Texts of nodes that run are compared with those of plans and of other versions: they may not change.
    #[test]
    fn the_text_of_a_medium_is_stable() {
        for (text, inode, modified, born) in [
            ("ff-10-1000", 255, 16, Some(4096)),
            ("ff-10", 255, 16, None),
            ("0-0-0", 0, 0, Some(0)),
            ("1-ffffffffffffffffffffffffffffffff", 1, -1, None),
            ("ffffffffffffffff-18a2b3c4d5e6f708", u64::MAX, 0x18a2_b3c4_d5e6_f708, None),
        ] {
            let of_marker = Medium::of_marker(inode, modified, born);
            assert_eq!(of_marker.to_string(), text);
            assert_eq!(medium(text), of_marker);
        }
    }

    #[test]
    fn two_views_of_one_directory_may_be_one_medium() {
        let here = Medium::of_marker(7, 5 * NANOS + 1, Some(4 * NANOS + 1));
        for through_nfs in [
            Medium::of_marker(7, 5 * NANOS + 1, None),
            Medium::of_marker(7, 5 * NANOS, None),
            Medium::of_marker(7, 5 * NANOS, Some(4 * NANOS)),
            Medium::of_marker(7, 6 * NANOS - 1, Some(5 * NANOS - 1)),
        ] {
            assert!(here.may_be_one_with(&through_nfs), "{through_nfs}");
        }
        for another in [
            Medium::of_marker(8, 5 * NANOS + 1, Some(4 * NANOS + 1)),
            Medium::of_marker(7, 6 * NANOS, Some(4 * NANOS + 1)),
            Medium::of_marker(7, 5 * NANOS - 1, None),
            Medium::of_marker(7, 5 * NANOS + 1, Some(3 * NANOS)),
        ] {
            assert!(!here.may_be_one_with(&another), "{another}");
        }
        let before_1970 = |nanos| Medium::of_marker(7, nanos, None);
        assert!(!before_1970(-1).may_be_one_with(&before_1970(0)));
        assert!(before_1970(-1).may_be_one_with(&before_1970(-NANOS)));
    }

    #[test]
    fn an_unknown_text_is_one_with_the_same_text_alone() {
        let texts =
            ["", "-", "7", "7-", "7-5-", "7-5-4-3", "+7-5", "07-5", "7-5-0a", "A-5", "v2:7"];
        for text in texts {
            assert_eq!(medium(text).to_string(), text);
            for other in texts.iter().chain(&["7-5", "7-5-4", "a-5", "7-5-a"]) {
                let alike = medium(text).may_be_one_with(&medium(other));
                assert_eq!(alike, text == *other, "{text:?} {other:?}");
            }
        }
    }

    fn any_medium() -> impl Strategy<Value = Medium> {
        let instant = || prop_oneof![any::<i128>(), -2 * NANOS..2 * NANOS];
        let of_marker = |(inode, modified, born)| Medium::of_marker(inode, modified, born);
        prop_oneof![
            (0..3_u64, instant(), proptest::option::of(instant())).prop_map(of_marker),
            "[0-9a-fA-F+-]{0,12}".prop_map(|text| medium(&text)),
        ]
    }

    proptest! {
        #[test]
        fn a_medium_comes_back_from_its_text(one in any_medium()) {
            prop_assert_eq!(medium(&one.to_string()), one);
        }

        #[test]
        fn every_text_comes_back(text in "[0-9a-f-]{0,40}|.{0,20}") {
            prop_assert_eq!(medium(&text).to_string(), text);
        }

        #[test]
        fn being_one_goes_both_ways(one in any_medium(), other in any_medium()) {
            prop_assert!(one.may_be_one_with(&one));
            prop_assert_eq!(one.may_be_one_with(&other), other.may_be_one_with(&one));
        }
    }
}
