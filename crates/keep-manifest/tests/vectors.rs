//! The vectors of `spec/balance-cases.json` about manifests, and the tables of `spec/keep-balance.md` sections 4.2 and 4.3.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use keep_manifest::{BadLocatorToken, Blocks, PortableDataHash, Problem, ReadError, Summary};
use serde::Deserialize;

#[derive(Deserialize)]
struct Vectors {
    manifests: Vec<Vector>,
}

#[derive(Deserialize)]
struct Vector {
    title: String,
    manifest: String,
    upstream: Upstream,
    computed_pdh: String,
    required: String,
    must_reference: Option<Vec<String>>,
}

#[derive(Deserialize)]
struct Upstream {
    digests: Option<Vec<String>>,
}

fn blocks(manifest: &str) -> Result<(Vec<String>, Summary), ReadError> {
    let mut blocks = Blocks::new(manifest.as_bytes());
    let found =
        blocks.by_ref().map(|block| block.map(|it| it.to_string())).collect::<Result<_, _>>()?;
    Ok((found, blocks.finish()?))
}

#[test]
fn every_vector_of_the_spec_holds() {
    let vectors: Vectors = serde_json::from_str(include_str!("spec/manifests.json")).unwrap();
    assert_eq!(vectors.manifests.len(), 11);
    for vector in vectors.manifests {
        let hash = PortableDataHash::of(vector.manifest.as_bytes());
        assert_eq!(hash.to_string(), vector.computed_pdh, "{}", vector.title);
        let found = blocks(&vector.manifest).map(|(blocks, _)| blocks).ok();
        let expected = match vector.required.as_str() {
            "same as upstream" => vector.upstream.digests,
            "canonicalise" => vector.must_reference,
            "error" | "error-or-keep" => None,
            other => panic!("{other}: a new requirement"),
        };
        assert_eq!(found, expected, "{}", vector.title);
    }
}

const H1: &str = "acbd18db4cc2f85cedef654fccc4a4d8";
const H2: &str = "37b51d194a7513e45b56f6524f2d51f2";
const H3: &str = "73feffa4b7f6bb68e44cf984c85f6e88";

/// The text of a table's cell, with the names in it written out and `␊` for a line feed.
fn text(cell: &str) -> String {
    cell.replace("H1", H1).replace("H2", H2).replace("H3", H3).replace('␊', "\n")
}

#[track_caller]
fn check_hash(cell: &str, hash: &str) {
    assert_eq!(PortableDataHash::of(text(cell).as_bytes()).to_string(), hash, "{cell}");
    assert!(blocks(&text(cell)).is_ok(), "{cell}");
}

#[test]
fn the_portable_data_hashes_of_the_spec_hold() {
    check_hash("", "d41d8cd98f00b204e9800998ecf8427e+0");
    check_hash(". H1+3 0:3:foo␊", "1f4b0bc7583c2a7f9102c395f4ffc5e3+45");
    check_hash(
        ". H1+3+A1f27a35dd9af37191d63ad8eb8985624451e7b79@5835c8bc 0:3:foo␊",
        "1f4b0bc7583c2a7f9102c395f4ffc5e3+45",
    );
    check_hash(
        ". d41d8cd98f00b204e9800998ecf8427e+0 0:0:empty␊",
        "988c44767737c1c5d02ba76fb981e48a+47",
    );
    check_hash(". H1+3 H2+3 0:3:foo 3:3:bar␊", "02dfa12afe941412721b8b9d5dba70a3+88");
    check_hash(
        ". H1+3 H2+3 0:6:foobar␊./sub\\040dir H2+3+Z 0:3:a\\072b␊",
        "d6f9a5d0c766ee695684fe5772bc0bd4+142",
    );
}

#[track_caller]
fn check_blocks(cell: &str, expected: &str) -> Summary {
    let (found, summary) = blocks(&text(cell)).unwrap();
    assert_eq!(found.join(" "), text(expected), "{cell}");
    summary
}

#[track_caller]
fn check_bad(cell: &str, expected: Problem) {
    match blocks(&text(cell)) {
        Err(ReadError::Manifest(error)) => assert_eq!(error.problem(), expected, "{cell}: {error}"),
        other => panic!("{cell}: {other:?}"),
    }
}

#[test]
fn the_extraction_table_of_the_spec_holds() {
    check_blocks(". H1+3+Aabc@123 H2+3+Z+K@xyzzy 0:6:x␊", "H1+3 H2+3");
    check_bad(". H1 0:3:f␊", Problem::Locator(BadLocatorToken::NoSize));
    check_bad(". H1+3 H2 H3+3 0:9:x␊", Problem::Locator(BadLocatorToken::NoSize));
    check_bad(". H1+3  H2+3 0:6:x␊", Problem::EmptyToken);
    check_bad(". H1+3+a 0:3:x␊", Problem::Locator(BadLocatorToken::Hint));
    check_bad(". H1+3␊", Problem::NoFile);
    check_bad("foo␊", Problem::StreamStart);
}

#[test]
fn what_means_one_block_only_is_accepted_and_reported() {
    let summary = check_blocks(". H1+3 0:3:f", "H1+3");
    assert_eq!(summary.oddities.to_string(), "no line feed at the end");
    let upper = H1.to_uppercase();
    let summary = check_blocks(&format!("␊. {upper}+0003 0:3:f␊"), "H1+3");
    assert_eq!(
        summary.oddities.to_string(),
        "1 empty lines, 1 hashes in upper case, 1 sizes with leading zeros"
    );
    assert!(check_blocks(". H1+3 0:3:f␊", "H1+3").oddities.is_none());
}
