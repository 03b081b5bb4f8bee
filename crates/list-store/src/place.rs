//! What the files of a list are called.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use keep_protocol::status::ListName;

/// The directory of a list, and which list it is. Two lists can share a directory.
#[derive(Clone, Debug)]
pub(crate) struct Place {
    directory: PathBuf,
    list: ListName,
}

/// What a file is, by its name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Kind {
    List(u64),
    Progress(u64),
    Draft,
    NewState,
}

impl Place {
    pub(crate) fn new(directory: PathBuf, list: ListName) -> Place {
        Place { directory, list }
    }

    pub(crate) fn directory(&self) -> &Path {
        &self.directory
    }

    pub(crate) fn list_name(&self) -> ListName {
        self.list
    }

    pub(crate) fn state(&self) -> PathBuf {
        self.file(".state")
    }

    /// Where the next state is written before it replaces the state.
    pub(crate) fn new_state(&self) -> PathBuf {
        self.file(".state.new")
    }

    pub(crate) fn lock(&self) -> PathBuf {
        self.file(".lock")
    }

    pub(crate) fn list(&self, generation: u64) -> PathBuf {
        self.file(&format!("-{generation}.list"))
    }

    pub(crate) fn progress(&self, generation: u64) -> PathBuf {
        self.file(&format!("-{generation}.progress"))
    }

    pub(crate) fn draft(&self, number: u64) -> PathBuf {
        self.file(&format!("-{number}.draft"))
    }

    /// What the file is; `None` for the lock, the state and every file that is not of this list.
    pub(crate) fn kind(&self, name: &OsStr) -> Option<Kind> {
        let rest = name.to_str()?.strip_prefix(self.list.as_str())?;
        if rest == ".state.new" {
            return Some(Kind::NewState);
        }
        let (number, extension) = rest.strip_prefix('-')?.split_once('.')?;
        let number: u64 = number.parse().ok()?;
        match extension {
            "list" => Some(Kind::List(number)),
            "progress" => Some(Kind::Progress(number)),
            "draft" => Some(Kind::Draft),
            _ => None,
        }
    }

    fn file(&self, rest: &str) -> PathBuf {
        self.directory.join(format!("{}{rest}", self.list))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_say_what_a_file_is() {
        let place = Place::new(PathBuf::from("d"), ListName::Trash);
        let kind = |path: PathBuf| place.kind(path.file_name().unwrap());
        assert_eq!(kind(place.list(7)), Some(Kind::List(7)));
        assert_eq!(kind(place.progress(u64::MAX)), Some(Kind::Progress(u64::MAX)));
        assert_eq!(kind(place.draft(0)), Some(Kind::Draft));
        assert_eq!(kind(place.new_state()), Some(Kind::NewState));
    }

    #[test]
    fn other_files_are_not_ours() {
        let place = Place::new(PathBuf::from("d"), ListName::Trash);
        let others =
            ["trash.state", "trash.lock", "pull-7.list", "trash-x.list", "trash-7.list.damaged"];
        for name in others {
            assert_eq!(place.kind(OsStr::new(name)), None, "{name}");
        }
    }
}
