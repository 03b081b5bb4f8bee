//! Storage classes: labels on mounts, and wishes on writes.

use std::fmt;
use std::sync::Arc;

use crate::name::name;

name! {
    /// A label on mounts, such as `default` or `archive`.
    StorageClass, "a storage class"
}

/// The class `default`, which every volume has when the config names no classes at all (spec section 8).
impl Default for StorageClass {
    fn default() -> Self {
        StorageClass("default".into())
    }
}

/// Storage classes, each once, in the order of their texts. Cheap to clone.
///
/// # Examples
/// ```
/// use keep_rules::ClassSet;
/// let wanted = ClassSet::from_header(" foo , ,bar,foo");
/// assert_eq!(wanted.to_string(), "bar, foo");
/// ```
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct ClassSet(Arc<[StorageClass]>);

impl ClassSet {
    /// No class: no wish.
    pub fn none() -> Self {
        ClassSet(Arc::new([]))
    }

    /// Reads the value of `X-Keep-Storage-Classes`: separated by commas, trimmed, empty ones dropped (spec section 2.5).
    pub fn from_header(value: &str) -> Self {
        value.split(',').filter_map(|class| class.trim().parse().ok()).collect()
    }

    /// Whether `class` is one of them.
    pub fn contains(&self, class: &StorageClass) -> bool {
        self.0.binary_search(class).is_ok()
    }

    /// The classes, in the order of their texts.
    pub fn iter(&self) -> std::slice::Iter<'_, StorageClass> {
        self.0.iter()
    }

    /// How many there are.
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }
}

impl Default for ClassSet {
    fn default() -> Self {
        ClassSet::none()
    }
}

impl FromIterator<StorageClass> for ClassSet {
    fn from_iter<I: IntoIterator<Item = StorageClass>>(classes: I) -> Self {
        let mut classes: Vec<StorageClass> = classes.into_iter().collect();
        classes.sort();
        classes.dedup();
        ClassSet(classes.into())
    }
}

impl<'a> IntoIterator for &'a ClassSet {
    type Item = &'a StorageClass;
    type IntoIter = std::slice::Iter<'a, StorageClass>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

/// As `X-Keep-Storage-Classes` writes it: `a, b`.
impl fmt::Display for ClassSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut separator = "";
        for class in self {
            write!(f, "{separator}{class}")?;
            separator = ", ";
        }
        Ok(())
    }
}

impl fmt::Debug for ClassSet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self).finish()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(header: &str, classes: &str) {
        let set = ClassSet::from_header(header);
        assert_eq!(set.to_string(), classes, "{header:?}");
        assert_eq!(ClassSet::from_header(&set.to_string()), set);
    }

    #[test]
    fn classes_are_separated_by_commas_and_trimmed() {
        check("default", "default");
        check("b,a", "a, b");
        check(" , foo ,\t,", "foo");
        check("foo, foo", "foo");
    }

    #[test]
    fn an_empty_header_is_no_wish() {
        check("", "");
        check(" , ,, ", "");
        assert!(ClassSet::from_header(",").is_empty());
    }

    #[test]
    fn a_set_contains_its_classes_only() {
        let set = ClassSet::from_header("archive, default");
        assert!(set.contains(&StorageClass::default()));
        assert!(!set.contains(&"fast".parse().unwrap()));
        assert_eq!(set.len(), 2);
    }
}
