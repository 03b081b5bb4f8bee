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

/// Bytes of the block, as far as the list says.
pub(super) fn size_of_block(size: Result<SizeHint, BadLocatorText>) -> u64 {
    match size {
        Ok(SizeHint::Bytes(bytes)) => u64::from(bytes),
        Ok(SizeHint::Missing | SizeHint::Impossible) | Err(_) => 0,
    }
}
