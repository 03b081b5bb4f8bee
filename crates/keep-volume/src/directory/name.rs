//! What files and directories are called on the volume (spec section 6). Pure: no file is touched here.

use keep_rules::{BlockHash, Timestamp};

/// Hex digits of a sub-directory's name.
const SUBDIRECTORY_DIGITS: usize = 3;
/// How many sub-directories there can be.
pub(super) const SUBDIRECTORIES: usize = 16 << 8;
/// How long a hash is as text.
const HASH_DIGITS: usize = 32;

/// Digits behind the hash in the name of a temp file of ours: all that 64 bits need. The Go program has ten at most.
const TEMP_DIGITS: usize = 20;

/// What the name of a file in a sub-directory says that it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Name {
    /// `<hash>`: a live replica.
    Block(BlockHash),
    /// `<hash>.trash.<unix seconds>`: a trashed copy and its deadline.
    Trash {
        /// The block.
        hash: BlockHash,
        /// When it may be deleted, in seconds since 1970.
        deadline: i64,
    },
    /// `tmp<hash><digits>`: a block that is, or was, being written.
    Temp(Writer),
    /// Anything else. Not ours: never touched.
    Other,
}

/// Who writes a temp file, as its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Writer {
    /// This program: it locks the file for as long as it writes it.
    Donjon,
    /// The Go program, or a Donjon before 20 digits: it does not.
    Other,
}

impl Name {
    /// Reads a file name. A deadline too large for 64 bits makes it [`Name::Other`]: in doubt it is kept.
    pub(super) fn parse(name: &[u8]) -> Name {
        if let Ok(hash) = BlockHash::from_hex(name) {
            return Name::Block(hash);
        }
        if let Some(rest) = name.strip_prefix(b"tmp") {
            let Some((hash, digits)) = rest.split_at_checked(HASH_DIGITS) else {
                return Name::Other;
            };
            let temp = BlockHash::from_hex(hash).is_ok() && is_decimal(digits);
            let writer = if digits.len() == TEMP_DIGITS { Writer::Donjon } else { Writer::Other };
            return if temp { Name::Temp(writer) } else { Name::Other };
        }
        let Some((hash, rest)) = name.split_at_checked(HASH_DIGITS) else { return Name::Other };
        let Ok(hash) = BlockHash::from_hex(hash) else { return Name::Other };
        match rest.strip_prefix(b".trash.").and_then(decimal) {
            Some(deadline) => Name::Trash { hash, deadline },
            None => Name::Other,
        }
    }
}

/// The name of the sub-directory where `hash` is stored.
pub(super) fn subdirectory(hash: BlockHash) -> String {
    let mut name = hash.to_string();
    name.truncate(SUBDIRECTORY_DIGITS);
    name
}

/// The number of the sub-directory where `hash` is stored, below [`SUBDIRECTORIES`].
pub(super) fn subdirectory_number(hash: BlockHash) -> usize {
    let [first, second, ..] = *hash.as_bytes();
    usize::from(first) << 4 | usize::from(second >> 4)
}

/// Whether an entry of the root is to be looked at: all hex digits, as the Go program requires.
pub(super) fn is_hex(name: &[u8]) -> bool {
    !name.is_empty() && name.iter().all(|digit| matches!(digit, b'0'..=b'9' | b'a'..=b'f'))
}

/// Whether an entry of the root is named as a sub-directory of blocks is.
pub(super) fn is_subdirectory(name: &[u8]) -> bool {
    name.len() == SUBDIRECTORY_DIGITS && is_hex(name)
}

/// The name of a trashed copy.
pub(super) fn trash(hash: BlockHash, deadline: i64) -> String {
    format!("{hash}.trash.{deadline}")
}

/// The name of a temp file of ours.
pub(super) fn temp(hash: BlockHash, random: u64) -> String {
    format!("tmp{hash}{random:0TEMP_DIGITS$}")
}

/// A trash deadline as names carry it: whole seconds, rounded up so that nothing is deleted early, not before 1970.
pub(crate) fn deadline_seconds(deadline: Timestamp) -> i64 {
    let seconds = deadline.as_seconds() + i64::from(deadline.subsec_nanos() > 0);
    seconds.max(0)
}

fn is_decimal(digits: &[u8]) -> bool {
    !digits.is_empty() && digits.iter().all(u8::is_ascii_digit)
}

fn decimal(digits: &[u8]) -> Option<i64> {
    if !is_decimal(digits) {
        return None;
    }
    std::str::from_utf8(digits).ok()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    const HASH: &str = "acbd18db4cc2f85cedef654fccc4a4d8";

    fn check(name: &str, expected: Name) {
        assert_eq!(Name::parse(name.as_bytes()), expected, "{name}");
    }

    #[test]
    fn names_of_the_layout_are_recognised() {
        let hash: BlockHash = HASH.parse().unwrap();
        check(HASH, Name::Block(hash));
        check(&format!("{HASH}.trash.1700000000"), Name::Trash { hash, deadline: 1_700_000_000 });
        check(&format!("tmp{HASH}4294967295"), Name::Temp(Writer::Other));
        check(&trash(hash, 7), Name::Trash { hash, deadline: 7 });
        for random in [0, u64::from(u32::MAX), u64::MAX] {
            check(&temp(hash, random), Name::Temp(Writer::Donjon));
        }
    }

    #[test]
    fn other_names_are_left_alone() {
        let others = [
            "",
            "tmp",
            "full",
            ".donjon-volume",
            "tmpacbd",
            &format!("tmp{HASH}"),
            &format!("tmp{HASH}12x"),
            &format!("{HASH}.trash."),
            &format!("{HASH}.trash.-5"),
            &format!("{HASH}.trash.12x"),
            &format!("{HASH}.trash.99999999999999999999"),
            &format!("{HASH}.bak"),
            &HASH.to_uppercase(),
            "⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵⛵",
        ];
        for name in others {
            check(name, Name::Other);
        }
    }

    #[test]
    fn a_hash_has_one_subdirectory() {
        let hash: BlockHash = HASH.parse().unwrap();
        assert_eq!(subdirectory(hash), "acb");
        assert_eq!(subdirectory_number(hash), 0xacb);
        assert!(
            is_subdirectory(b"acb")
                && !is_subdirectory(b"ac")
                && !is_subdirectory(b"acg")
                && is_hex(b"ac")
        );
    }

    #[test]
    fn deadlines_round_up() {
        assert_eq!(deadline_seconds(Timestamp::from_nanos(1)), 1);
        assert_eq!(deadline_seconds(Timestamp::from_seconds(5)), 5);
        assert_eq!(deadline_seconds(Timestamp::from_seconds(-5)), 0);
    }
}
