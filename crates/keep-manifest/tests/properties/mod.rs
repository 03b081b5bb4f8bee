//! What must hold for every input. It takes bytes and panics if a promise is broken; `fuzz/` feeds it with random ones, the
//! tests here with seeds and generated ones.

pub(crate) mod reference;

use keep_manifest::{Blocks, Parser, PdhHasher, PortableDataHash, ReadError, Summary, Tree};

/// Memory that trees may need here.
const MEMORY_MAX: usize = 64 << 20;

/// Holds for every text.
pub(crate) fn manifest(text: &[u8]) {
    let whole = told(text, text.len().max(1));
    for size in [1, 13] {
        assert_eq!(told(text, size), whole, "in pieces of {size}");
    }
    blocks_are_those_of_the_reference(text, &whole.1);
    the_hash_is_that_of_the_reference(text);
    if let Err(error) = &whole.1 {
        shows_no_signature(error);
    }
    trees_survive(text);
}

/// All events, and how the text ended, if it comes in pieces of this size.
fn told(text: &[u8], size: usize) -> (Vec<String>, Result<Summary, String>) {
    let (mut parser, mut events) = (Parser::new(), Vec::new());
    for mut piece in text.chunks(size) {
        loop {
            match parser.next(&mut piece) {
                Ok(Some(event)) => events.push(format!("{event:?}")),
                Ok(None) => break,
                Err(error) => return (events, Err(error.to_string())),
            }
        }
        assert!(piece.is_empty(), "all of a piece is read");
    }
    let end = parser.finish(|event| events.push(format!("{event:?}")));
    (events, end.map_err(|error| error.to_string()))
}

fn blocks_are_those_of_the_reference(text: &[u8], end: &Result<Summary, String>) {
    let blocks: Result<Vec<_>, ReadError> = Blocks::new(text).collect();
    let found = blocks.ok().map(|blocks| blocks.iter().map(ToString::to_string).collect());
    assert_eq!(found, reference::blocks(text));
    assert_eq!(found.is_some(), end.is_ok());
    if let Ok(summary) = end {
        assert_eq!(summary.bytes, text.len() as u64);
    }
}

fn the_hash_is_that_of_the_reference(text: &[u8]) {
    let expected = reference::portable_data_hash(text);
    assert_eq!(PortableDataHash::of(text).to_string(), expected);
    for size in [1, 13] {
        let mut hasher = PdhHasher::new();
        text.chunks(size).for_each(|piece| hasher.update(piece));
        assert_eq!(hasher.finish().to_string(), expected, "in pieces of {size}");
    }
}

fn shows_no_signature(error: &str) {
    let longest = error.split(|character: char| !character.is_ascii_hexdigit()).map(str::len).max();
    assert!(longest < Some(40), "{error}");
}

/// What can be read as a tree is the same after it was written and read.
fn trees_survive(text: &[u8]) {
    let Ok(tree) = Tree::read(text, MEMORY_MAX) else { return };
    let mut written = Vec::new();
    let hash = tree.write(&mut written).expect("a Vec takes everything");
    assert_eq!(hash, PortableDataHash::of(&written));
    assert_eq!(hash, tree.portable_data_hash());
    let again = Tree::read(&written[..], usize::MAX).expect("what was written can be read");
    assert_eq!(again, tree);
    reference::check_normal_form(&written);
}
