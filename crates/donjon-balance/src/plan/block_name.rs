//! Hash and size.

use std::fmt;
use std::str::FromStr;

use keep_rules::{BLOCK_SIZE_MAX, BlockHash};

use crate::plan::text::as_text;

/// A block with its size: `acbd18db4cc2f85cedef654fccc4a4d8+3`.
///
/// # Examples
/// ```
/// use donjon_balance::plan::BlockName;
/// let name: BlockName = "acbd18db4cc2f85cedef654fccc4a4d8+3".parse()?;
/// assert_eq!((name.size, name.to_string().len()), (3, 34));
/// # Ok::<(), donjon_balance::plan::BadBlockName>(())
/// ```
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BlockName {
    /// The hash.
    pub hash: BlockHash,
    /// The size in bytes.
    pub size: u32,
}

/// A text that is no block's name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error(
    "a block is written as its hash, + and its size, at most 67108864: acbd18db4cc2f85cedef654fccc4a4d8+3"
)]
pub struct BadBlockName;

impl FromStr for BlockName {
    type Err = BadBlockName;

    fn from_str(text: &str) -> Result<Self, BadBlockName> {
        let (hash, size) = text.split_once('+').ok_or(BadBlockName)?;
        let canonical = size == "0" || size.starts_with(|digit: char| matches!(digit, '1'..='9'));
        let (Ok(hash), Ok(size), true) = (hash.parse(), size.parse(), canonical) else {
            return Err(BadBlockName);
        };
        if u64::from(size) > BLOCK_SIZE_MAX {
            return Err(BadBlockName);
        }
        Ok(BlockName { hash, size })
    }
}

impl fmt::Display for BlockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let hash = self.hash.to_hex();
        f.write_str(std::str::from_utf8(&hash).expect("hex digits are ASCII"))?;
        write!(f, "+{}", self.size)
    }
}

impl fmt::Debug for BlockName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

as_text!(BlockName);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_has_one_text() {
        let hash = "acbd18db4cc2f85cedef654fccc4a4d8";
        for size in ["0", "3", "67108864"] {
            let text = format!("{hash}+{size}");
            assert_eq!(text.parse::<BlockName>().unwrap().to_string(), text);
        }
        for size in ["", "+3", "03", "00", "-1", "67108865", "3 ", "3+A", "99999999999"] {
            assert_eq!(format!("{hash}+{size}").parse::<BlockName>(), Err(BadBlockName), "{size}");
        }
        assert_eq!(hash.parse::<BlockName>(), Err(BadBlockName));
        assert_eq!(format!("{}+3", hash.to_uppercase()).parse::<BlockName>(), Err(BadBlockName));
    }
}
