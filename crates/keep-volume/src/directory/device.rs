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

/// Where the kernel's device manager lists file systems by their UUIDs.
const BY_UUID: &str = "/dev/disk/by-uuid";

/// Finds out which device `root` is on, as a Go keepstore does: the file system's UUID and the path within it, or
/// `hostname:root` when that cannot be told, with a warning.
///
/// Every node that shares the directory by the same path in the same file system finds the same ID. The balancer takes
/// two mounts with one device for one copy.
///
/// # Blocking
/// Runs `findmnt` and waits for it, at most five seconds.
pub fn device_id(root: &Path) -> DeviceId {
    let text = in_file_system(root).unwrap_or_else(|| {
        tracing::warn!(
            root = %root.display(),
            "cannot find the file system's UUID, so the device is named after this host; if other nodes share this volume, the balancer and `donjon put` count its copies twice"
        );
        format!("{}:{}", hostname(), root.display())
    });
    text.parse().expect("a device ID with a colon or a UUID in it is never empty")
}

fn in_file_system(root: &Path) -> Option<String> {
    let findmnt = findmnt(root)?;
    let (mount_point, source) = fields(&findmnt)?;
    let uuid = file_system_uuid(Path::new(source), Path::new(BY_UUID))?;
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

/// The entry of `by_uuid` that leads to the same device file as `source`, which may be another name of the device, such as
/// a volume group's.
fn file_system_uuid(source: &Path, by_uuid: &Path) -> Option<String> {
    if !source.is_absolute() {
        return None;
    }
    let wanted = inode(source.to_owned())?;
    let entries = fs::read_dir(by_uuid).ok()?;
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
    use std::os::unix::fs::symlink;

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
    fn the_uuid_is_that_of_the_same_device_file() {
        let directory = tempfile::tempdir().unwrap();
        let at = |name: &str| directory.path().join(name);
        let by_uuid = at("by-uuid");
        fs::create_dir(&by_uuid).unwrap();
        for (device, uuid) in [("sda", "aaaa-1"), ("sdb", "bbbb-2")] {
            fs::write(at(device), "").unwrap();
            symlink(at(device), by_uuid.join(uuid)).unwrap();
        }
        symlink(at("sdb"), at("vg-keep")).unwrap();
        let uuid = |source: &Path| file_system_uuid(source, &by_uuid);
        assert_eq!(uuid(&at("sda")).as_deref(), Some("aaaa-1"));
        assert_eq!(uuid(&at("vg-keep")).as_deref(), Some("bbbb-2"));
        assert_eq!(uuid(&at("sdc")), None);
        assert_eq!(uuid(Path::new("tmpfs")), None);
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
