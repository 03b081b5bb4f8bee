//! The 91 cases of spec section 12, a file for each theme. Each file has its part of the table on top.

use std::future::Future;
use std::pin::Pin;

use crate::context::Context;
use crate::report::Outcome;

mod damaged;
mod federation;
mod index;
mod load;
mod locators;
mod pull_list;
mod put;
mod read;
mod service;
mod signatures;
mod touch;
mod trash;
mod trash_list;
mod unwritable;

/// One case: its row in the specification, and the function that tries it.
pub(crate) struct Case {
    pub(crate) number: u8,
    pub(crate) text: &'static str,
    pub(crate) expected: &'static str,
    pub(crate) run: for<'c, 't> fn(&'c Context<'t>) -> Running<'c>,
}

type Running<'c> = Pin<Box<dyn Future<Output = Outcome> + Send + 'c>>;

/// A row of the table: number, what is asked, what is expected, the function.
macro_rules! case {
    ($number:literal, $text:literal, $expected:literal, $run:path) => {
        $crate::cases::Case {
            number: $number,
            text: $text,
            expected: $expected,
            run: |context| Box::pin($run(context)),
        }
    };
}
use case;

/// All cases by rising number.
pub(crate) fn all() -> impl Iterator<Item = &'static Case> {
    let tables = [
        damaged::CASES,
        federation::CASES,
        index::CASES,
        load::CASES,
        locators::CASES,
        pull_list::CASES,
        put::CASES,
        read::CASES,
        service::CASES,
        signatures::CASES,
        touch::CASES,
        trash::CASES,
        trash_list::CASES,
        unwritable::CASES,
    ];
    let mut cases: Vec<&'static Case> = tables.into_iter().flatten().collect();
    cases.sort_by_key(|case| case.number);
    cases.into_iter()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::render::{CASE_WIDTH, EXPECTED_WIDTH};

    #[test]
    fn every_case_of_the_specification_is_there_once() {
        let numbers: Vec<u8> = all().map(|case| case.number).collect();
        assert_eq!(numbers, (1..=91).collect::<Vec<u8>>());
    }

    #[test]
    fn every_case_says_what_it_is_and_what_it_expects_in_its_column() {
        for case in all() {
            assert!((1..=CASE_WIDTH).contains(&case.text.chars().count()), "{}", case.text);
            assert!(
                (1..=EXPECTED_WIDTH).contains(&case.expected.chars().count()),
                "{}",
                case.expected
            );
        }
    }
}
