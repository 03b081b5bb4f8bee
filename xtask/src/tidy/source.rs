//! Sizes and words of source files.

use crate::tidy::Problem;
use crate::tidy::files::Files;

/// A file of more lines holds more than one concept.
const LINES_MAX: usize = 500;
/// Words that must not be in the source, in two parts so that they are not in this file, and what is wrong with them.
const BANNED: [(&str, &str, &str); 4] = [
    ("todo", "!(", "unfinished: finish it or leave it out"),
    ("unimplemented", "!(", "unfinished: finish it or leave it out"),
    ("dbg", "!(", "left over from debugging"),
    ("#[ign", "ore", "a test that is not run proves nothing: make it quick or make it an xtask"),
];

/// Every source file that is too long or holds a banned word.
pub(crate) fn check(files: &Files) -> Vec<Problem> {
    let rust = files
        .with_end(".rs")
        .flat_map(|(path, text)| check_length(path, text).chain(check_words(path, text)));
    let others = files
        .with_end(".py")
        .chain(files.with_end(".sh"))
        .flat_map(|(path, text)| check_length(path, text));
    rust.chain(others).collect()
}

fn check_length(path: &str, text: &str) -> impl Iterator<Item = Problem> {
    let lines = text.lines().count();
    (lines > LINES_MAX)
        .then(|| {
            Problem::new(
                path,
                format!("{lines} lines, {LINES_MAX} are allowed: split it by concept"),
            )
        })
        .into_iter()
}

fn check_words(path: &str, text: &str) -> impl Iterator<Item = Problem> {
    text.lines().zip(1..).flat_map(move |(line, number)| {
        let code = line.split("//").next().unwrap_or("");
        let banned =
            BANNED.iter().filter(move |(head, tail, _)| code.contains(&format!("{head}{tail}")));
        let problems = banned.map(move |(head, tail, why)| {
            Problem::at(path, number, format!("`{head}{tail}`: {why}"))
        });
        problems.chain(check_allow(path, number, code))
    })
}

/// Clippy finds allowances without a reason in what it compiles; this finds them in what it does not, `fuzz/` too.
fn check_allow(path: &str, number: usize, code: &str) -> Option<Problem> {
    let code = code.trim_start();
    let allows = code.starts_with("#[allow") || code.starts_with("#![allow");
    let whole = code.contains(")]");
    (allows && whole && !code.contains("reason"))
        .then(|| Problem::at(path, number, "an allowance without `reason = \"…\"`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, problems: usize) {
        assert_eq!(
            check_words("a.rs", text).count() + check_length("a.rs", text).count(),
            problems,
            "{text}"
        );
    }

    #[test]
    fn unfinished_code_is_found() {
        for (head, tail, _) in BANNED {
            check(&format!("    {head}{tail}x)"), 1);
        }
    }

    #[test]
    fn comments_may_speak_of_it() {
        check(&format!("// {}{}x)", BANNED[0].0, BANNED[0].1), 0);
    }

    #[test]
    fn an_allowance_needs_a_reason() {
        check("#[allow(dead_code)]", 1);
        check("#![allow(dead_code)]", 1);
        check("#[allow(dead_code, reason = \"shown in docs\")]", 0);
        check("#[expect(dead_code, reason = \"shown in docs\")]", 0);
    }

    #[test]
    fn a_long_file_is_found() {
        check(&"\n".repeat(LINES_MAX), 0);
        check(&"\n".repeat(LINES_MAX + 1), 1);
    }
}
