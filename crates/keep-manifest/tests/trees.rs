//! Files and directories: written, read back, and refused.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]

use keep_manifest::{
    BlockRef, Conflict, Directory, File, FileName, ReadError, Segment, Streams, Tree, TreePath,
    WriteError, Writer,
};
use keep_rules::BlockHash;
use proptest::prelude::*;

const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";
const BAR: &str = "37b51d194a7513e45b56f6524f2d51f2";
const NONE: &str = "d41d8cd98f00b204e9800998ecf8427e";

fn path(text: &str) -> TreePath {
    TreePath::new(text.as_bytes()).unwrap()
}

fn read(text: &str) -> Result<Tree, ReadError> {
    Tree::read(text.as_bytes(), 1 << 20)
}

fn written(tree: &Tree) -> String {
    let mut text = Vec::new();
    tree.write(&mut text).unwrap();
    String::from_utf8(text).unwrap()
}

/// What the text is in normal form.
#[track_caller]
fn check_normal_form(text: &str, normal: &str) {
    let tree = read(text).unwrap();
    assert_eq!(written(&tree), normal);
    assert_eq!(read(normal).unwrap(), tree);
}

#[test]
fn normal_form_is_that_of_the_spec() {
    check_normal_form("", "");
    check_normal_form(&format!(". {NONE}+0 0:0:.\n"), "");
    check_normal_form(&format!(". {NONE}+0 0:0:a\n"), &format!(". {NONE}+0 0:0:a\n"));
    check_normal_form(&format!("./d/e {NONE}+0 0:0:.\n"), &format!("./d/e {NONE}+0 0:0:\\056\n"));
    // Names with a `/`, files out of order, blocks that no file uses, and parts that belong together.
    check_normal_form(
        &format!(". {NONE}+0 {FOO}+3 {BAR}+3 {FOO}+3 3:3:b 1:1:d/a 0:2:b 5:1:b 6:1:b\n"),
        &format!(". {BAR}+3 {FOO}+3 0:5:b 2:2:b\n./d {FOO}+3 1:1:a\n"),
    );
    // One file in two streams.
    check_normal_form(
        &format!("./d {FOO}+3 0:3:a\n. {BAR}+3 0:3:d/a\n"),
        &format!("./d {FOO}+3 {BAR}+3 0:6:a\n"),
    );
}

#[test]
fn directories_are_sorted_by_bytes() {
    let text = format!("./a {NONE}+0 0:0:.\n./a-b {NONE}+0 0:0:x\n./a/b {NONE}+0 0:0:x\n");
    check_normal_form(&text, text.split_once('\n').unwrap().1);
}

#[test]
fn a_file_is_no_directory() {
    let file = format!(". {FOO}+3 0:3:a\n");
    for (text, conflict) in [
        (format!("{file}./a {FOO}+3 0:3:b\n"), Conflict::IsFile(path("a"))),
        (format!("{file}./a/b/c {FOO}+3 0:3:b\n"), Conflict::IsFile(path("a"))),
        (format!("./a/b {FOO}+3 0:3:b\n{file}"), Conflict::IsDirectory(path("a"))),
    ] {
        assert!(
            matches!(read(&text), Err(ReadError::Conflict(found)) if found == conflict),
            "{text}"
        );
    }
    let mut tree = Tree::new();
    assert_eq!(tree.file_mut(&TreePath::root()), Err(Conflict::IsDirectory(TreePath::root())));
}

#[test]
fn a_file_ends_within_its_stream() {
    let error = read(&format!("\n. {FOO}+3 {BAR}+3 1:6:a\n")).unwrap_err();
    assert!(
        matches!(&error, ReadError::BeyondStream { line: 2, path, end: 7, stream: 6 } if path.to_string() == "a"),
        "{error}"
    );
}

