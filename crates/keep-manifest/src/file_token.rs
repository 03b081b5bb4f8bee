//! A token that names a part of a file: `offset:length:path` (spec section 4.1).

use crate::decimal;
use crate::escape::{BadEscape, unescape};
use crate::path::{BadPath, check_components};

/// What is wrong with a token that should name a part of a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadFileToken {
    /// It does not begin with two decimal numbers of at most 64 bits, each followed by `:`.
    #[error("a file must be written `<offset>:<length>:<path>`, both numbers below 2^64")]
    Shape,
    /// The bytes end where no 64-bit number can say.
    #[error("the file's offset and length must not exceed 2^64 together")]
    EndOverflows,
    /// The path cannot be read.
    #[error(transparent)]
    Escape(#[from] BadEscape),
    /// The path is none.
    #[error(transparent)]
    Path(#[from] BadPath),
    /// The path `.` with an offset or a length.
    #[error("the path `.` stands for an empty directory, and only as `0:0:.`")]
    Dot,
}

/// A token that names a part of a file, read. Its path is in the buffer that was given.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct FileToken {
    pub(crate) offset: u64,
    pub(crate) length: u64,
}

/// Reads a token, and puts its path into `path`.
pub(crate) fn read(token: &[u8], path: &mut Vec<u8>) -> Result<FileToken, BadFileToken> {
    let (offset, rest) = read_number(token)?;
    let (length, name) = read_number(rest)?;
    path.clear();
    unescape(name, path)?;
    if path == b"." {
        return match (offset, length) {
            (0, 0) => Ok(FileToken { offset, length }),
            _ => Err(BadFileToken::Dot),
        };
    }
    check_components(path)?;
    offset.checked_add(length).ok_or(BadFileToken::EndOverflows)?;
    Ok(FileToken { offset, length })
}

/// A number and the `:` after it.
fn read_number(text: &[u8]) -> Result<(u64, &[u8]), BadFileToken> {
    match decimal::read_start(text) {
        Some((number, [b':', rest @ ..])) => Ok((number, rest)),
        Some(_) | None => Err(BadFileToken::Shape),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(token: &str, offset: u64, length: u64, path: &str) {
        let mut found = b"left over".to_vec();
        assert_eq!(read(token.as_bytes(), &mut found), Ok(FileToken { offset, length }));
        assert_eq!(found, path.as_bytes());
    }

    #[track_caller]
    fn check_bad(token: &str, expected: BadFileToken) {
        assert_eq!(read(token.as_bytes(), &mut Vec::new()), Err(expected), "{token}");
    }

    #[test]
    fn a_file_is_an_offset_a_length_and_a_path() {
        check("0:3:foo", 0, 3, "foo");
        check("7:0:sub\\040dir/a:b", 7, 0, "sub dir/a:b");
        check("0:0:.", 0, 0, ".");
        check("00:00:\\056", 0, 0, ".");
    }

    #[test]
    fn every_mistake_has_its_name() {
        for token in ["", "foo", "0:3", "0:x:foo", ":3:foo", "18446744073709551616:0:x"] {
            check_bad(token, BadFileToken::Shape);
        }
        check_bad("18446744073709551615:1:x", BadFileToken::EndOverflows);
        check_bad("0:3:", BadPath::EmptyComponent.into());
        check_bad("0:3:a//b", BadPath::EmptyComponent.into());
        check_bad("0:3:../b", BadPath::DotComponent.into());
        check_bad("0:3:\\056\\056\\057b", BadPath::DotComponent.into());
        check_bad("0:3:a/.", BadPath::DotComponent.into());
        check_bad("0:3:.", BadFileToken::Dot);
        check_bad("0:3:a\\", BadEscape::Escape.into());
    }
}
