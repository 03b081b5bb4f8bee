//! Lost blocks, for people: nothing else that a run finds is as bad, so it is said in words and by the exit status.

use std::path::Path;

use donjon_balance::planning::LOST_SHOWN;

/// What is said of them wherever they are met.
pub(super) fn sentence(blocks: u64) -> String {
    let are = if blocks == 1 {
        "block is LOST: collections name it, and no node has it"
    } else {
        "blocks are LOST: collections name them, and no node has them"
    };
    format!("{blocks} {are}")
}

/// The same with the first of them and what to do next. `plan` is the file that has all of them.
pub(super) fn line(blocks: u64, first: &[String], plan: &Path) -> String {
    let more = if blocks > first.len() as u64 { " …" } else { "" };
    let hash = first.first().map_or("HASH", String::as_str);
    format!(
        "{}: {}{more}; donjon balance plan explain {} {hash}",
        sentence(blocks),
        first.iter().take(LOST_SHOWN).map(String::as_str).collect::<Vec<_>>().join(" "),
        plan.display()
    )
}

/// Where to read which collections want them.
pub(super) fn report(path: Option<&Path>) -> String {
    match path {
        Some(path) => format!("the collections that want them are in {}", path.display()),
        None => "Collections.BlobMissingReport is not set, so no report says which collections want them".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_and_many_are_said_with_the_first_of_them() {
        let plan = Path::new("a.plan");
        let one = line(1, &["aa".to_owned()], plan);
        assert_eq!(
            one,
            "1 block is LOST: collections name it, and no node has it: aa; donjon balance plan explain a.plan aa"
        );
        let many = line(7, &["aa".to_owned(), "bb".to_owned()], plan);
        assert!(many.starts_with("7 blocks are LOST"), "{many}");
        assert!(many.contains("no node has them: aa bb …; donjon"), "{many}");
    }
}
