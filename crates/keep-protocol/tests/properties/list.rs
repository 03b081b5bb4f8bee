//! Lists: the push parser agrees with the reference, wherever the body is cut.

use keep_protocol::list::{
    BadLocatorText, Limits, List, ListError, ListParser, NESTING_MAX, Names, Problem, PullRequest,
    Request, SizeHint, TrashRequest,
};
use keep_rules::BlockHash;

use super::reference::{self, Item, Refusal};

/// Holds for every body of `PUT /trash`.
pub(crate) fn trash_list(body: &[u8]) {
    for frame in [body.len().max(1), 1, 13] {
        trash_list_in_frames(body, body.chunks(frame));
    }
}

/// Holds for every body of `PUT /pull`.
pub(crate) fn pull_list(body: &[u8]) {
    for frame in [body.len().max(1), 1, 13] {
        pull_list_in_frames(body, body.chunks(frame));
    }
}

/// The same, for these frames of the body.
pub(crate) fn trash_list_in_frames<'a>(body: &[u8], frames: impl Iterator<Item = &'a [u8]>) {
    let plain = |hash, request: &TrashRequest, names: &Names| Item {
        locator: locator(hash, request.size()),
        mtime: request.mtime().as_nanos(),
        mount: request.mount().map(|mount| names.mount(mount).to_owned()).unwrap_or_default(),
        servers: Vec::new(),
    };
    agree(body, parsed(frames), reference::trash_list(body), plain);
}

/// The same, for these frames of the body.
pub(crate) fn pull_list_in_frames<'a>(body: &[u8], frames: impl Iterator<Item = &'a [u8]>) {
    let plain = |hash, request: &PullRequest, names: &Names| Item {
        locator: locator(hash, request.size()),
        mtime: 0,
        mount: request.mount().map(|mount| names.mount(mount).to_owned()).unwrap_or_default(),
        servers: names.servers(request.servers()).iter().map(|server| server.to_string()).collect(),
    };
    agree(body, parsed(frames), reference::pull_list(body), plain);
}

type Parsed<R> = Result<List<Vec<(BlockHash, R)>>, ListError>;

fn parsed<'a, R: Request>(frames: impl Iterator<Item = &'a [u8]>) -> Parsed<R> {
    let mut parser = ListParser::new(Limits::default());
    for frame in frames {
        parser.feed(frame)?;
    }
    parser.finish()
}

fn agree<R: Request>(
    body: &[u8],
    parsed: Parsed<R>,
    reference: Result<Vec<Item>, Refusal>,
    plain: impl Fn(BlockHash, &R, &Names) -> Item,
) {
    match (parsed, reference) {
        (Ok(list), Ok(reference)) => {
            let items: Vec<Item> = list
                .items
                .iter()
                .map(|(hash, request)| plain(*hash, request, &list.names))
                .collect();
            assert_eq!(items, reference);
            assert_eq!((list.count, list.body_bytes), (items.len() as u64, body.len() as u64));
        }
        (Err(ListError { problem: Problem::TooDeep, .. }), _) => assert!(depth(body) > NESTING_MAX),
        (Err(error), Err(refusal)) => agree_on_refusal(body, &error, &refusal),
        (Ok(list), Err(refusal)) => {
            panic!("{} items read, but the reference says {refusal:?}", list.count)
        }
        (Err(error), Ok(items)) => panic!("{error}, but the reference reads {} items", items.len()),
    }
}

fn agree_on_refusal(body: &[u8], error: &ListError, refusal: &Refusal) {
    assert!(error.offset <= body.len() as u64, "{error}");
    match (&error.problem, refusal) {
        // serde_json reads four digits at once, and says less if the input ends before them.
        (Problem::Malformed(what), Refusal::Syntax(at)) if what.contains("hex escape") => {
            assert!(error.offset.abs_diff(*at as u64) <= 4, "{error}, but {at}");
        }
        (Problem::Malformed(what), Refusal::Cut) if what.contains("hex escape") => {}
        (Problem::Malformed(_), Refusal::Syntax(at)) => {
            assert_eq!(error.offset, *at as u64, "{error}")
        }
        // Both name the element; the reference reads it before it says what is wrong with it.
        (Problem::NotAnArray | Problem::NotAnObject, Refusal::Syntax(at)) => {
            assert!(error.offset <= *at as u64, "{error}")
        }
        (Problem::TextAfterList, Refusal::Syntax(at)) => {
            assert_eq!(error.offset, *at as u64, "{error}")
        }
        (Problem::Truncated | Problem::EmptyBody, refusal) => {
            assert!(matches!(refusal, Refusal::Cut), "{error}, but {refusal:?}");
            assert_eq!(error.offset, body.len() as u64);
        }
        (Problem::Malformed(_) | Problem::TextAfterList, refusal) => {
            // Of a body that is not UTF-8 the reference says nothing else.
            assert!(std::str::from_utf8(body).is_err(), "{error}, but {refusal:?}");
        }
        _ => {}
    }
}

fn locator(
    hash: BlockHash,
    size: Result<SizeHint, BadLocatorText>,
) -> Option<(BlockHash, Result<Option<u32>, ()>)> {
    let size = match size.ok()? {
        SizeHint::Bytes(bytes) => Ok(Some(bytes)),
        SizeHint::Missing => Ok(None),
        SizeHint::Impossible => Err(()),
    };
    Some((hash, size))
}

/// The most brackets open at once, outside strings, from the first brace on.
fn depth(body: &[u8]) -> usize {
    let (mut open, mut most, mut text, mut escaped) = (0_usize, 0, false, false);
    for byte in body {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if text => escaped = true,
            b'"' => text = !text,
            b'[' | b'{' if !text => open += 1,
            b']' | b'}' if !text => open = open.saturating_sub(1),
            _ => {}
        }
        most = most.max(open);
    }
    most.saturating_sub(1)
}
