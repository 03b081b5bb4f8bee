//! Numbers with what they count.

/// `1 block`, `2 blocks`; `1 copy`, `2 copies`; `1 trash`, `2 trashes`. Of several words the last is counted.
pub(crate) fn counted(count: u64, noun: &str) -> String {
    if count == 1 {
        return format!("1 {noun}");
    }
    match noun.strip_suffix('y') {
        Some(stem) => format!("{count} {stem}ies"),
        None if noun.ends_with("sh") => format!("{count} {noun}es"),
        None => format!("{count} {noun}s"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_is_one_and_everything_else_is_many() {
        for (count, noun, expected) in [
            (0, "block", "0 blocks"),
            (1, "block", "1 block"),
            (2, "block", "2 blocks"),
            (1, "copy", "1 copy"),
            (3, "copy", "3 copies"),
            (1, "trash", "1 trash"),
            (3, "trash", "3 trashes"),
            (2, "written file", "2 written files"),
        ] {
            assert_eq!(counted(count, noun), expected);
        }
    }
}
