//! The fast path: an object as balancers write it.
//!
//! Known keys at most once each, in any order, spelled exactly; white space anywhere; strings of printable ASCII without
//! escapes; whole numbers. Anything else, right or wrong, is left to [`super::decode`].

use super::fields::{Fields, ServerTexts, Shape};
use super::scan::Cursor;

/// Reads the object that `text` begins with, and tells its length in bytes. `None` if it is unusual or incomplete.
pub(super) fn read(text: &[u8], shape: Shape) -> Option<(Fields<'_>, usize)> {
    let mut cursor = Cursor::new(text);
    let mut fields = Fields::default();
    let mut seen = Seen::default();
    cursor.word(b"{")?;
    cursor.skip_space();
    if cursor.word(b"}").is_some() {
        return Some((fields, cursor.at()));
    }
    loop {
        member(&mut cursor, &mut fields, &mut seen, shape)?;
        cursor.skip_space();
        match cursor.next()? {
            b',' => cursor.skip_space(),
            b'}' => return Some((fields, cursor.at())),
            _ => return None,
        }
    }
}

/// Which keys were read: one that comes twice is unusual.
#[derive(Default)]
struct Seen(u8);

impl Seen {
    fn first_time(&mut self, key: u8) -> Option<()> {
        let before = self.0;
        self.0 |= key;
        (before & key == 0).then_some(())
    }
}

fn member<'a>(
    cursor: &mut Cursor<'a>,
    fields: &mut Fields<'a>,
    seen: &mut Seen,
    shape: Shape,
) -> Option<()> {
    match (cursor.plain_string()?, shape) {
        (b"locator", _) => {
            seen.first_time(1)?;
            colon(cursor)?;
            fields.locator = cursor.plain_string()?;
        }
        (b"mount_uuid", _) => {
            seen.first_time(2)?;
            colon(cursor)?;
            fields.mount = cursor.plain_string()?;
        }
        (b"block_mtime", Shape::Trash) => {
            seen.first_time(4)?;
            colon(cursor)?;
            fields.mtime = cursor.integer()?;
        }
        (b"servers", Shape::Pull) => {
            seen.first_time(8)?;
            colon(cursor)?;
            fields.servers = ServerTexts::Plain(plain_strings(cursor)?);
        }
        _ => return None,
    }
    Some(())
}

fn colon(cursor: &mut Cursor<'_>) -> Option<()> {
    cursor.skip_space();
    cursor.word(b":")?;
    cursor.skip_space();
    Some(())
}

/// Reads an array of plain strings; gives its whole text.
fn plain_strings<'a>(cursor: &mut Cursor<'a>) -> Option<&'a [u8]> {
    let start = cursor.at();
    cursor.word(b"[")?;
    cursor.skip_space();
    if cursor.word(b"]").is_some() {
        return Some(cursor.since(start));
    }
    loop {
        cursor.plain_string()?;
        cursor.skip_space();
        match cursor.next()? {
            b',' => cursor.skip_space(),
            b']' => return Some(cursor.since(start)),
            _ => return None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, shape: Shape, expected: Option<(&str, i64, &str, &[&str])>) {
        let found = read(text.as_bytes(), shape).map(|(fields, len)| {
            assert_eq!(len, text.trim_end_matches('#').len());
            let mut servers = Vec::new();
            fields.servers.each(|server| servers.push(String::from_utf8(server.to_vec()).unwrap()));
            let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
            (text(fields.locator), fields.mtime, text(fields.mount), servers)
        });
        let expected = expected.map(|(locator, mtime, mount, servers)| {
            (
                locator.into(),
                mtime,
                mount.into(),
                servers.iter().map(|server| server.to_string()).collect(),
            )
        });
        assert_eq!(found, expected);
    }

    #[test]
    fn usual_objects_are_read() {
        check(
            r#"{"locator":"a+3","block_mtime":-5,"mount_uuid":"m"}##"#,
            Shape::Trash,
            Some(("a+3", -5, "m", &[])),
        );
        check(
            "{ \"mount_uuid\" : \"m\" ,\n\"locator\":\"a\" }",
            Shape::Trash,
            Some(("a", 0, "m", &[])),
        );
        check(
            r#"{"servers":["http://x", "y"],"locator":"a"}"#,
            Shape::Pull,
            Some(("a", 0, "", &["http://x", "y"])),
        );
        check(r#"{"servers": [ ] }"#, Shape::Pull, Some(("", 0, "", &[])));
        check("{}#", Shape::Trash, Some(("", 0, "", &[])));
    }

    #[test]
    fn the_rest_is_left_to_the_decoder() {
        for text in [
            "",
            "{",
            r#"{"locator":"a"#,
            r#"{"locator":"a",}"#,
            r#"{"locator":"a" "mount_uuid":"m"}"#,
            r#"{"locator":"\u0061"}"#,
            r#"{"locator":"é"}"#,
            r#"{"locator":null}"#,
            r#"{"Locator":"a"}"#,
            r#"{"locator":"a","locator":"a"}"#,
            r#"{"block_mtime":1.0}"#,
            r#"{"other":1}"#,
        ] {
            check(text, Shape::Trash, None);
        }
        check(r#"{"servers":["a",]}"#, Shape::Pull, None);
        check(r#"{"block_mtime":1}"#, Shape::Pull, None);
        check(r#"{"servers":[]}"#, Shape::Trash, None);
    }
}
