//! A digest of a set of rows, whatever their order.

use std::fmt;

use sha2::{Digest, Sha256};

use crate::postgres::row::CollectionRow;

/// Tells two readings of the table apart: the sum, modulo 2^256, of a SHA-256 of every row. A sum, because the order in
/// which a database gives rows means nothing.
///
/// A row is its uuid, portable data hash, length of the manifest, wishes and `modified_at`; the text of the manifest is not
/// hashed, its portable data hash stands for it. Against accidents, not against people: who may write any row can find two
/// tables with one sum.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash)]
pub struct CollectionsDigest([u64; 4]);

impl CollectionsDigest {
    pub(super) fn add(&mut self, row: &CollectionRow<'_>) {
        let hash = hash(row);
        let mut carry = false;
        for (limb, bytes) in self.0.iter_mut().zip(hash.as_chunks::<8>().0) {
            let (sum, over) = limb.overflowing_add(u64::from_le_bytes(*bytes));
            let (sum, over_by_carry) = sum.overflowing_add(u64::from(carry));
            *limb = sum;
            carry = over || over_by_carry;
        }
    }

    /// The sum, least significant byte first.
    pub fn to_bytes(self) -> [u8; 32] {
        let mut bytes = [0; 32];
        for (place, limb) in bytes.as_chunks_mut::<8>().0.iter_mut().zip(self.0) {
            *place = limb.to_le_bytes();
        }
        bytes
    }
}

/// 64 hexadecimal digits, the first byte of [`CollectionsDigest::to_bytes`] first.
impl fmt::Display for CollectionsDigest {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.to_bytes().iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

/// No two different rows are fed alike: every text comes after its length, every option after whether it is there.
fn hash(row: &CollectionRow<'_>) -> [u8; 32] {
    let CollectionRow {
        uuid,
        manifest_text,
        portable_data_hash,
        replication_desired,
        storage_classes_desired,
        modified_at,
    } = row;
    let mut sha = Sha256::new();
    let length = |text: &str| (text.len() as u64).to_le_bytes();
    for text in [uuid, portable_data_hash] {
        sha.update(length(text));
        sha.update(text);
    }
    sha.update(length(manifest_text));
    match replication_desired {
        None => sha.update([0]),
        Some(copies) => {
            sha.update([1]);
            sha.update(copies.to_le_bytes());
        }
    }
    match storage_classes_desired {
        None => sha.update([0]),
        Some(classes) => {
            sha.update([1]);
            sha.update((classes.len() as u64).to_le_bytes());
            for class in classes {
                sha.update(length(class));
                sha.update(class);
            }
        }
    }
    sha.update(modified_at.as_micros().to_le_bytes());
    sha.finalize().into()
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;
    use crate::postgres::DatabaseTime;

    fn row<'a>(uuid: &'a str, classes: &[&str], micros: i64) -> CollectionRow<'a> {
        CollectionRow {
            uuid,
            manifest_text: "",
            portable_data_hash: "d41d8cd98f00b204e9800998ecf8427e+0",
            replication_desired: None,
            storage_classes_desired: Some(classes.iter().map(|&class| class.to_owned()).collect()),
            modified_at: DatabaseTime::from_micros(micros),
        }
    }

    fn digest<'a>(rows: impl IntoIterator<Item = CollectionRow<'a>>) -> CollectionsDigest {
        let mut digest = CollectionsDigest::default();
        rows.into_iter().for_each(|row| digest.add(&row));
        digest
    }

    #[test]
    fn every_field_matters() {
        let base = || row("a", &["x", "y"], 1);
        let mut others =
            vec![row("b", &["x", "y"], 1), row("a", &["xy"], 1), row("a", &["y", "x"], 1)];
        others.push(row("a", &["x", "y"], 2));
        others.push(CollectionRow { manifest_text: ".", ..base() });
        others.push(CollectionRow { portable_data_hash: "", ..base() });
        others.push(CollectionRow { replication_desired: Some(0), ..base() });
        others.push(CollectionRow { storage_classes_desired: None, ..base() });
        for other in others {
            assert_ne!(digest([base()]), digest([other.clone()]), "{other:?}");
        }
        assert_ne!(digest([base()]), digest([base(), base()]), "how often matters as well");
    }

    #[test]
    fn the_sum_carries_from_limb_to_limb() {
        let mut full = CollectionsDigest([u64::MAX; 4]);
        let one = digest([row("a", &[], 1)]);
        full.add(&row("a", &[], 1));
        // 2^256 - 1 + x is x - 1.
        let mut less = one;
        for limb in &mut less.0 {
            let (difference, borrow) = limb.overflowing_sub(1);
            *limb = difference;
            if !borrow {
                break;
            }
        }
        assert_eq!(full, less);
        assert_eq!(one.to_string().len(), 64);
    }

    proptest! {
        #[test]
        fn order_means_nothing(micros in prop::collection::vec(any::<i64>(), 0..20), turn in any::<prop::sample::Index>()) {
            let mut turned = micros.clone();
            if !turned.is_empty() {
                let by = turn.index(turned.len());
                turned.rotate_left(by);
                turned.swap(0, by);
            }
            let of = |list: &[i64]| digest(list.iter().map(|&at| row("a", &["x"], at)));
            prop_assert_eq!(of(&micros), of(&turned));
        }
    }
}
