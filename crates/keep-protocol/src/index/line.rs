//! One line of an index.

use std::fmt;
use std::str::FromStr;

use keep_rules::{BLOCK_SIZE_MAX, BlockHash, Timestamp};

/// A block that is stored and not trashed: `hash+size SP mtime`, without the line's end.
///
/// # Examples
/// ```
/// use keep_protocol::index::IndexLine;
/// let text = "acbd18db4cc2f85cedef654fccc4a4d8+3 1707249451308502672";
/// let line: IndexLine = text.parse()?;
/// assert_eq!(line.size, 3);
/// assert_eq!(line.to_string(), text);
/// # Ok::<(), keep_protocol::index::BadIndexLine>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct IndexLine {
    /// The block's name.
    pub hash: BlockHash,
    /// Its size in bytes.
    pub size: u64,
    /// When this replica was last written or touched.
    pub mtime: Timestamp,
}

/// Why a text is no line of an index.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum BadIndexLine {
    /// There are fewer or more than two fields.
    #[error("an index line is two fields with one space between them")]
    Fields,
    /// The first field does not begin with a hash and a `+`.
    #[error("an index line begins with 32 lower-case hex digits and a '+'")]
    Hash,
    /// The size is no decimal number, or no block has it.
    #[error("the size in an index line is a decimal number, at most {BLOCK_SIZE_MAX}")]
    Size,
    /// The mtime is no decimal number of 64 bits.
    #[error("the mtime in an index line is a decimal number of nanoseconds since 1970")]
    Mtime,
}

impl fmt::Display for IndexLine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}+{} {}", self.hash, self.size, self.mtime)
    }
}

impl FromStr for IndexLine {
    type Err = BadIndexLine;

    fn from_str(text: &str) -> Result<Self, BadIndexLine> {
        let (name, mtime) = text.split_once(' ').ok_or(BadIndexLine::Fields)?;
        if mtime.contains(' ') {
            return Err(BadIndexLine::Fields);
        }
        let (hash, size) = name.split_once('+').ok_or(BadIndexLine::Hash)?;
        let hash = hash.parse().or(Err(BadIndexLine::Hash))?;
        let size =
            digits(size).and_then(|size| size.parse().ok()).filter(|size| *size <= BLOCK_SIZE_MAX);
        let mtime = digits(mtime.strip_prefix('-').unwrap_or(mtime)).and(mtime.parse().ok());
        Ok(IndexLine {
            hash,
            size: size.ok_or(BadIndexLine::Size)?,
            mtime: mtime.map(Timestamp::from_nanos).ok_or(BadIndexLine::Mtime)?,
        })
    }
}

/// The text, if it is digits and nothing else: `parse` alone would let a `+` pass.
fn digits(text: &str) -> Option<&str> {
    text.bytes().all(|byte| byte.is_ascii_digit()).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, expected: BadIndexLine) {
        assert_eq!(text.parse::<IndexLine>(), Err(expected));
    }

    #[test]
    fn lines_are_read_strictly() {
        let foo = "acbd18db4cc2f85cedef654fccc4a4d8";
        check("", BadIndexLine::Fields);
        check(&format!("{foo}+3"), BadIndexLine::Fields);
        check(&format!("{foo}+3 5 6"), BadIndexLine::Fields);
        check(&format!("{foo}+3  5"), BadIndexLine::Fields);
        check(&format!("{foo} 5"), BadIndexLine::Hash);
        check(&format!("{}+3 5", &foo[1..]), BadIndexLine::Hash);
        check(&format!("{}+3 5", foo.to_uppercase()), BadIndexLine::Hash);
        for size in ["", "-1", "+3", "3+3", "67108865", "99999999999999999999", "3x"] {
            check(&format!("{foo}+{size} 5"), BadIndexLine::Size);
        }
        for mtime in ["", "-", "+5", "5.0", "--5", "9223372036854775808"] {
            check(&format!("{foo}+3 {mtime}"), BadIndexLine::Mtime);
        }
    }

    #[test]
    fn a_line_reads_what_it_writes() {
        for mtime in [0, -1, i64::MIN, i64::MAX] {
            let line = IndexLine {
                hash: BlockHash::EMPTY,
                size: BLOCK_SIZE_MAX,
                mtime: Timestamp::from_nanos(mtime),
            };
            assert_eq!(line.to_string().parse(), Ok(line));
        }
    }
}
