//! What is told of a manifest, token by token, and where what is wrong is.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use std::io::{self, Read};

use keep_manifest::{
    BadFileToken, BadPath, Event, ManifestError, Parser, Problem, ReadError, Reader,
    TOKEN_BYTES_MAX,
};

const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";
const SIGNATURE: &str = "1f27a35dd9af37191d63ad8eb8985624451e7b79";

fn events(text: &str) -> Result<Vec<String>, ManifestError> {
    let (mut parser, mut input, mut events) = (Parser::new(), text.as_bytes(), Vec::new());
    while let Some(event) = parser.next(&mut input)? {
        events.push(format!("{event:?}"));
    }
    parser.finish(|event| events.push(format!("{event:?}")))?;
    Ok(events)
}

#[test]
fn a_manifest_is_told_token_by_token() {
    let text = format!(". {FOO}+3+Z 0:3:a\n./x\\040y/z {FOO}+3 {FOO}+3 0:6:b/c 0:0:\\056\n");
    let told = [
        "Stream()",
        &format!("Block({FOO}+3)"),
        "File(0:3:a)",
        "EndOfStream",
        "Stream(x y/z)",
        &format!("Block({FOO}+3)"),
        &format!("Block({FOO}+3)"),
        "File(0:6:b/c)",
        "File(0:0:.)",
        "EndOfStream",
    ];
    assert_eq!(events(&text).unwrap(), told);
    assert_eq!(events(text.trim_end()).unwrap(), told, "without its last line feed");
}

#[test]
fn hints_are_there_for_who_reads_the_block() {
    let text = format!(". {FOO}+3+A{SIGNATURE}@5835c8bc+K@x 0:3:a\n");
    let mut reader = Reader::new(text.as_bytes());
    let mut found = None;
    while let Some(event) = reader.next_event().unwrap() {
        if let Event::Block { hints, .. } = event {
            found = Some(hints.to_owned());
        }
    }
    assert_eq!(found.unwrap(), format!("+A{SIGNATURE}@5835c8bc+K@x"));
}

#[track_caller]
fn check_bad(text: &str, line: u64, offset: u64, problem: Problem) -> String {
    let error = events(text).unwrap_err();
    assert_eq!((error.line(), error.offset(), error.problem()), (line, offset, problem), "{error}");
    error.to_string()
}

#[test]
fn an_error_says_where_it_is() {
    let good = format!(". {FOO}+3 0:3:a\n");
    let at = good.len() as u64;
    check_bad(&format!("{good}\n. {FOO}+3 x\n"), 3, at + 1 + 2 + 35, Problem::Neither);
    check_bad(&format!("{good}. {FOO}+3\n"), 2, at, Problem::NoFile);
    check_bad(&format!("{good}."), 2, at, Problem::NoBlock);
    check_bad(&format!("{good}. 0:0:x\n"), 2, at + 2, Problem::NoBlock);
    check_bad(&format!("{good} . {FOO}+3 0:3:a\n"), 2, at, Problem::EmptyToken);
    check_bad(&format!(". {FOO}+3 0:3:a \n"), 1, 43, Problem::EmptyToken);
    check_bad(&format!(". {FOO}+3 0:3:a {FOO}+3\n"), 1, 43, Problem::LocatorAfterFile);
    check_bad(&format!("x/y {FOO}+3 0:3:a\n"), 1, 0, Problem::StreamStart);
    check_bad(&format!("./a/.. {FOO}+3 0:3:a\n"), 1, 0, Problem::StreamPath(BadPath::DotComponent));
    check_bad(&format!("./ {FOO}+3 0:3:a\n"), 1, 0, Problem::StreamPath(BadPath::EmptyComponent));
    check_bad(&format!(". {FOO}+3 3:a\n"), 1, 37, Problem::File(BadFileToken::Shape));
}

#[test]
fn an_error_shows_the_token_without_its_signature() {
    let token = format!("{FOO}+3+A{SIGNATURE}@5835c8bc+!");
    let problem = Problem::Locator(keep_manifest::BadLocatorToken::Hint);
    let shown = check_bad(&format!(". {token} 0:3:a\n"), 1, 2, problem);
    assert!(shown.contains(&format!("`{FOO}+3…+!`")) && !shown.contains(SIGNATURE), "{shown}");
}

#[test]
fn an_error_is_given_again() {
    let mut parser = Parser::new();
    let error = parser.next(&mut &b"foo "[..]).unwrap_err();
    assert_eq!(parser.next(&mut &b". "[..]), Err(error.clone()));
    assert_eq!(parser.finish(|_| {}), Err(error));
}

#[test]
fn a_token_is_bounded_and_a_line_is_not() {
    let name = |len: usize| format!(". {FOO}+3 0:3:{}\n", "a".repeat(len - "0:3:".len()));
    assert!(events(&name(TOKEN_BYTES_MAX)).is_ok());
    check_bad(&name(TOKEN_BYTES_MAX + 1), 1, 37, Problem::TokenTooLong);
    check_bad(name(TOKEN_BYTES_MAX + 1).trim_end(), 1, 37, Problem::TokenTooLong);
    let line = format!(".{} 0:3:a\n", format!(" {FOO}+3").repeat(20_000));
    assert_eq!(events(&line).unwrap().len(), 20_003);
}

/// Gives a byte at a time, is interrupted before each, and fails at the end.
struct Bad<'a>(&'a [u8], u32);

impl Read for Bad<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.1 += 1;
        if self.1 % 2 == 1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        match self.0.split_first() {
            Some((byte, rest)) => {
                (buffer[0], self.0) = (*byte, rest);
                Ok(1)
            }
            None => Err(io::Error::other("the disk is gone")),
        }
    }
}

#[test]
fn a_source_that_fails_is_no_end() {
    let text = format!(". {FOO}+3 0:3:a\n");
    let mut reader = Reader::new(Bad(text.as_bytes(), 0));
    for _ in 0..4 {
        assert!(reader.next_event().unwrap().is_some());
    }
    for _ in 0..2 {
        assert!(matches!(reader.next_event(), Err(ReadError::Io { offset: 43, .. })));
    }
}
