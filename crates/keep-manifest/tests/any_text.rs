//! Generated texts, from noise to manifests, against what must hold for every text; and the seeds of the fuzz target.

mod properties;

use std::path::Path;

use proptest::prelude::*;

const HASHES: [&str; 3] = [
    "acbd18db4cc2f85cedef654fccc4a4d8",
    "37b51d194a7513e45b56f6524f2d51f2",
    "d41d8cd98f00b204e9800998ecf8427e",
];

fn locator() -> impl Strategy<Value = String> {
    let hints = prop::sample::select(vec!["", "", "+Z", "+A1f27@5835c8bc", "+K@xyzzy+Rzzzzz-1@2"]);
    (prop::sample::select(&HASHES[..]), 0..9_u32, hints)
        .prop_map(|(hash, size, hints)| format!("{hash}+{size}{hints}"))
}

fn file() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec!["a", "b", "a/b", "b:c", "a\\040b", "ä", "a\\377"]);
    let file =
        (0..9_u32, 0..5_u32, name).prop_map(|(at, length, name)| format!("{at}:{length}:{name}"));
    prop_oneof![9 => file, 1 => Just("0:0:\\056".to_owned())]
}

/// A token as it may not be, or may be odd.
fn odd_token() -> impl Strategy<Value = String> {
    let signature = "1f27a35dd9af37191d63ad8eb8985624451e7b79";
    let odd = vec![
        String::new(),
        ".".to_owned(),
        "x".to_owned(),
        HASHES[0].to_owned(),
        format!("{}+3+a", HASHES[0]),
        format!("{}+3+A{signature}@5835c8bc+", HASHES[0]),
        format!("{}+3+!A{signature}@5835c8bc", HASHES[0]),
        format!("{}+3\t{}+3", HASHES[0], HASHES[1]),
        format!("{}+0003", HASHES[0].to_uppercase()),
        format!("{}+67108865", HASHES[0]),
        "0:0:..".to_owned(),
        "0:3:a//b".to_owned(),
        "0:3:.".to_owned(),
        "0:3:a\\9".to_owned(),
        "0:3:a\\+12".to_owned(),
        "18446744073709551615:1:a".to_owned(),
        "00000000000000000000000000000000000000000:0:a".to_owned(),
        "+0:0:a".to_owned(),
        "0:\r".to_owned(),
    ];
    prop_oneof![prop::sample::select(odd), "[0-9a-f.:+/\\\\ A\\n\\t]{0,6}"]
}

/// A line as it may be.
fn good_line() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![".", "./a", "./a/b", "./b\\040c"]);
    let (blocks, files) =
        (prop::collection::vec(locator(), 1..5), prop::collection::vec(file(), 1..4));
    (name, blocks, files).prop_map(|(name, blocks, files)| {
        format!("{name} {} {}", blocks.join(" "), files.join(" "))
    })
}

/// A line that is likely wrong: tokens of all kinds in any order.
fn odd_line() -> impl Strategy<Value = String> {
    let name = prop::sample::select(vec![".", ".", "./a", "./..", "", "./a/", "x"]);
    let token = prop_oneof![4 => locator(), 4 => file(), 1 => odd_token()];
    (name, prop::collection::vec(token, 0..6))
        .prop_map(|(name, tokens)| format!("{name} {}", tokens.join(" ")))
}

/// Lines, few of them odd, so that many texts are manifests.
fn lines() -> impl Strategy<Value = String> {
    let line = prop_oneof![12 => good_line(), 1 => odd_line(), 1 => Just(String::new())];
    let end = prop_oneof![19 => Just("\n"), 1 => Just("")];
    let line = (line, end).prop_map(|(line, end)| format!("{line}{end}"));
    prop::collection::vec(line, 0..4).prop_map(|lines| lines.concat())
}

fn changed() -> impl Strategy<Value = u8> {
    prop_oneof![prop::sample::select(&b" \n+:/\\.0aAgZ\t"[..]), any::<u8>()]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(4000))]

    #[test]
    fn lines_of_tokens_keep_the_promises(text in lines()) {
        properties::manifest(text.as_bytes());
    }

    #[test]
    fn a_changed_byte_keeps_the_promises(text in lines(), at: prop::sample::Index, byte in changed()) {
        let mut text = text.into_bytes();
        if !text.is_empty() {
            let at = at.index(text.len());
            text[at] = byte;
        }
        properties::manifest(&text);
    }

    #[test]
    fn any_bytes_keep_the_promises(text: Vec<u8>) {
        properties::manifest(&text);
    }
}

#[test]
fn seeds_keep_the_promises() {
    let seeds = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/seeds/manifest");
    let mut count = 0;
    for seed in std::fs::read_dir(&seeds).expect("the seeds are there") {
        let path = seed.expect("the seeds are readable").path();
        eprintln!("{}", path.display());
        properties::manifest(&std::fs::read(&path).expect("the seed is readable"));
        count += 1;
    }
    assert!(count >= 8, "{count} seeds in {}", seeds.display());
}
