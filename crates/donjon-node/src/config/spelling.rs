//! Which known key a mistyped one was meant to be.

/// The key of `known` that `key` is probably a misspelling of: at most two letters differ, and at most a third of them.
pub(super) fn nearest<'a>(key: &str, known: &[&'a str]) -> Option<&'a str> {
    known
        .iter()
        .map(|candidate| (distance(key, candidate), *candidate))
        .filter(|(distance, candidate)| *distance <= 2 && distance * 3 <= candidate.len())
        .min()
        .map(|(_, candidate)| candidate)
}

/// How many letters must be inserted, removed or changed to make `left` of `right` (Levenshtein), letter case aside.
fn distance(left: &str, right: &str) -> usize {
    if left.len().abs_diff(right.len()) > 2 {
        return usize::MAX / 3; // far; and it bounds the work below for keys of any length
    }
    let right = right.as_bytes();
    let mut row: Vec<usize> = (0..=right.len()).collect();
    for (above, letter) in left.bytes().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (column, other) in right.iter().enumerate() {
            let change = diagonal + usize::from(!letter.eq_ignore_ascii_case(other));
            diagonal = row[column + 1];
            row[column + 1] = change.min(diagonal + 1).min(row[column] + 1);
        }
    }
    row[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(key: &str, expected: Option<&str>) {
        assert_eq!(nearest(key, &["BlobTrash", "BlobSigningTTL", "Key"]), expected, "{key}");
    }

    #[test]
    fn misspelt_keys_have_a_nearest_one() {
        check("BlobTrsh", Some("BlobTrash"));
        check("BlobTrahs", Some("BlobTrash"));
        check("BlobSigningTtll", Some("BlobSigningTTL"));
    }

    #[test]
    fn other_keys_have_none() {
        check("DefaultReplication", None);
        check("Host", None);
        check("", None);
        check(&"x".repeat(100_000), None);
    }
}
