//! The rules of `spec/keep-balance.md` section 4, written down a second time: plainly, and with all of the text at hand.

use md5::{Digest, Md5};

/// The blocks of a manifest, without placeholders; `None` if it is none.
pub(crate) fn blocks(text: &[u8]) -> Option<Vec<String>> {
    let text = std::str::from_utf8(text).ok()?;
    let text = text.strip_suffix('\n').unwrap_or(text);
    let mut blocks = Vec::new();
    for line in text.split('\n').filter(|line| !line.is_empty()) {
        let mut tokens = line.split(' ');
        stream_name(tokens.next()?)?;
        let tokens: Vec<&str> = tokens.collect();
        let named: Vec<String> = tokens.iter().map_while(|token| locator(token)).collect();
        let files = &tokens[named.len()..];
        if named.is_empty() || files.is_empty() || !files.iter().all(|token| is_file(token)) {
            return None;
        }
        blocks.extend(
            named.into_iter().filter(|block| block != "d41d8cd98f00b204e9800998ecf8427e+0"),
        );
    }
    Some(blocks)
}

fn stream_name(token: &str) -> Option<()> {
    if token == "." {
        return Some(());
    }
    let path = unescape(token.strip_prefix("./")?)?;
    is_path(&path).then_some(())
}

/// `hash+size` in canonical form.
fn locator(token: &str) -> Option<String> {
    let mut parts = token.split('+');
    let (hash, size) = (parts.next()?, parts.next()?);
    let is_hash = hash.len() == 32 && hash.bytes().all(|byte| byte.is_ascii_hexdigit());
    let is_size = !size.is_empty() && size.bytes().all(|byte| byte.is_ascii_digit());
    let are_hints = parts.all(|hint| {
        hint.starts_with(|first: char| first.is_ascii_uppercase())
            && hint.chars().all(|it| it.is_ascii_alphanumeric() || "@_-".contains(it))
    });
    let size: u64 = size.parse().ok().filter(|size| is_size && *size <= 64 << 20)?;
    (is_hash && are_hints).then(|| format!("{}+{size}", hash.to_lowercase()))
}

fn is_file(token: &str) -> bool {
    let number = |text: &str| {
        text.bytes().all(|byte| byte.is_ascii_digit()).then(|| text.parse::<u64>().ok()).flatten()
    };
    let mut parts = token.splitn(3, ':');
    let (Some(offset), Some(length), Some(path)) =
        (parts.next().and_then(number), parts.next().and_then(number), parts.next())
    else {
        return false;
    };
    match unescape(path) {
        Some(path) if path == b"." => (offset, length) == (0, 0),
        Some(path) => is_path(&path) && offset.checked_add(length).is_some(),
        None => false,
    }
}

fn unescape(text: &str) -> Option<Vec<u8>> {
    let mut name = Vec::new();
    let mut bytes = text.bytes();
    while let Some(byte) = bytes.next() {
        match byte {
            0..=0x20 => return None,
            b'\\' => match bytes.next()? {
                b'\\' => name.push(b'\\'),
                first => {
                    let digits = [first, bytes.next()?, bytes.next()?];
                    let digits =
                        std::str::from_utf8(&digits).ok().filter(|it| !it.contains('+'))?;
                    name.push(u8::from_str_radix(digits, 8).ok()?);
                }
            },
            byte => name.push(byte),
        }
    }
    Some(name)
}

fn is_path(path: &[u8]) -> bool {
    path.split(|byte| *byte == b'/').all(|part| !matches!(part, b"" | b"." | b".."))
}

/// MD5 and length of the text, with each token that begins with a hash and `+` cut at its second `+`.
pub(crate) fn portable_data_hash(text: &[u8]) -> String {
    let mut stripped = Vec::new();
    for token in text.split_inclusive(|byte| matches!(byte, b' ' | b'\n')) {
        let pluses: Vec<usize> = (0..token.len()).filter(|at| token[*at] == b'+').collect();
        let is_locator =
            pluses.first() == Some(&32) && token[..32].iter().all(u8::is_ascii_hexdigit);
        match pluses.get(1).filter(|_| is_locator) {
            Some(second) => {
                stripped.extend_from_slice(&token[..*second]);
                stripped
                    .extend(token.iter().rev().take(1).filter(|byte| matches!(byte, b' ' | b'\n')));
            }
            None => stripped.extend_from_slice(token),
        }
    }
    let md5: String = Md5::digest(&stripped).iter().map(|byte| format!("{byte:02x}")).collect();
    format!("{md5}+{}", stripped.len())
}

/// Section 4.2: streams and files sorted, one line for each directory, no `/` in names of files, each block once.
pub(crate) fn check_normal_form(text: &[u8]) {
    let text = std::str::from_utf8(text).expect("a manifest is UTF-8");
    let mut streams = Vec::new();
    for line in text.split_terminator('\n') {
        let (name, tokens) = line.split_once(' ').expect("a name is followed by blocks");
        streams.push(unescape(name).expect("a name can be read"));
        let (blocks, files): (Vec<&str>, Vec<&str>) =
            tokens.split(' ').partition(|token| locator(token).is_some());
        for (place, block) in blocks.iter().enumerate() {
            assert!(!blocks[..place].contains(block), "{block} twice in {line}");
        }
        let names: Vec<Vec<u8>> = files
            .iter()
            .map(|file| unescape(file.splitn(3, ':').nth(2).expect("a path")).expect("can be read"))
            .collect();
        assert!(names.is_sorted(), "{line}");
        assert!(names.iter().all(|name| !name.contains(&b'/')), "{line}");
    }
    assert!(streams.is_sorted() && streams.windows(2).all(|pair| pair[0] != pair[1]), "{text}");
}
