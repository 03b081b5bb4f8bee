//! A path with its query.

use std::fmt::{Display, Write as _};

use percent_encoding::utf8_percent_encode;

use super::SEGMENT;

/// A path that parameters are added to. What is not given is left out.
pub(super) struct Query {
    text: String,
    separator: char,
}

impl Query {
    pub(super) fn of(path: impl Into<String>) -> Self {
        Query { text: path.into(), separator: '?' }
    }

    pub(super) fn with(mut self, key: &str, value: Option<impl Display>) -> Self {
        if let Some(value) = value {
            let value = value.to_string();
            let value = utf8_percent_encode(&value, SEGMENT);
            write!(self.text, "{}{key}={value}", self.separator)
                .expect("a String takes all that is written");
            self.separator = '&';
        }
        self
    }

    pub(super) fn end(self) -> String {
        self.text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_given_is_joined_and_the_rest_is_left_out() {
        let query =
            Query::of("/x").with("a", None::<u64>).with("b", Some(1)).with("c", Some("x&y"));
        assert_eq!(query.end(), "/x?b=1&c=x%26y");
        assert_eq!(Query::of("/x").with("a", None::<u64>).end(), "/x");
    }
}
