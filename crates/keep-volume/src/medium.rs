//! What a volume lies on, told apart from what takes its place.

use std::fmt;
use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};

const NANOS: i128 = 1_000_000_000;

/// Tells the disk or directory that a volume lies on from another one with the same UUID: the identity of the volume's
/// marker file. The same after a restart or a remount, another when the marker was written anew. Device numbers are no
/// part of it: they change with reboots.
///
/// # Examples
/// ```
/// # use keep_volume::Medium;
/// let root = tempfile::tempdir()?;
/// std::fs::write(root.path().join("marker"), "a")?;
/// let medium = Medium::of(&std::fs::metadata(root.path().join("marker"))?);
/// assert!(medium.to_string().chars().all(|char| char == '-' || char.is_ascii_hexdigit()));
/// # Ok::<(), std::io::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Medium {
    inode: u64,
    /// Nanoseconds since 1970, as all instants here.
    modified: i128,
    /// When the file was made. A copy with all its times has another one. `None` if the file system does not tell.
    born: Option<i128>,
}

impl Medium {
    /// The medium whose marker file this is.
    pub fn of(marker: &Metadata) -> Medium {
        Medium {
            inode: marker.ino(),
            modified: i128::from(marker.mtime()) * NANOS + i128::from(marker.mtime_nsec()),
            born: marker.created().ok().map(since_1970),
        }
    }
}

/// Nanoseconds. The range of the clock is far smaller than that of the number.
fn since_1970(instant: SystemTime) -> i128 {
    let nanos = |span: std::time::Duration| {
        i128::from(span.as_secs()) * NANOS + i128::from(span.subsec_nanos())
    };
    match instant.duration_since(UNIX_EPOCH) {
        Ok(after) => nanos(after),
        Err(before) => -nanos(before.duration()),
    }
}

/// Hexadecimal numbers, joined by `-`. Only good for comparing.
impl fmt::Display for Medium {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:x}-{:x}", self.inode, self.modified)?;
        match self.born {
            Some(born) => write!(f, "-{born:x}"),
            None => Ok(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_medium_is_written_in_hex() {
        let medium = Medium { inode: 255, modified: 16, born: Some(4096) };
        assert_eq!(medium.to_string(), "ff-10-1000");
        assert_eq!(Medium { born: None, ..medium }.to_string(), "ff-10");
    }

    #[test]
    fn instants_before_1970_are_instants_too() {
        let second = std::time::Duration::from_secs(1);
        assert_eq!(since_1970(UNIX_EPOCH + second), NANOS);
        assert_eq!(since_1970(UNIX_EPOCH - second), -NANOS);
    }
}
