//! Where a file or a directory is in a collection.

use std::fmt;

/// The longest path, in bytes. Written with every byte escaped it still fits into a token.
pub const PATH_BYTES_MAX: usize = 16_000;

/// A path in a collection: components with `/` between them, relative to the collection's root, which is the empty path.
///
/// Bytes, not text: file systems allow names that are no UTF-8. No component is empty, `.` or `..`, so a path never leads
/// out of the directory it is joined to. It may have a NUL, which no file system takes.
///
/// Orders as the names of streams do: by bytes.
///
/// # Examples
/// ```
/// use keep_manifest::TreePath;
/// let path = TreePath::new(b"sub dir/a:b")?;
/// assert_eq!(path.parent(), Some(TreePath::new(b"sub dir")?));
/// assert!(TreePath::new(b"../a").is_err());
/// # Ok::<(), keep_manifest::BadPath>(())
/// ```
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TreePath(Box<[u8]>);

/// The name of a file in its directory: one component of a path.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct FileName(Box<[u8]>);

/// Why bytes are no path in a collection.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BadPath {
    /// Two `/` side by side, or one at an end.
    #[error("a path must have no empty component")]
    EmptyComponent,
    /// A component `.` or `..`.
    #[error("a path must have no component `.` or `..`")]
    DotComponent,
    /// A `/` in what should be one component.
    #[error("a file's name must have no `/`")]
    Slash,
    /// More than [`PATH_BYTES_MAX`].
    #[error("a path must have at most {PATH_BYTES_MAX} bytes")]
    TooLong,
}

impl TreePath {
    /// The root of the collection.
    pub fn root() -> Self {
        TreePath(Box::default())
    }

    /// Checks a path; the empty one is the root.
    ///
    /// # Errors
    /// [`BadPath`]: what is wrong with it.
    pub fn new(path: &[u8]) -> Result<Self, BadPath> {
        if path.len() > PATH_BYTES_MAX {
            return Err(BadPath::TooLong);
        }
        if !path.is_empty() {
            check_components(path)?;
        }
        Ok(TreePath(path.into()))
    }

    /// The path of what is called `name` in this directory.
    ///
    /// # Errors
    /// [`BadPath::TooLong`].
    pub fn child(&self, name: &FileName) -> Result<Self, BadPath> {
        self.join(&TreePath(name.0.clone()))
    }

    /// The path that `other` is, seen from this directory.
    ///
    /// # Errors
    /// [`BadPath::TooLong`].
    pub fn join(&self, other: &TreePath) -> Result<Self, BadPath> {
        if self.is_root() || other.is_root() {
            return Ok(if self.is_root() { other.clone() } else { self.clone() });
        }
        let joined = [&self.0, &b"/"[..], &other.0].concat();
        if joined.len() > PATH_BYTES_MAX {
            Err(BadPath::TooLong)
        } else {
            Ok(TreePath(joined.into()))
        }
    }

    /// The directory that this is in; `None` for the root.
    pub fn parent(&self) -> Option<TreePath> {
        Some(self.split_last()?.0)
    }

    /// The last component; `None` for the root.
    pub fn name(&self) -> Option<FileName> {
        Some(self.split_last()?.1)
    }

    /// The directory that this is in, and its name there; `None` for the root.
    pub fn split_last(&self) -> Option<(TreePath, FileName)> {
        if self.is_root() {
            return None;
        }
        Some(match self.0.iter().rposition(|byte| *byte == b'/') {
            Some(at) => (TreePath(self.0[..at].into()), FileName(self.0[at + 1..].into())),
            None => (TreePath::root(), FileName(self.0.clone())),
        })
    }

    /// The components, first to last; none for the root.
    pub fn components(&self) -> impl Iterator<Item = &[u8]> {
        self.0.split(|byte| *byte == b'/').filter(|component| !component.is_empty())
    }