#[test]
fn pieces_have_the_hints_of_their_blocks() {
    let text = format!("./x {FOO}+3 {BAR}+0 {NONE}+0 {BAR}+3+Z {FOO}+3 2:4:f 8:1:f 0:0:f 6:0:g\n");
    let stream = Streams::new(text.as_bytes()).next().unwrap().unwrap();
    let files: Vec<_> = stream.files().collect();
    let pieces: Vec<_> =
        files[0].pieces().map(|it| (it.block.to_locator(), it.offset, it.length)).collect();
    assert_eq!(
        pieces,
        [(format!("{FOO}+3"), 2, 1), (format!("{BAR}+3+Z"), 0, 3), (format!("{FOO}+3"), 2, 1)]
    );
    assert_eq!((files[0].path(), files[0].size()), (&path("x/f"), 5));
    assert_eq!((files[1].path(), files[1].size(), files[1].pieces().count()), (&path("x/g"), 0, 0));
    assert_eq!((stream.directory(), stream.size()), (&path("x"), 9));
}

#[test]
fn memory_is_bounded() {
    let text = format!(".{} 0:3:a\n", format!(" {FOO}+3").repeat(1000));
    let mut streams = Streams::with_limit(text.as_bytes(), 10_000);
    assert!(matches!(
        streams.next(),
        Some(Err(ReadError::TooLarge { line: 1, memory_max: 10_000 }))
    ));
    assert!(streams.next().is_none());
    // A few tokens that mean very many pieces.
    let text = format!(".{}{}\n", format!(" {FOO}+3").repeat(1000), " 0:3000:a".repeat(1000));
    assert!(matches!(read(&text), Err(ReadError::TreeTooLarge { .. })));
}

#[test]
fn directories_are_written_in_order() {
    let mut writer = Writer::new(Vec::new());
    writer.directory(&path("b"), &Directory::new()).unwrap();
    for earlier in ["a", "b", ""] {
        let refused = writer.directory(&path(earlier), &Directory::new());
        assert!(matches!(refused, Err(WriteError::OutOfOrder { .. })), "{earlier}");
    }
    let (text, _hash) = writer.finish().unwrap();
    assert_eq!(text, format!("./b {NONE}+0 0:0:\\056\n").as_bytes());
}

fn block() -> impl Strategy<Value = BlockRef> {
    (0..4_u8, 0..4_u32).prop_map(|(hash, size)| {
        let hash = if hash == 0 { BlockHash::EMPTY } else { BlockHash::from_bytes([hash; 16]) };
        BlockRef::new(hash, size).unwrap()
    })
}

fn segment() -> impl Strategy<Value = Segment> {
    (block(), 0..4_u32, 0..4_u32).prop_map(|(block, offset, length)| {
        let offset = offset.min(block.size());
        Segment::new(block, offset, length.min(block.size() - offset)).unwrap()
    })
}

fn file() -> impl Strategy<Value = File> {
    prop::collection::vec(segment(), 0..8).prop_map(|segments| segments.into_iter().collect())
}

fn name() -> impl Strategy<Value = FileName> {
    let name = prop_oneof![
        prop::sample::select(vec!["a", "b", "a b", "a-", "a:", "a\\", "ä", "..."])
            .prop_map(|name| name.as_bytes().to_vec()),
        prop::collection::vec(any::<u8>(), 1..4),
    ];
    name.prop_filter_map("no name", |name| FileName::new(&name).ok())
}

fn tree() -> impl Strategy<Value = Tree> {
    let path = prop::collection::vec(name(), 0..4);
    let entry = (path, prop::option::of(file()));
    prop::collection::vec(entry, 0..12).prop_map(|entries| {
        let mut tree = Tree::new();
        for (names, file) in entries {
            let path = names.iter().fold(TreePath::root(), |path, name| path.child(name).unwrap());
            // What is a file cannot be a directory too: such entries change nothing.
            match file {
                Some(file) => drop(tree.file_mut(&path).map(|place| *place = file)),
                None => drop(tree.add_directory(&path)),
            }
        }
        tree
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2000))]

    #[test]
    fn what_was_written_is_read_again(tree in tree()) {
        let text = written(&tree);
        prop_assert_eq!(&read(&text).unwrap(), &tree);
        prop_assert_eq!(written(&read(&text).unwrap()), text);
    }
}
