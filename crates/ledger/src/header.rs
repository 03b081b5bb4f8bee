//! The first line of a file.

use keep_rules::Timestamp;
use serde::{Deserialize, Serialize};

use crate::line::{self, LINE_BYTES_MAX};
use crate::{ChainValue, FileNumber, Flaw, LedgerError, RecordNumber};

/// The version of the format that this program writes, and the only one there is.
const FORMAT: u32 = 1;

/// What the first line of a file says, in the order of its fields.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Header {
    donjon_ledger: u32,
    /// Whose ledger it is.
    pub(crate) node: String,
    /// The number in the file's name.
    pub(crate) file: FileNumber,
    /// The number of the first record in the file, whether it is there yet or not.
    pub(crate) first: RecordNumber,
    #[serde(with = "crate::instant")]
    pub(crate) created: Timestamp,
    /// The chain value of the last line of the file before.
    pub(crate) continues: ChainValue,
}

/// Read on its own when the rest cannot be: another version may have other fields.
#[derive(Deserialize)]
struct Format {
    donjon_ledger: u32,
}

impl Header {
    pub(crate) fn new(
        node: &str,
        file: FileNumber,
        first: RecordNumber,
        created: Timestamp,
        continues: ChainValue,
    ) -> Self {
        let node = node.to_owned();
        Header { donjon_ledger: FORMAT, node, file, first, created, continues }
    }

    /// The line, newline included, and its chain value.
    pub(crate) fn write(&self) -> Result<(Vec<u8>, ChainValue), LedgerError> {
        let mut line = serde_json::to_vec(self).expect("every key is a text");
        let chain = line::seal(&mut line, self.continues);
        if line.len() > LINE_BYTES_MAX {
            return Err(LedgerError::LineTooLong { bytes: line.len() });
        }
        Ok((line, chain))
    }

    /// Reads the body of a line.
    pub(crate) fn read(body: &[u8]) -> Result<Self, Flaw> {
        match (serde_json::from_slice::<Format>(body), serde_json::from_slice(body)) {
            (Err(_), _) => Err(Flaw::NoHeader),
            (Ok(format), _) if format.donjon_ledger != FORMAT => {
                Err(Flaw::UnknownFormat(format.donjon_ledger))
            }
            (Ok(_), header) => header.map_err(line::unreadable),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn header() -> Header {
        let (file, first) = (FileNumber(3), RecordNumber(12));
        Header::new("keep0", file, first, Timestamp::EPOCH, ChainValue::START)
    }

    /// The format is a promise: this text is what other programs read.
    #[test]
    fn a_header_is_written_so() {
        let (line, chain) = header().write().unwrap();
        let expected = format!(
            "{{\"donjon_ledger\":1,\"node\":\"keep0\",\"file\":3,\"first\":12,\
             \"created\":\"1970-01-01T00:00:00.000000000Z\",\"continues\":\"{}\",\"chain\":\"{chain}\"}}\n",
            "0".repeat(64)
        );
        assert_eq!(std::str::from_utf8(&line).unwrap(), expected);
    }

    #[test]
    fn headers_are_read_as_they_were_written() {
        let (mut line, chain) = header().write().unwrap();
        line.pop();
        assert_eq!(line::unseal(&mut line), Ok(chain));
        assert_eq!(Header::read(&line), Ok(header()));
    }

    #[test]
    fn another_version_is_named() {
        let newer = br#"{"donjon_ledger":2,"what":"unknown"}"#;
        assert_eq!(Header::read(newer), Err(Flaw::UnknownFormat(2)));
        assert_eq!(Header::read(br#"{"n":1}"#), Err(Flaw::NoHeader));
        let unreadable = Header::read(br#"{"donjon_ledger":1}"#);
        assert!(matches!(unreadable, Err(Flaw::Unreadable(_))), "{unreadable:?}");
    }

    #[test]
    fn a_node_of_too_long_a_name_is_refused() {
        let long = Header { node: "n".repeat(LINE_BYTES_MAX), ..header() };
        assert!(matches!(long.write(), Err(LedgerError::LineTooLong { .. })));
    }
}
