//! What tells damage: CRC-32, which finds every change of up to four bytes in a row, and all others but one in 2^32.

use crc32fast::Hasher;

/// Bytes of a checksum.
pub(crate) const CHECKSUM_BYTES: usize = 4;

/// The checksum of the parts, one behind the other. Under another seed the same bytes have another checksum.
pub(crate) fn checksum(seed: u32, parts: &[&[u8]]) -> u32 {
    let mut hasher = Hasher::new_with_initial(seed);
    for part in parts {
        hasher.update(part);
    }
    hasher.finalize()
}

/// The contents of `sealed`, which end with their checksum. `None` if it is wrong.
pub(crate) fn unseal(sealed: &[u8]) -> Option<&[u8]> {
    let (contents, found) = sealed.split_last_chunk::<CHECKSUM_BYTES>()?;
    (checksum(0, &[contents]) == u32::from_le_bytes(*found)).then_some(contents)
}

/// Appends the checksum of all of `contents`.
pub(crate) fn seal(contents: &mut Vec<u8>) {
    let sum = checksum(0, &[contents]);
    contents.extend_from_slice(&sum.to_le_bytes());
}
