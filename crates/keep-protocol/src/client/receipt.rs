use std::str::FromStr;

use http::HeaderMap;
use serde::de::IntoDeserializer;
use serde::de::value::Error as ValueError;
use serde::{Deserialize, Serialize, Serializer};

use crate::status::ListState;

/// What a node of ours answers to a list that it took. It stands in headers, which other clients pass over.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct ListReceipt {
    /// The list's id.
    pub id: u64,
    /// The SHA-256 of the body, in hex.
    pub digest: Option<String>,
    /// How many items it has.
    pub items: Option<u64>,
    /// What happens to it.
    pub state: Option<ReceiptState>,
    /// Whether it is on the disk and survives a restart.
    pub durable: bool,
}

/// What happens to a list that was just taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ReceiptState {
    /// It is the current list.
    Current(ListState),
    /// It is only decided; the current list stays.
    DryRun,
}

impl ReceiptState {
    /// The word in headers and tables.
    pub const fn as_str(self) -> &'static str {
        match self {
            ReceiptState::Current(state) => state.as_str(),
            ReceiptState::DryRun => "dry-run",
        }
    }

    fn read(word: &str) -> Option<Self> {
        if word == ReceiptState::DryRun.as_str() {
            return Some(ReceiptState::DryRun);
        }
        let state: Result<ListState, ValueError> = ListState::deserialize(word.into_deserializer());
        state.ok().map(ReceiptState::Current)
    }
}

impl Serialize for ReceiptState {
    fn serialize<S: Serializer>(&self, to: S) -> Result<S::Ok, S::Error> {
        to.serialize_str(self.as_str())
    }
}

impl ListReceipt {
    /// The receipt in an answer; a plain keepstore gives none. What cannot be read is left out: the list was taken.
    pub(super) fn read(headers: &HeaderMap) -> Option<ListReceipt> {
        Some(ListReceipt {
            id: parsed(headers, "X-Donjon-List-Id")?,
            digest: text(headers, "X-Donjon-List-Digest").map(str::to_owned),
            items: parsed(headers, "X-Donjon-List-Items"),
            state: text(headers, "X-Donjon-List-State").and_then(ReceiptState::read),
            durable: parsed(headers, "X-Donjon-List-Durable").unwrap_or(false),
        })
    }
}

fn text<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

fn parsed<T: FromStr>(headers: &HeaderMap, name: &str) -> Option<T> {
    text(headers, name)?.trim().parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(headers: &[(&'static str, &'static str)]) -> Option<ListReceipt> {
        let mut map = HeaderMap::new();
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        ListReceipt::read(&map)
    }

    #[test]
    fn a_receipt_is_read_from_its_headers() {
        let receipt = read(&[
            ("x-donjon-list-id", "7"),
            ("x-donjon-list-digest", "ab"),
            ("x-donjon-list-items", "3"),
            ("x-donjon-list-state", "held"),
            ("x-donjon-list-durable", "true"),
        ]);
        let expected = ListReceipt {
            id: 7,
            digest: Some("ab".to_owned()),
            items: Some(3),
            state: Some(ReceiptState::Current(ListState::Held)),
            durable: true,
        };
        assert_eq!(receipt, Some(expected));
    }

    #[test]
    fn a_dry_run_says_so() {
        let receipt =
            read(&[("x-donjon-list-id", "0"), ("x-donjon-list-state", "dry-run")]).unwrap();
        assert_eq!(receipt.state.unwrap().as_str(), "dry-run");
    }

    #[test]
    fn a_plain_keepstore_gives_no_receipt() {
        assert_eq!(read(&[("content-type", "text/plain")]), None);
    }

    #[test]
    fn strange_values_do_not_make_the_rest_unreadable() {
        let receipt = read(&[("x-donjon-list-id", "7"), ("x-donjon-list-state", "?")]).unwrap();
        assert_eq!((receipt.id, receipt.state, receipt.durable), (7, None, false));
    }
}
