//! What a list may look like, what it becomes, and how it is refused.

use keep_protocol::list::{
    Limits, ListError, ListParser, NESTING_MAX, Problem, PullListParser, Request, SizeHint,
    TrashListParser,
};

const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";
const MOUNT: &str = "zzzzz-nyw5e-000000000000000";

fn item(size: u64) -> String {
    format!(r#"{{"locator":"{FOO}+{size}","block_mtime":5,"mount_uuid":"{MOUNT}"}}"#)
}

#[track_caller]
fn refused<R: Request>(
    mut parser: ListParser<R, Vec<(keep_rules::BlockHash, R)>>,
    body: &[u8],
) -> ListError {
    match parser.feed(body) {
        Err(error) => {
            assert_eq!(parser.feed(b"]"), Err(error.clone()), "it stays refused");
            assert_eq!(parser.finish().err(), Some(error.clone()));
            error
        }
        Ok(()) => parser.finish().expect_err("this list is to be refused"),
    }
}

#[track_caller]
fn check(body: &str, offset: u64, item: Option<u64>, problem: &str) {
    for frame in [body.len().max(1), 1] {
        let mut parser = TrashListParser::new(Limits::default());
        let fed = body.as_bytes().chunks(frame).try_for_each(|frame| parser.feed(frame));
        let error = fed.and_then(|()| parser.finish()).expect_err("this list is to be refused");
        assert_eq!((error.offset, error.item), (offset, item), "{error}");
        assert!(error.problem.to_string().contains(problem), "{error}");
    }
}

#[test]
fn the_sample_lists_of_the_spec_are_read() {
    let vectors: serde_json::Value =
        serde_json::from_str(include_str!("spec/json-samples.json")).unwrap();
    let mut parser = TrashListParser::new(Limits::default());
    parser.feed(vectors["trash_list"].to_string().as_bytes()).unwrap();
    let list = parser.finish().unwrap();
    let (hash, request) = list.items[0];
    assert_eq!(hash.to_string(), FOO);
    assert_eq!(request.mtime().as_nanos(), 1_707_249_451_308_502_672);
    assert_eq!(request.size(), Ok(SizeHint::Bytes(3)));
    assert_eq!(request.mount().map(|mount| list.names.mount(mount)), Some(MOUNT));

    let mut parser = PullListParser::new(Limits::default());
    parser.feed(vectors["pull_list"].to_string().as_bytes()).unwrap();
    let list = parser.finish().unwrap();
    let (hash, request) = list.items[0];
    assert_eq!(hash.to_string(), "37b51d194a7513e45b56f6524f2d51f2");
    assert_eq!(
        *list.names.servers(request.servers()),
        ["http://keep1.zzzzz.example.com:25107".into()]
    );
    assert_eq!(request.mount().map(|mount| list.names.mount(mount)), Some(MOUNT));
}

#[test]
fn empty_lists_are_lists() {
    for body in ["[]", "null", " [ ]\n", "\t null \r\n"] {
        for frame in [body.len(), 1] {
            let mut parser = TrashListParser::new(Limits::default());
            body.as_bytes().chunks(frame).for_each(|frame| parser.feed(frame).unwrap());
            let list = parser.finish().unwrap();
            assert_eq!((list.items.len(), list.count, list.body_bytes), (0, 0, body.len() as u64));
        }
    }
}

#[test]
fn an_empty_body_is_no_list() {
    check("", 0, None, "empty");
    check(" \n", 2, None, "empty");
}

#[test]
fn mistakes_are_named_by_byte_and_item() {
    let one = item(1);
    let len = one.len() as u64;
    check("{}", 0, None, "no JSON array");
    check("nul", 3, None, "ends before");
    check("nulx", 3, None, "expected `null`");
    check("[5]", 1, Some(1), "neither an object nor null");
    check(&format!("[{one}"), 1 + len, Some(1), "ends before");
    check(&format!("[{one},"), 2 + len, Some(2), "ends before");
    check(&format!("[{one},]"), 2 + len, Some(2), "trailing comma");
    check(&format!("[{one} {one}]"), 2 + len, Some(1), "expected `,`");
    check(&format!("[{one},{{\"locator\":5}}]"), 2 + len + 12, Some(2), "locator must be a string");
    check(&format!("[{one},{{\"locator\":\"a}}]"), 2 + len + 15, Some(2), "ends before");
    check(&format!("[{one},{{\"locator\" \"a}}]"), 2 + len + 11, Some(2), "expected `:`");
    check(&format!("[{one}]]"), 2 + len, None, "text after");
    check("[] null", 3, None, "text after");
}

#[test]
fn invalid_utf8_is_refused() {
    let error = refused(TrashListParser::new(Limits::default()), b"[{\"locator\":\"\xff\"}]");
    assert_eq!((error.offset, error.item, error.problem), (13, Some(1), Problem::NotUtf8));
}

#[test]
fn a_list_cut_within_a_character_is_cut_not_invalid() {
    let error = refused(TrashListParser::new(Limits::default()), b"[{\"locator\":\"\xf0\x9b");
    assert_eq!((error.offset, error.item, error.problem), (15, Some(1), Problem::Truncated));
}

#[test]
fn an_error_says_what_to_do_and_repeats_no_value() {
    let error = refused(TrashListParser::new(Limits::default()), br#"[{"block_mtime":"s3cret"}]"#);
    let text = error.to_string();
    assert!(text.starts_with("item 1 at byte 24: block_mtime must be a whole number"), "{text}");
    assert!(text.ends_with("the one before stays"), "{text}");
    assert!(!text.contains("s3cret"), "{text}");
}

#[test]
fn bad_locators_and_unknown_mounts_are_accepted() {
    let mut parser = TrashListParser::new(Limits::default());
    parser.feed(br#"[{"locator":"xyz","mount_uuid":"nowhere"},null,{}]"#).unwrap();
    let list = parser.finish().unwrap();
    let texts: Vec<&str> = list
        .items
        .iter()
        .map(|(_, request)| list.names.bad_locator(request.size().unwrap_err()))
        .collect();
    assert_eq!(texts, ["xyz", "", ""]);
    assert_eq!(list.items[0].1.mount().map(|mount| list.names.mount(mount)), Some("nowhere"));
    assert_eq!(list.items[1].1.mount(), None);
}

#[test]
fn a_pull_list_that_begins_with_a_bare_hash_is_refused() {
    let first = format!(r#"[{{"locator":"{FOO}"}}]"#);
    let error = refused(PullListParser::new(Limits::default()), first.as_bytes());
    assert_eq!((error.offset, error.item, error.problem), (1, Some(1), Problem::BareHash));

    let second = format!(r#"[{{"locator":"{FOO}+3"}},{{"locator":"{FOO}"}}]"#);
    let mut parser = PullListParser::new(Limits::default());
    parser.feed(second.as_bytes()).unwrap();
    assert_eq!(parser.finish().unwrap().items[1].1.size(), Ok(SizeHint::Missing));

    let mut parser = TrashListParser::new(Limits::default());
    parser.feed(first.as_bytes()).unwrap();
    assert_eq!(parser.finish().unwrap().count, 1, "trash lists may begin so");
}

#[test]
fn limits_hold_wherever_the_frames_are_cut() {
    let body = format!("[{},{},{}]", item(1), item(2), item(3).replace(MOUNT, "other"));
    let len = item(1).len();
    let limits = Limits::default();
    let cases = [
        (Limits { items: 2, ..limits }, Problem::TooManyItems { max: 2 }),
        (Limits { body_bytes: 200, ..limits }, Problem::BodyTooLong { max: 200 }),
        (Limits { item_bytes: len - 1, ..limits }, Problem::ItemTooLong { max: len - 1 }),
        (Limits { names: 1, ..limits }, Problem::TooManyNames { of: "mounts", max: 1 }),
        (Limits { name_bytes: MOUNT.len(), ..limits }, Problem::NamesTooLong { max: MOUNT.len() }),
    ];
    for (limits, problem) in cases {
        for frame in [1, 7, len, body.len()] {
            let mut parser = TrashListParser::new(limits);
            let error =
                body.as_bytes().chunks(frame).try_for_each(|frame| parser.feed(frame)).unwrap_err();
            assert_eq!(error.problem, problem, "frames of {frame}");
        }
    }
    let limits =
        Limits { items: 3, body_bytes: body.len() as u64, item_bytes: len, names: 2, ..limits };
    for frame in [1, body.len()] {
        let mut parser = TrashListParser::new(limits);
        body.as_bytes().chunks(frame).for_each(|frame| parser.feed(frame).unwrap());
        assert_eq!(parser.finish().unwrap().count, 3, "just within the limits");
    }
}

#[test]
fn an_item_without_an_end_is_refused_where_it_went_wrong() {
    let limits = Limits { item_bytes: 300, ..Limits::default() };
    let unquoted = format!("[{{\"locator\":{FOO}\",{}", item(1).repeat(20));
    let error = refused(TrashListParser::new(limits), unquoted.as_bytes());
    assert_eq!((error.offset, error.item), (12, Some(1)), "{error}");
    let endless = format!("[{{\"locator\":\"{}", "a".repeat(1000));
    let error = refused(TrashListParser::new(limits), endless.as_bytes());
    assert_eq!((error.offset, error.problem), (301, Problem::ItemTooLong { max: 300 }));
}

#[test]
fn depth_is_bounded() {
    let nested = |depth: usize| format!(r#"[{{"x":{}{}}}]"#, "[".repeat(depth), "]".repeat(depth));
    check(&nested(NESTING_MAX), 6 + NESTING_MAX as u64 - 1, Some(1), "deeper than");
    let mut parser = TrashListParser::new(Limits::default());
    parser.feed(nested(NESTING_MAX - 1).as_bytes()).unwrap();
    assert_eq!(parser.finish().unwrap().count, 1);
}

#[test]
fn a_pull_item_may_have_many_servers() {
    let servers: Vec<String> =
        (0..500).map(|number| format!("http://keep{number}.zzzzz.example.com:25107/")).collect();
    let body =
        serde_json::json!([{"locator": format!("{FOO}+3"), "servers": &servers}]).to_string();
    for frame in [1, 1000, body.len()] {
        let mut parser = PullListParser::new(Limits::default());
        body.as_bytes().chunks(frame).for_each(|frame| parser.feed(frame).unwrap());
        let list = parser.finish().unwrap();
        assert!(
            list.names
                .servers(list.items[0].1.servers())
                .iter()
                .map(|server| &**server)
                .eq(&servers)
        );
    }
}
