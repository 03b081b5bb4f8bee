//! What an item says, whichever way it was read.

use std::borrow::Cow;

/// Which keys an item has. Others are ignored.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Shape {
    /// `locator`, `block_mtime`, `mount_uuid`.
    Trash,
    /// `locator`, `servers`, `mount_uuid`.
    Pull,
}

/// The values of one item. Zero where the item says nothing. All texts are valid UTF-8.
#[derive(Debug, Default)]
pub struct Fields<'a> {
    /// The locator, unparsed.
    pub locator: &'a [u8],
    /// Nanoseconds since 1970.
    pub mtime: i64,
    /// The mount's UUID; empty for every mount.
    pub mount: &'a [u8],
    /// Where to pull from.
    pub servers: ServerTexts<'a>,
}

/// Texts of servers, in the order of the item.
#[derive(Debug)]
pub enum ServerTexts<'a> {
    /// The text of a JSON array of strings without escapes: every other piece between its quotes is a server.
    Plain(&'a [u8]),
    /// Decoded strings.
    Decoded(&'a [Cow<'a, str>]),
}

impl Default for ServerTexts<'_> {
    fn default() -> Self {
        ServerTexts::Decoded(&[])
    }
}

impl ServerTexts<'_> {
    /// Calls `take` with each server.
    pub fn each(&self, mut take: impl FnMut(&[u8])) {
        match self {
            ServerTexts::Plain(array) => {
                array.split(|byte| *byte == b'"').skip(1).step_by(2).for_each(take)
            }
            ServerTexts::Decoded(servers) => {
                servers.iter().for_each(|server| take(server.as_bytes()))
            }
        }
    }
}
