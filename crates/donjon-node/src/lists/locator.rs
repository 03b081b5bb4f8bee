//! The locator of an item, as its list named it.

use keep_protocol::list::{BadLocatorText, Names, SizeHint};
use keep_rules::BlockHash;

/// `hash+size`, the hash alone if the list gave no usable size, or the text that could not be read.
pub(super) fn locator_text(
    hash: BlockHash,
    size: Result<SizeHint, BadLocatorText>,
    names: &Names,
) -> String {
    match size {
        Ok(SizeHint::Bytes(bytes)) => format!("{hash}+{bytes}"),
        Ok(SizeHint::Missing | SizeHint::Impossible) => hash.to_string(),
        Err(bad) => names.bad_locator(bad).to_owned(),
    }
}
