//! Which physical device a directory is on (spec section 6).

use std::fs;
use std::io::Read;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::mpsc;
use std::thread;
use std::time::Duration;

use keep_rules::mount::DeviceId;

/// How long `findmnt` may take. It may hang when some network file system does.
const FINDMNT_TIME_MAX: Duration = Duration::from_secs(5);
/// How much of its answer is read: a line is far shorter.
const FINDMNT_BYTES_MAX: u64 = 64 << 10;

/// Finds out which device `root` is on, as a Go keepstore does: the file system's UUID and the path within it, or
/// `hostname:root` when that cannot be told.
///
/// Every node that shares the directory by the same path in the same file system finds the same ID.
///
/// # Blocking
/// Runs `findmnt` and waits for it, at most five seconds.
pub fn device_id(root: &Path) -> DeviceId {
    let text = in_file_system(root).unwrap_or_else(|| format!("{}:{}", hostname(), root.display()));
    text.parse().expect("a device ID with a colon or a UUID in it is never empty")
}

fn in_file_system(root: &Path) -> Option<String> {
    let findmnt = findmnt(root)?;
    let (mount_point, source) = fields(&findmnt)?;
    let uuid = file_system_uuid(Path::new(source))?;
    let resolved = fs::canonicalize(root).ok()?;
    identify(&uuid, Path::new(mount_point), &resolved)
}

/// The first two fields of what `findmnt` prints: where it is mounted, and what.
fn fields(findmnt: &str) -> Option<(&str, &str)> {
    let mut fields = findmnt.lines().next()?.split_ascii_whitespace();
    Some((fields.next()?, fields.next()?))
}

/// `<uuid>` and the path of `root` below the mount point, with a leading slash; none if they are the same.
fn identify(uuid: &str, mount_point: &Path, root: &Path) -> Option<String> {
    let below = root.strip_prefix(mount_point).ok()?.to_str()?;
    Some(if below.is_empty() { uuid.to_owned() } else { format!("{uuid}/{below}") })
}

fn findmnt(root: &Path) -> Option<String> {
    let mut child = Command::new("findmnt")
        .args(["--noheadings", "--target"])
        .arg(root)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .ok()?;
    let stdout = child.stdout.take()?;
    let (sender, receiver) = mpsc::channel();
    thread::spawn(move || {
        let mut text = String::new();
        let read = stdout.take(FINDMNT_BYTES_MAX).read_to_string(&mut text);
        // Nobody listens any more when the time is over.
        let _heard = sender.send(read.ok().map(|_bytes| text));
    });
    let answer = receiver.recv_timeout(FINDMNT_TIME_MAX).ok().flatten();
    // It may have ended by itself. If it hangs in the kernel it cannot be waited for, so another thread does that.
    let _ended = child.kill();
    thread::spawn(move || child.wait());
    answer
}

/// The entry of `/dev/disk/by-uuid` that names the same device file as `source`.
fn file_system_uuid(source: &Path) -> Option<String> {
    if !source.is_absolute() {
        return None;
    }
    let wanted = inode(source.to_owned())?;
    let entries = fs::read_dir("/dev/disk/by-uuid").ok()?;
    let found = entries.flatten().find(|entry| inode(entry.path()) == Some(wanted))?;
    found.file_name().into_string().ok()
}

fn inode(path: PathBuf) -> Option<(u64, u64)> {
    let metadata = fs::metadata(path).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

fn hostname() -> String {
    rustix::system::uname().nodename().to_string_lossy().into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_id_is_the_file_system_and_the_path_within() {
        let identify = |mount_point: &str, root: &str| {
            identify("u-u-i-d", Path::new(mount_point), Path::new(root))
        };
        assert_eq!(identify("/mnt", "/mnt/keep/1").as_deref(), Some("u-u-i-d/keep/1"));
        assert_eq!(identify("/mnt", "/mnt").as_deref(), Some("u-u-i-d"));
        assert_eq!(identify("/", "/data").as_deref(), Some("u-u-i-d/data"));
        assert_eq!(identify("/mnt", "/mntx"), None);
    }

    #[test]
    fn findmnt_answers_are_read() {
        assert_eq!(fields("/mnt /dev/sdb1 ext4 rw\n"), Some(("/mnt", "/dev/sdb1")));
        assert_eq!(fields(""), None);
        assert_eq!(fields("/mnt"), None);
    }

    #[test]
    fn every_directory_has_a_device() {
        let directory = tempfile::tempdir().unwrap();
        let id = device_id(directory.path());
        let path = directory.path().canonicalize().unwrap();
        let name = path.file_name().unwrap().to_str().unwrap();
        assert!(id.as_str().ends_with(name), "{id}");
        assert_eq!(device_id(directory.path()), id);
    }

    #[test]
    fn a_missing_directory_is_named_by_host_and_path() {
        let id = device_id(Path::new("/nonexistent/donjon"));
        assert_eq!(id.as_str(), format!("{}:/nonexistent/donjon", hostname()));
    }
}