    /// Whether this is the root.
    pub fn is_root(&self) -> bool {
        self.0.is_empty()
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Orders as its bytes do, so a map keyed by paths can be asked with bytes.
impl std::borrow::Borrow<[u8]> for TreePath {
    fn borrow(&self) -> &[u8] {
        &self.0
    }
}

impl FileName {
    /// Checks a name.
    ///
    /// # Errors
    /// [`BadPath`]: what is wrong with it.
    pub fn new(name: &[u8]) -> Result<Self, BadPath> {
        if name.contains(&b'/') {
            return Err(BadPath::Slash);
        }
        if name.len() > PATH_BYTES_MAX {
            return Err(BadPath::TooLong);
        }
        check_components(name)?;
        Ok(FileName(name.into()))
    }

    /// The bytes.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

/// Whether every component may be one.
pub(crate) fn check_components(path: &[u8]) -> Result<(), BadPath> {
    path.split(|byte| *byte == b'/').try_for_each(|component| match component {
        b"" => Err(BadPath::EmptyComponent),
        b"." | b".." => Err(BadPath::DotComponent),
        _ => Ok(()),
    })
}

/// For people: control characters are escaped, and what is no UTF-8 is replaced.
fn show(bytes: &[u8], f: &mut fmt::Formatter<'_>) -> fmt::Result {
    String::from_utf8_lossy(bytes).chars().try_for_each(|character| {
        if character.is_control() {
            write!(f, "{}", character.escape_default())
        } else {
            fmt::Write::write_char(f, character)
        }
    })
}

/// For people, not for machines: `.` is the root, control characters are escaped, and what is no UTF-8 is replaced.
impl fmt::Display for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_root() { f.write_str(".") } else { show(&self.0, f) }
    }
}

impl fmt::Debug for TreePath {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TreePath({self})")
    }
}

/// For people, not for machines: control characters are escaped, and what is no UTF-8 is replaced.
impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        show(&self.0, f)
    }
}

impl fmt::Debug for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "FileName({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn path(text: &str) -> TreePath {
        TreePath::new(text.as_bytes()).unwrap()
    }

    #[test]
    fn a_path_never_leads_out() {
        for (text, expected) in [
            ("..", BadPath::DotComponent),
            ("a/../b", BadPath::DotComponent),
            (".", BadPath::DotComponent),
            ("a/.", BadPath::DotComponent),
            ("/a", BadPath::EmptyComponent),
            ("a/", BadPath::EmptyComponent),
            ("a//b", BadPath::EmptyComponent),
        ] {
            assert_eq!(TreePath::new(text.as_bytes()), Err(expected), "{text}");
        }
        assert_eq!(TreePath::new(&[b'a'; PATH_BYTES_MAX + 1]), Err(BadPath::TooLong));
    }

    #[test]
    fn a_name_is_one_component() {
        assert_eq!(FileName::new(b"a/b"), Err(BadPath::Slash));
        assert_eq!(FileName::new(b""), Err(BadPath::EmptyComponent));
        assert_eq!(FileName::new(b".."), Err(BadPath::DotComponent));
        assert_eq!(FileName::new(b"...").unwrap().to_string(), "...");
    }

    #[test]
    fn paths_are_joined_and_split() {
        let (root, dir) = (TreePath::root(), path("a/b"));
        assert_eq!(root.join(&dir), Ok(dir.clone()));
        assert_eq!(dir.join(&root), Ok(dir.clone()));
        assert_eq!(dir.join(&path("c/d")), Ok(path("a/b/c/d")));
        assert_eq!(dir.split_last(), Some((path("a"), FileName::new(b"b").unwrap())));
        assert_eq!(path("a").parent(), Some(root.clone()));
        assert_eq!(root.parent(), None);
        assert_eq!(path("a/b").components().collect::<Vec<_>>(), [b"a", b"b"]);
        assert_eq!(root.components().count(), 0);
    }

    #[test]
    fn paths_are_shown_to_people() {
        assert_eq!(TreePath::root().to_string(), ".");
        assert_eq!(TreePath::new(b"a\n\xff").unwrap().to_string(), "a\\n\u{fffd}");
    }
}
