//! Texts that repeat from item to item, kept once.

use std::collections::HashMap;

use serde::{Deserialize, Serialize};

use super::fields::ServerTexts;
use crate::list::{Limits, Problem};

/// The texts that the records of a list refer to: mount UUIDs, lists of servers, unparsable locators.
///
/// A record means something only beside the names of its own list. Serde keeps the order, so records stored beside
/// serialized names keep their meaning.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Names {
    mounts: Vec<Box<str>>,
    servers: Vec<Box<[Box<str>]>>,
    bad_locators: Vec<Box<str>>,
}

/// A mount's UUID, kept in [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct MountName(pub(super) u32);

/// An item's list of servers, kept in [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Servers(pub(super) u32);

/// The text of a locator that could not be parsed, kept in [`Names`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BadLocatorText(pub(super) u32);

impl MountName {
    /// The place of this mount in [`Names::mounts`], to look up what belongs to it in a `Vec` instead of by its text.
    pub fn index(self) -> usize {
        self.0 as usize
    }
}

impl Names {
    /// The mount's UUID, as the list gave it.
    ///
    /// # Panics
    /// If the name is of another list.
    pub fn mount(&self, name: MountName) -> &str {
        &self.mounts[name.index()]
    }

    /// Every mount that the list names, in the order of [`MountName::index`].
    pub fn mounts(&self) -> impl ExactSizeIterator<Item = &str> {
        self.mounts.iter().map(|mount| &**mount)
    }

    /// The servers of an item, in its order; none if the item has none.
    ///
    /// # Panics
    /// If the servers are of another list.
    pub fn servers(&self, servers: Servers) -> &[Box<str>] {
        match servers.0 {
            0 => &[],
            place => &self.servers[place as usize - 1],
        }
    }

    /// The text of a locator that could not be parsed: its beginning, without signatures.
    pub fn bad_locator(&self, locator: BadLocatorText) -> &str {
        self.bad_locators
            .get(locator.0 as usize)
            .map_or("(text not kept: too many different ones)", |text| text)
    }

    /// Whether these names have the mount.
    pub(super) fn has_mount(&self, name: MountName) -> bool {
        name.index() < self.mounts.len()
    }

    /// Whether these names have the servers.
    pub(super) fn has_servers(&self, servers: Servers) -> bool {
        servers.0 as usize <= self.servers.len()
    }
}

/// [`Names`] in the making: finds the number of a text, or gives it the next one.
pub struct Gathered {
    mounts: Numbers,
    servers: Numbers,
    bad_locators: Numbers,
    /// The key of the servers at hand; kept for its allocation.
    key: Vec<u8>,
    bytes: usize,
    limits: Limits,
}

impl Gathered {
    pub(super) fn new(limits: Limits) -> Self {
        Gathered {
            mounts: Numbers::default(),
            servers: Numbers::default(),
            bad_locators: Numbers::default(),
            key: Vec::new(),
            bytes: 0,
            limits,
        }
    }

    /// The name of a mount; `None`, meaning every mount, for the empty text.
    pub(super) fn mount(&mut self, uuid: &[u8]) -> Result<Option<MountName>, Problem> {
        if uuid.is_empty() {
            return Ok(None);
        }
        let number = match self.mounts.find(uuid) {
            Some(number) => number,
            None => {
                self.bytes = room(&self.mounts, "mounts", self.bytes + uuid.len(), &self.limits)?;
                self.mounts.add(uuid)
            }
        };
        Ok(Some(MountName(number)))
    }

    pub(super) fn servers(&mut self, servers: &ServerTexts<'_>) -> Result<Servers, Problem> {
        self.key.clear();
        servers.each(|server| {
            self.key.extend_from_slice(server);
            self.key.push(END);
        });
        if self.key.is_empty() {
            return Ok(Servers(0));
        }
        let number = match self.servers.find(&self.key) {
            Some(number) => number,
            None => {
                self.bytes = room(
                    &self.servers,
                    "lists of servers",
                    self.bytes + self.key.len(),
                    &self.limits,
                )?;
                self.servers.add(&self.key)
            }
        };
        Ok(Servers(number + 1))
    }

    pub(super) fn bad_locator(&mut self, text: &[u8]) -> BadLocatorText {
        let text = presentable(text);
        let number = match self.bad_locators.find(text.as_bytes()) {
            Some(number) => number,
            None if self.bad_locators.len() < self.limits.bad_locators => {
                self.bad_locators.add(text.as_bytes())
            }
            None => BAD_LOCATOR_MAX,
        };
        BadLocatorText(number.min(BAD_LOCATOR_MAX))
    }

    pub(super) fn finish(self) -> Names {
        Names {
            mounts: self.mounts.into_texts(text),
            servers: self.servers.into_texts(|key| {
                let without_last_end = &key[..key.len() - 1];
                without_last_end.split(|byte| *byte == END).map(text).collect()
            }),
            bad_locators: self.bad_locators.into_texts(text),
        }
    }
}

/// Ends each server in a key. No UTF-8 text contains it, so that different lists have different keys.
const END: u8 = 0xff;

/// Above the number of every bad locator that is kept; the largest that a record has room for.
const BAD_LOCATOR_MAX: u32 = (1 << 31) - 1;

