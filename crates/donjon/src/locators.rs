//! Locators on the command line: as arguments, or one a line on standard input.

use std::io::{self, BufRead};
use std::str::FromStr;

use keep_rules::{BadLocator, Locator};

use crate::failure::Failure;

/// The longest line of standard input. Locators with all their hints are far shorter.
const LINE_MAX: usize = 4096;

/// An argument that names a block, or says where names are.
#[derive(Clone, Debug)]
pub(crate) enum LocatorArg {
    /// `-`
    Stdin,
    Given(Locator),
}

impl FromStr for LocatorArg {
    type Err = BadLocator;

    fn from_str(text: &str) -> Result<Self, BadLocator> {
        if text == "-" { Ok(LocatorArg::Stdin) } else { text.parse().map(LocatorArg::Given) }
    }
}

/// All locators that `args` name. Every line is checked before anything is done to any block.
pub(crate) fn all(args: Vec<LocatorArg>) -> Result<Vec<Locator>, Failure> {
    let mut locators = Vec::with_capacity(args.len());
    for arg in args {
        match arg {
            LocatorArg::Given(locator) => locators.push(locator),
            LocatorArg::Stdin => read_lines(io::stdin().lock(), &mut locators)?,
        }
    }
    Ok(locators)
}

/// The first word of every line is a locator, so that index lines do as they are. Empty lines are skipped.
fn read_lines(input: impl BufRead, locators: &mut Vec<Locator>) -> Result<(), Failure> {
    for (line, number) in input.lines().zip(1_u64..) {
        let line = line.map_err(Failure::local("cannot read locators from standard input"))?;
        let problem = |problem: &dyn std::fmt::Display| {
            Failure::Usage(format!("standard input, line {number}: {problem}"))
        };
        if line.len() > LINE_MAX {
            return Err(problem(&format_args!("longer than {LINE_MAX} bytes")));
        }
        if let Some(word) = line.split_whitespace().next() {
            locators.push(word.parse().map_err(|error: BadLocator| problem(&error))?);
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn index_lines_name_blocks_and_empty_lines_do_not() {
        let mut locators = Vec::new();
        let lines = "acbd18db4cc2f85cedef654fccc4a4d8+3 1700000000000000000\n\nd41d8cd98f00b204e9800998ecf8427e+0\n";
        read_lines(lines.as_bytes(), &mut locators).unwrap();
        let texts: Vec<&str> = locators.iter().map(Locator::as_str).collect();
        assert_eq!(
            texts,
            ["acbd18db4cc2f85cedef654fccc4a4d8+3", "d41d8cd98f00b204e9800998ecf8427e+0"]
        );
    }

    #[test]
    fn a_bad_line_is_named() {
        let error = read_lines("\nfoo\n".as_bytes(), &mut Vec::new()).unwrap_err().to_string();
        assert!(error.starts_with("standard input, line 2: invalid locator"), "{error}");
    }
}
