//! A record as a line: a JSON object that ends with its chain value.

use std::borrow::Cow;

use keep_rules::{BlockHash, Timestamp};
use serde::{Deserialize, Serialize};

use crate::chain::DIGITS;
use crate::instant;
use crate::{ChainValue, Flaw, ListId, Operation, Outcome, Record, RecordNumber};

/// The longest line, in bytes, its end included. A record has about 400, so only names can make one longer; readers
/// need no more memory than this.
pub const LINE_BYTES_MAX: usize = 4096;

/// What comes between the body of a line, without its brace, and the digits of the chain value.
const SEAL: &[u8] = b",\"chain\":\"";
/// What comes after them.
const CLOSE: &[u8] = b"\"}";

/// Makes a line of its body `{…}`, newline included. Returns its chain value.
pub(crate) fn seal(line: &mut Vec<u8>, previous: ChainValue) -> ChainValue {
    let chain = previous.then(line);
    line.pop();
    line.extend_from_slice(SEAL);
    line.extend_from_slice(&chain.to_hex());
    line.extend_from_slice(CLOSE);
    line.push(b'\n');
    chain
}

/// Makes the body again of a line without its newline. Returns the chain value that the line states.
pub(crate) fn unseal(line: &mut Vec<u8>) -> Result<ChainValue, Flaw> {
    let (start, chain) = find_seal(line).ok_or(Flaw::Unsealed)?;
    line.truncate(start);
    line.push(b'}');
    Ok(chain)
}

fn find_seal(line: &[u8]) -> Option<(usize, ChainValue)> {
    let start = line.len().checked_sub(SEAL.len() + DIGITS + CLOSE.len())?;
    let digits = line[start..].strip_prefix(SEAL)?.strip_suffix(CLOSE)?;
    Some((start, ChainValue::from_hex(digits).ok()?))
}

/// A record as the files write it, in the order of its fields.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct RecordBody<'a> {
    n: RecordNumber,
    #[serde(with = "instant")]
    time: Timestamp,
    op: Operation,
    #[serde(with = "hash")]
    block: BlockHash,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    size: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mtime: Option<i64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    mount: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    list: Option<ListId>,
    outcome: Outcome,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    reason: Option<Cow<'a, str>>,
}

impl<'a> RecordBody<'a> {
    pub(crate) fn of(number: RecordNumber, record: &'a Record) -> Self {
        RecordBody {
            n: number,
            time: record.time,
            op: record.operation,
            block: record.block,
            size: record.size,
            mtime: record.mtime.map(Timestamp::as_nanos),
            mount: record.mount.as_ref().map(|mount| mount.as_str().into()),
            list: record.list,
            outcome: record.outcome,
            reason: record.reason.as_ref().map(|reason| reason.as_str().into()),
        }
    }

    /// Appends it as JSON.
    pub(crate) fn write(&self, line: &mut Vec<u8>) {
        serde_json::to_writer(line, self).expect("a vector takes all, and every key is a text");
    }

    /// Reads the body of a line.
    pub(crate) fn read(body: &'a [u8]) -> Result<(RecordNumber, Record), Flaw> {
        let body: RecordBody<'_> = serde_json::from_slice(body).map_err(unreadable)?;
        let record = Record {
            time: body.time,
            operation: body.op,
            block: body.block,
            size: body.size,
            mtime: body.mtime.map(Timestamp::from_nanos),
            mount: body.mount.map(|mount| mount.parse().map_err(unreadable)).transpose()?,
            list: body.list,
            outcome: body.outcome,
            reason: body.reason.map(|reason| reason.parse().map_err(unreadable)).transpose()?,
        };
        Ok((body.n, record))
    }
}

pub(crate) fn unreadable(error: impl std::fmt::Display) -> Flaw {
    Flaw::Unreadable(error.to_string())
}

