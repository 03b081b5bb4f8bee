//! What must not stand in logs and messages: signatures in locators, tokens in queries.

use percent_encoding::percent_decode_str;

/// Characters of a client's text that are shown, at most.
const SHOWN_MAX: usize = 256;

/// What a client says, fit for logs and terminals: nothing in it moves the cursor, breaks the line or turns the writing
/// round, and it is not long.
pub(crate) fn plain(text: &str) -> String {
    let mut left = text.chars();
    let visible = |letter: char| if is_visible(letter) { letter } else { '\u{fffd}' };
    let mut shown: String = left.by_ref().take(SHOWN_MAX).map(visible).collect();
    if left.next().is_some() {
        shown.pop();
        shown.push('…');
    }
    shown
}

/// Neither a control character, of either set, nor a mark that ends a line or sets the direction of writing.
fn is_visible(letter: char) -> bool {
    !letter.is_control()
        && !matches!(letter, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// A host for the log, without the user and password that may stand before it.
pub(crate) fn redact_host(host: &str) -> String {
    plain(host.rsplit('@').next().unwrap_or_default())
}

/// A path for the log: decoded, since `%2B` is a `+` too, and without signatures.
pub(crate) fn redact_path(path: &str) -> String {
    redact_locator(&plain(&percent_decode_str(path).decode_utf8_lossy()))
}

/// The text of a path or locator with every signature replaced: `+A[removed]`, `+R[removed]`.
pub(crate) fn redact_locator(text: &str) -> String {
    let mut parts = text.split('+');
    let mut clean = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        clean.push('+');
        match part.chars().next() {
            Some(kind @ ('A' | 'R')) => {
                clean.push(kind);
                clean.push_str("[removed]");
            }
            _other => clean.push_str(part),
        }
    }
    clean
}

/// A query with the value of everything that may be a token replaced.
pub(crate) fn redact_query(query: &str) -> String {
    let hide = |pair: &str| match pair.split_once('=') {
        Some((key, _value)) if key.to_ascii_lowercase().contains("token") || key.contains('%') => {
            format!("{key}=[removed]")
        }
        _other if pair.contains('+') || pair.contains('%') => redact_path(pair),
        _other => pair.to_owned(),
    };
    // Some read `;` as `&`.
    let pairs = query.split_inclusive(['&', ';']).map(|pair| {
        let end = pair.len() - usize::from(pair.ends_with(['&', ';']));
        hide(&pair[..end]) + &pair[end..]
    });
    plain(&pairs.collect::<String>())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_do_not_pass() {
        let signed = "acbd18db4cc2f85cedef654fccc4a4d8+3+A89118b78732c33104a4d6231e8b5a5fa1e4301e3@7fffffff+K@x";
        assert_eq!(redact_locator(signed), "acbd18db4cc2f85cedef654fccc4a4d8+3+A[removed]+K@x");
        assert_eq!(redact_locator("h+Rzzzzz-sig@f"), "h+R[removed]");
        assert_eq!(redact_locator("index/acb"), "index/acb");
    }

    #[test]
    fn signatures_in_disguise_do_not_pass() {
        assert_eq!(redact_path("h%2B3%2bA8911@7f"), "h+3+A[removed]");
        assert_eq!(redact_path("h+3+%41secret"), "h+3+A[removed]");
        assert_eq!(redact_path("a%0ab"), "a\u{fffd}b");
        assert_eq!(redact_query("block=h+3+Asecret"), "block=h+3+A[removed]");
        assert_eq!(redact_query("block=h%2B3%2BAsecret&x=1"), "block=h+3+A[removed]&x=1");
        assert_eq!(redact_query("a=1;api_token=secret"), "a=1;api_token=[removed]");
    }

    #[test]
    fn what_moves_the_cursor_does_not_pass() {
        assert_eq!(plain("a\u{1b}[2J\u{9b}2Jb\n"), "a\u{fffd}[2J\u{fffd}2Jb\u{fffd}");
        assert_eq!(plain("x\u{202e}fdp\u{2069}\u{61c}"), "x\u{fffd}fdp\u{fffd}\u{fffd}");
        assert_eq!(redact_path("a%C2%9Bb"), "a\u{fffd}b");
        assert_eq!(redact_query("a=%E2%80%AEb%2B"), "a=\u{fffd}b+");
        assert_eq!(plain("größer"), "größer");
    }

    #[test]
    fn what_is_long_is_cut() {
        let long = "ä".repeat(SHOWN_MAX + 1);
        assert_eq!(plain(&long).chars().count(), SHOWN_MAX);
        assert!(plain(&long).ends_with('…'));
        assert_eq!(plain(&long[2..]), &long[2..]);
        let path = format!("{}+Asecret", "a".repeat(SHOWN_MAX - 4));
        assert!(!redact_path(&path).contains("se"), "a signature that is cut is one still");
        assert!(redact_query(&long).chars().count() <= SHOWN_MAX);
    }

    #[test]
    fn a_user_before_a_host_does_not_pass() {
        assert_eq!(redact_host("me:secret@keep0:25107"), "keep0:25107");
        assert_eq!(redact_host("keep0:25107"), "keep0:25107");
        assert_eq!(redact_host(""), "");
    }

    #[test]
    fn tokens_do_not_pass() {
        assert_eq!(redact_query("prefix=a&api_token=v2/x/y"), "prefix=a&api_token=[removed]");
        assert_eq!(redact_query("api%5ftoken=secret"), "api%5ftoken=[removed]");
        assert_eq!(redact_query(""), "");
    }
}
