//! The push parser against the reference, on generated lists: odd spacing, odd keys, escapes, mistakes, any frames.

mod properties;

use proptest::prelude::*;
use proptest::sample::{Index, select};

use properties::list::{pull_list_in_frames, trash_list_in_frames};

fn space() -> impl Strategy<Value = String> {
    prop_oneof![8 => Just(String::new()), 2 => "[ \n\r\t]{0,3}"]
}

fn locator() -> impl Strategy<Value = String> {
    prop_oneof![
        6 => ("[0-9a-f]{32}", 0_u64..(1 << 27)).prop_map(|(hash, size)| format!("{hash}+{size}")),
        1 => "[0-9a-f]{32}(\\+[-0-9]{1,20})?(\\+[A-Z][a-z0-9@]{0,5}){0,2}",
        1 => Just("d41d8cd98f00b204e9800998ecf8427e+0".to_owned()),
        1 => "\\PC{0,40}",
    ]
}

fn text() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => select(vec!["", "zzzzz-nyw5e-000000000000000", "zzzzz-nyw5e-111111111111111", "http://keep0:25107"])
            .prop_map(str::to_owned),
        1 => ".{0,12}",
    ]
}

/// A JSON string: plain, or with every character escaped that may be.
fn quoted(text: impl Strategy<Value = String>) -> impl Strategy<Value = String> {
    (text, prop::bool::weighted(0.1)).prop_map(|(text, escape)| {
        if escape {
            let units =
                text.encode_utf16().map(|unit| format!("\\u{unit:04x}")).collect::<String>();
            format!("\"{units}\"")
        } else {
            serde_json::to_string(&text).expect("a string is JSON")
        }
    })
}

fn value() -> impl Strategy<Value = String> {
    prop_oneof![
        4 => quoted(locator()),
        4 => any::<i64>().prop_map(|number| number.to_string()),
        1 => "-?[0-9]{1,21}(\\.[0-9])?(e[0-9])?",
        4 => quoted(text()),
        4 => (prop::collection::vec(quoted(text()), 0..3), space(), space())
            .prop_map(|(servers, before, after)| format!("[{before}{}{after}]", servers.join(&format!("{after},{before}")))),
        1 => select(vec!["null", "true", "{}", "[null]", "[1]", "{\"a\":[{\"b\":\"}\"}]}", "[[[]]]"]).prop_map(str::to_owned),
    ]
}

/// A member of an item: mostly a known key with a value of its type.
fn member() -> impl Strategy<Value = String> {
    let key_and_value = prop_oneof![
        8 => quoted(locator()).prop_map(|value| ("locator".to_owned(), value)),
        8 => any::<i64>().prop_map(|mtime| ("block_mtime".to_owned(), mtime.to_string())),
        8 => quoted(text()).prop_map(|value| ("mount_uuid".to_owned(), value)),
        8 => prop::collection::vec(quoted(text()), 0..3).prop_map(|servers| ("servers".to_owned(), format!("[{}]", servers.join(",")))),
        1 => (select(vec!["LOCATOR", "bloc\u{212a}_mtime", "ſervers", "Mount_Uuid", "other", "locator"]), value())
            .prop_map(|(key, value)| (key.to_owned(), value)),
    ];
    (space(), key_and_value, space(), space()).prop_map(|(before, (key, value), middle, after)| {
        format!("{before}\"{key}\"{middle}:{middle}{value}{after}")
    })
}

fn item() -> impl Strategy<Value = String> {
    prop_oneof![
        20 => prop::collection::vec(member(), 0..5).prop_map(|members| format!("{{{}}}", members.join(","))),
        1 => (space(), select(vec!["null", "{}", "5", "\"x\"", "[]"])).prop_map(|(space, item)| format!("{space}{item}{space}")),
    ]
}

fn list() -> impl Strategy<Value = String> {
    (space(), prop::collection::vec(item(), 0..6), space()).prop_map(|(before, items, after)| {
        format!("{before}[{before}{}{after}]{after}", items.join(&format!("{before},{after}")))
    })
}

#[derive(Clone, Debug)]
enum Mistake {
    None,
    CutAt(Index),
    Drop(Index),
    Put(Index, u8),
    Replace(Index, u8),
    Append(u8),
}

fn mistake() -> impl Strategy<Value = Mistake> {
    let byte = || prop_oneof![4 => select(b"{}[],:\"\\ \n0n1-e.tfu".to_vec()), 1 => any::<u8>()];
    prop_oneof![
        4 => Just(Mistake::None),
        1 => any::<Index>().prop_map(Mistake::CutAt),
        2 => any::<Index>().prop_map(Mistake::Drop),
        2 => (any::<Index>(), byte()).prop_map(|(at, byte)| Mistake::Put(at, byte)),
        2 => (any::<Index>(), byte()).prop_map(|(at, byte)| Mistake::Replace(at, byte)),
        1 => byte().prop_map(Mistake::Append),
    ]
}

fn spoil(mut body: Vec<u8>, mistake: Mistake) -> Vec<u8> {
    let len = body.len();
    match mistake {
        Mistake::None => {}
        Mistake::CutAt(at) => body.truncate(at.index(len)),
        Mistake::Drop(at) => drop(body.remove(at.index(len))),
        Mistake::Put(at, byte) => body.insert(at.index(len), byte),
        Mistake::Replace(at, byte) => body[at.index(len)] = byte,
        Mistake::Append(byte) => body.push(byte),
    }
    body
}

/// The body in frames that end at these places.
fn frames<'a>(body: &'a [u8], cuts: &[Index]) -> Vec<&'a [u8]> {
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.index(body.len() + 1)).collect();
    ends.push(body.len());
    ends.sort_unstable();
    let mut start = 0;
    ends.into_iter()
        .map(|end| {
            let frame = &body[start..end];
            start = end;
            frame
        })
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 4_000, ..ProptestConfig::default() })]

    #[test]
    fn trash_lists_are_read_as_the_reference_reads_them(
        list in list(), mistake in mistake(), cuts in prop::collection::vec(any::<Index>(), 0..6),
    ) {
        let body = spoil(list.into_bytes(), mistake);
        trash_list_in_frames(&body, frames(&body, &cuts).into_iter());
        trash_list_in_frames(&body, body.chunks(1));
    }

    #[test]
    fn pull_lists_are_read_as_the_reference_reads_them(
        list in list(), mistake in mistake(), cuts in prop::collection::vec(any::<Index>(), 0..6),
    ) {
        let body = spoil(list.into_bytes(), mistake);
        pull_list_in_frames(&body, frames(&body, &cuts).into_iter());
        pull_list_in_frames(&body, body.chunks(1));
    }

    #[test]
    fn any_bytes_are_judged_as_the_reference_judges_them(body: Vec<u8>) {
        properties::list::trash_list(&body);
        properties::list::pull_list(&body);
        properties::locator::locator(&body);
        properties::index::index(&body);
        properties::index::index_line(&body);
    }
}