/// Block hashes, for `#[serde(with)]`.
mod hash {
    use keep_rules::BlockHash;
    use serde::{Deserialize, Deserializer, Serializer, de};

    pub(super) fn serialize<S: Serializer>(
        hash: &BlockHash,
        serializer: S,
    ) -> Result<S::Ok, S::Error> {
        let digits = hash.to_hex();
        serializer.serialize_str(std::str::from_utf8(&digits).expect("hex digits are ASCII"))
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(
        deserializer: D,
    ) -> Result<BlockHash, D::Error> {
        <&'de str>::deserialize(deserializer)?.parse().map_err(de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::Reason;

    fn record() -> Record {
        Record {
            time: Timestamp::from_nanos(1_707_249_451_308_502_672),
            operation: Operation::Trash,
            block: BlockHash::EMPTY,
            size: Some(3),
            mtime: Some(Timestamp::from_seconds(1_700_000_000)),
            mount: Some("zzzzz-nyw5e-000000000000000".parse().unwrap()),
            list: Some(ListId(7)),
            outcome: Outcome::Skipped,
            reason: Some(Reason::label("rewritten")),
        }
    }

    /// The format is a promise: this text is what other programs read.
    #[test]
    fn a_record_is_written_so() {
        let mut line = Vec::new();
        RecordBody::of(RecordNumber(12), &record()).write(&mut line);
        let body = "{\"n\":12,\"time\":\"2024-02-06T19:57:31.308502672Z\",\"op\":\"trash\",\
             \"block\":\"d41d8cd98f00b204e9800998ecf8427e\",\"size\":3,\"mtime\":1700000000000000000,\
             \"mount\":\"zzzzz-nyw5e-000000000000000\",\"list\":7,\"outcome\":\"skipped\",\"reason\":\"rewritten\"}";
        assert_eq!(std::str::from_utf8(&line).unwrap(), body);
        let chain = seal(&mut line, ChainValue::START);
        let sealed = format!("{},\"chain\":\"{chain}\"}}\n", body.trim_end_matches('}'));
        assert_eq!(std::str::from_utf8(&line).unwrap(), sealed);
    }

    #[test]
    fn what_is_not_known_is_left_out() {
        let mut line = Vec::new();
        let bare = Record::new(Timestamp::EPOCH, Operation::Pull, BlockHash::EMPTY, Outcome::Done);
        RecordBody::of(RecordNumber(1), &bare).write(&mut line);
        assert_eq!(
            std::str::from_utf8(&line).unwrap(),
            "{\"n\":1,\"time\":\"1970-01-01T00:00:00.000000000Z\",\"op\":\"pull\",\
             \"block\":\"d41d8cd98f00b204e9800998ecf8427e\",\"outcome\":\"done\"}"
        );
        assert_eq!(RecordBody::read(&line), Ok((RecordNumber(1), bare)));
    }

    #[test]
    fn lines_are_read_as_they_were_written() {
        let odd = Record { mount: Some("a \"mount\"\n\u{1f4be}".parse().unwrap()), ..record() };
        for record in [record(), odd] {
            let mut line = Vec::new();
            RecordBody::of(RecordNumber(5), &record).write(&mut line);
            let chain = seal(&mut line, ChainValue::START);
            assert_eq!(line.pop(), Some(b'\n'));
            assert!(!line.contains(&b'\n'), "a record is one line");
            assert_eq!(unseal(&mut line), Ok(chain));
            assert_eq!(ChainValue::START.then(&line), chain);
            assert_eq!(RecordBody::read(&line), Ok((RecordNumber(5), record)));
        }
    }

    #[test]
    fn a_line_without_a_chain_value_is_not_ours() {
        for line in
            ["", "{}", "{\"chain\":\"\"}", &format!("{{}},\"chain\":\"{}\"}}", "g".repeat(64))]
        {
            assert_eq!(unseal(&mut line.as_bytes().to_vec()), Err(Flaw::Unsealed), "{line}");
        }
    }
}
