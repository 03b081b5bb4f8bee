//! Which physical back end a directory is on (spec section 6).
//!
//! The text must be the same for every node that shares the back end, Go nodes among them, and for no other: the
//! balancer takes two mounts with one device for one copy.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::Command;

use keep_rules::DeviceId;

/// Where the kernel's device manager lists file systems by their UUIDs.
const BY_UUID: &str = "/dev/disk/by-uuid";

/// Finds the device of a volume's root: the UUID of the file system and the path of the root in it, or, if that cannot
/// be found out, `HOST:ROOT`, which is right for a disk that no other node shares. Runs `findmnt` and blocks on it.
///
/// `hostname` is the name of this machine; [`hostname`] gives it.
pub fn device_id(root: &Path, hostname: &str) -> DeviceId {
    let found = mounted_at(root).and_then(|mount| {
        let uuid = filesystem_uuid(&mount.source, Path::new(BY_UUID))?;
        let below = path_below(&fs::canonicalize(root).ok()?, Path::new(&mount.target))?;
        format!("{uuid}{below}").parse().ok()
    });
    found.unwrap_or_else(|| {
        format!("{hostname}:{}", root.display()).parse().expect("a text with a colon is not empty")
    })
}

/// The name of this machine, as the kernel knows it; `localhost` if it has none.
pub fn hostname() -> String {
    let read = fs::read_to_string("/proc/sys/kernel/hostname").unwrap_or_default();
    let name = read.trim();
    if name.is_empty() { "localhost".to_owned() } else { name.to_owned() }
}

/// A line of `findmnt`.
#[derive(Debug, PartialEq, Eq)]
struct Mounted {
    target: String,
    source: String,
}

fn mounted_at(root: &Path) -> Option<Mounted> {
    let output =
        Command::new("findmnt").args(["--noheadings", "--target"]).arg(root).output().ok()?;
    output.status.success().then(|| parse_findmnt(&String::from_utf8_lossy(&output.stdout)))?
}

/// The first two fields of the line: mount point and source.
fn parse_findmnt(line: &str) -> Option<Mounted> {
    let mut fields = line.split_whitespace();
    Some(Mounted { target: fields.next()?.to_owned(), source: fields.next()?.to_owned() })
}

/// The entry of `by_uuid` that leads to the same device node as `source`. Both are compared by inode number, because
/// the source may be another name of the device, such as a volume group's.
fn filesystem_uuid(source: &str, by_uuid: &Path) -> Option<String> {
    if !source.starts_with('/') {
        return None;
    }
    let device = fs::metadata(source).ok()?;
    let same = |entry: &fs::DirEntry| {
        fs::metadata(entry.path())
            .is_ok_and(|other| (other.ino(), other.dev()) == (device.ino(), device.dev()))
    };
    let entry = fs::read_dir(by_uuid).ok()?.flatten().find(same)?;
    entry.file_name().into_string().ok().filter(|uuid| !uuid.is_empty())
}

/// The rest of `root` below the mount point, with a slash in front; empty if they are the same.
fn path_below(root: &Path, mount_point: &Path) -> Option<String> {
    let below = root.strip_prefix(mount_point).ok()?.to_str()?;
    Some(if below.is_empty() { String::new() } else { format!("/{below}") })
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn findmnt_says_the_mount_point_and_the_source() {
        let mounted = parse_findmnt("/mnt/keep /dev/sdb1 ext4 rw,relatime\n").unwrap();
        assert_eq!(mounted, Mounted { target: "/mnt/keep".into(), source: "/dev/sdb1".into() });
        assert_eq!(parse_findmnt("\n"), None);
        assert_eq!(parse_findmnt("/mnt\n"), None);
    }

    #[test]
    fn the_path_in_the_file_system_follows_the_uuid() {
        let check = |root: &str, mount: &str, below: Option<&str>| {
            assert_eq!(
                path_below(Path::new(root), Path::new(mount)).as_deref(),
                below,
                "{root} in {mount}"
            );
        };
        check("/mnt/keep", "/mnt/keep", Some(""));
        check("/mnt/keep/a/b", "/mnt/keep", Some("/a/b"));
        check("/a", "/", Some("/a"));
        check("/mnt/keeper", "/mnt/keep", None);
    }

    #[test]
    fn the_uuid_is_that_of_the_same_device_node() {
        let dir = tempfile::tempdir().unwrap();
        let by_uuid = dir.path().join("by-uuid");
        fs::create_dir(&by_uuid).unwrap();
        for (device, uuid) in [("sda", "aaaa-1"), ("sdb", "bbbb-2")] {
            fs::write(dir.path().join(device), "").unwrap();
            symlink(dir.path().join(device), by_uuid.join(uuid)).unwrap();
        }
        symlink(dir.path().join("sdb"), dir.path().join("vg-keep")).unwrap();
        let uuid = |name: &str| filesystem_uuid(dir.path().join(name).to_str().unwrap(), &by_uuid);
        assert_eq!(uuid("sda").as_deref(), Some("aaaa-1"));
        assert_eq!(uuid("vg-keep").as_deref(), Some("bbbb-2"));
        assert_eq!(uuid("sdc"), None);
        assert_eq!(filesystem_uuid("tmpfs", &by_uuid), None);
    }

    #[test]
    fn a_directory_on_no_known_device_is_named_after_the_machine() {
        let root = Path::new("/nowhere/that/exists");
        assert_eq!(device_id(root, "keep0").as_str(), "keep0:/nowhere/that/exists");
    }

    #[test]
    fn two_directories_are_two_devices_and_one_stays_one() {
        let (one, two) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
        assert_ne!(device_id(one.path(), "h"), device_id(two.path(), "h"));
        assert_eq!(device_id(one.path(), "h"), device_id(one.path(), "h"));
    }
}
