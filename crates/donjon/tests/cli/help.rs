//! The first page of help, word for word. It is checked by hand when it changes.

use crate::program::donjon;

#[test]
fn the_help_is_the_one_that_was_checked() {
    let help = donjon(&["--help"]).ends_with(0).text();
    assert_eq!(
        help,
        include_str!("help.txt"),
        "if this is how it should be, put it into tests/cli/help.txt:\n{help}"
    );
}

#[test]
fn without_a_command_the_help_is_the_answer_and_the_end_is_a_usage_error() {
    let ran = donjon(&[]).ends_with(2);
    assert!(ran.stderr.contains("Usage: donjon <COMMAND>"), "{}", ran.stderr);
}
