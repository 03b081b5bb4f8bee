//! Index lines and indexes: strict, reversible, and never complete by accident.

use keep_protocol::index::{IndexLine, IndexReader};
use keep_rules::{BLOCK_SIZE_MAX, HashPrefix};

/// Holds for every text of one line.
pub(crate) fn index_line(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let Ok(line) = text.parse::<IndexLine>() else { return };
    assert!(line.size <= BLOCK_SIZE_MAX);
    let printed = line.to_string();
    assert_eq!(printed.parse(), Ok(line));
    let (hash, size) = text.split_once('+').expect("a line has a size");
    let (size, mtime) = size.split_once(' ').expect("a line has an mtime");
    let mtime = match mtime.strip_prefix('-').map(number) {
        Some("0") => "0".to_owned(),
        Some(digits) => format!("-{digits}"),
        None => number(mtime).to_owned(),
    };
    assert_eq!(printed, format!("{hash}+{} {mtime}", number(size)), "only leading zeros go");
}

fn number(digits: &str) -> &str {
    match digits.trim_start_matches('0') {
        "" => "0",
        digits => digits,
    }
}

/// Holds for every body of an index, in whatever frames.
pub(crate) fn index(body: &[u8]) {
    let whole = read(body, body.len().max(1));
    for frame in [1, 13] {
        assert_eq!(read(body, frame), whole, "frames of {frame}");
    }
    let Ok(lines) = whole.1 else { return };
    assert_eq!(whole.0.len() as u64, lines);
    let text = std::str::from_utf8(body).expect("an index is ASCII").replace("\r\n", "\n");
    assert_eq!(text.matches('\n').count() as u64, lines + 1);
    assert!(text == "\n" || text.ends_with("\n\n"), "complete, but without its mark");
    let cut = &body[..body.len() - 1];
    assert!(read(cut, cut.len().max(1)).1.is_err(), "complete, although its last byte is missing");
}

fn read(
    body: &[u8],
    frame: usize,
) -> (Vec<IndexLine>, Result<u64, keep_protocol::index::IndexError>) {
    let mut lines = Vec::new();
    let mut reader = IndexReader::new(HashPrefix::ALL);
    let fed = body.chunks(frame).try_for_each(|frame| reader.feed(frame, |line| lines.push(line)));
    (lines, fed.and_then(|()| reader.finish()))
}