fn text(bytes: &[u8]) -> Box<str> {
    String::from_utf8_lossy(bytes).into()
}

/// The bytes of all texts once one more is added, if there is room for it.
fn room(
    numbers: &Numbers,
    of: &'static str,
    bytes: usize,
    limits: &Limits,
) -> Result<usize, Problem> {
    if numbers.len() >= limits.names {
        return Err(Problem::TooManyNames { of, max: limits.names });
    }
    if bytes > limits.name_bytes {
        return Err(Problem::NamesTooLong { max: limits.name_bytes });
    }
    Ok(bytes)
}

/// The beginning of a locator that could not be parsed, without signatures and control characters.
fn presentable(locator: &[u8]) -> String {
    const CHARS_MAX: usize = 80;
    let locator = String::from_utf8_lossy(locator);
    let unsigned =
        locator.split("+A").next().and_then(|text| text.split("+R").next()).unwrap_or_default();
    let mut shown: String = unsigned
        .chars()
        .take(CHARS_MAX)
        .map(|char| if char.is_control() { '\u{fffd}' } else { char })
        .collect();
    if unsigned.len() < locator.len() || unsigned.chars().nth(CHARS_MAX).is_some() {
        shown.push('…');
    }
    shown
}

/// Numbers texts from 0 in the order in which they are first seen.
#[derive(Default)]
struct Numbers {
    numbers: HashMap<Box<[u8]>, u32>,
    /// The text found last: neighbours in a list often have the same.
    last: Option<(Vec<u8>, u32)>,
}

impl Numbers {
    fn len(&self) -> usize {
        self.numbers.len()
    }

    fn find(&mut self, text: &[u8]) -> Option<u32> {
        if let Some((last, number)) = &self.last
            && last == text
        {
            return Some(*number);
        }
        let number = *self.numbers.get(text)?;
        let (last, last_number) = self.last.get_or_insert_default();
        last.clear();
        last.extend_from_slice(text);
        *last_number = number;
        Some(number)
    }

    /// Adds a text that was not found.
    fn add(&mut self, text: &[u8]) -> u32 {
        let number =
            u32::try_from(self.numbers.len()).expect("limits keep the texts of a list below 2^32");
        self.numbers.insert(text.into(), number);
        number
    }

    fn into_texts<T>(self, read: impl Fn(&[u8]) -> T) -> Vec<T> {
        let mut texts: Vec<_> = self.numbers.into_iter().collect();
        texts.sort_unstable_by_key(|(_, number)| *number);
        texts.into_iter().map(|(text, _)| read(&text)).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn equal_texts_get_one_number() {
        let mut names = Gathered::new(Limits::default());
        let [a, b, again] = [&b"a"[..], b"b", b"a"].map(|text| names.mount(text).unwrap().unwrap());
        assert_eq!(a, again);
        assert_ne!(a, b);
        assert_eq!(names.mount(b""), Ok(None));
        let names = names.finish();
        assert_eq!((names.mount(a), names.mount(b)), ("a", "b"));
        assert_eq!(names.mounts().collect::<Vec<_>>(), ["a", "b"]);
    }

    #[test]
    fn lists_of_servers_differ_by_their_cuts() {
        let mut names = Gathered::new(Limits::default());
        let texts: [&[u8]; 5] =
            [br#"["ab"]"#, br#"["a","b"]"#, br#"["ab",""]"#, br#"[""]"#, br#"[]"#];
        let servers = texts.map(|text| names.servers(&ServerTexts::Plain(text)).unwrap());
        let names = names.finish();
        let found = servers
            .map(|servers| names.servers(servers).iter().map(|text| &**text).collect::<Vec<_>>());
        assert_eq!(found, [vec!["ab"], vec!["a", "b"], vec!["ab", ""], vec![""], vec![]]);
    }

    #[test]
    fn names_are_bounded() {
        let mut few = Gathered::new(Limits { names: 1, ..Limits::default() });
        assert!(few.mount(b"a").is_ok() && few.mount(b"a").is_ok());
        assert_eq!(few.mount(b"b"), Err(Problem::TooManyNames { of: "mounts", max: 1 }));
        let mut short = Gathered::new(Limits { name_bytes: 3, ..Limits::default() });
        assert!(short.mount(b"abc").is_ok());
        assert_eq!(
            short.servers(&ServerTexts::Plain(br#"["a"]"#)),
            Err(Problem::NamesTooLong { max: 3 })
        );
    }

    #[test]
    fn bad_locators_are_kept_without_signatures_and_within_bounds() {
        let mut names = Gathered::new(Limits { bad_locators: 2, ..Limits::default() });
        let kept = [&b"xyz+3+Asecret@1"[..], "é".repeat(90).as_bytes(), b"third", b"xyz+3+Aother"]
            .map(|text| names.bad_locator(text));
        let names = names.finish();
        let [signed, long, third, same] = kept.map(|locator| names.bad_locator(locator));
        assert_eq!(signed, "xyz+3…");
        assert_eq!(same, signed);
        assert_eq!(long, "é".repeat(80) + "…");
        assert!(third.starts_with("(text not kept"));
    }
}
