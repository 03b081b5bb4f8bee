//! The medium of a marker file.

use std::fs::Metadata;
use std::os::unix::fs::MetadataExt;
use std::time::{SystemTime, UNIX_EPOCH};

use keep_rules::mount::Medium;

const NANOS: i128 = 1_000_000_000;

/// The medium whose marker file this is.
pub(crate) fn medium_of(marker: &Metadata) -> Medium {
    let modified = i128::from(marker.mtime()) * NANOS + i128::from(marker.mtime_nsec());
    Medium::of_marker(marker.ino(), modified, marker.created().ok().map(since_1970))
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_before_1970_are_instants_too() {
        let second = std::time::Duration::from_secs(1);
        assert_eq!(since_1970(UNIX_EPOCH + second), NANOS);
        assert_eq!(since_1970(UNIX_EPOCH - second), -NANOS);
    }

    /// Two views of one file system differ in this alone, as far as [`Medium::may_be_one_with`] is told.
    #[test]
    fn a_marker_is_told_by_its_inode_and_its_times() {
        let dir = tempfile::tempdir().unwrap();
        let marker = dir.path().join("marker");
        std::fs::write(&marker, "a").unwrap();
        let metadata = std::fs::metadata(&marker).unwrap();
        let mtime = metadata.modified().map(since_1970).unwrap();
        let without_birth = Medium::of_marker(metadata.ino(), mtime, None);
        assert!(medium_of(&metadata).may_be_one_with(&without_birth));
        let text = medium_of(&metadata).to_string();
        assert!(text.starts_with(&without_birth.to_string()), "{text}");
    }
}
