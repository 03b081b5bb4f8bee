//! What must not stand in logs and messages: signatures in locators, tokens in queries.

use percent_encoding::percent_decode_str;

/// A path for the log: decoded, since `%2B` is a `+` too, and without signatures.
pub(crate) fn redact_path(path: &str) -> String {
    let decoded = percent_decode_str(path).decode_utf8_lossy();
    let plain = |letter: char| if letter.is_control() { '\u{fffd}' } else { letter };
    redact_locator(&decoded.chars().map(plain).collect::<String>())
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
    query
        .split_inclusive(['&', ';'])
        .map(|pair| {
            let end = pair.len() - usize::from(pair.ends_with(['&', ';']));
            hide(&pair[..end]) + &pair[end..]
        })
        .collect()
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
    fn tokens_do_not_pass() {
        assert_eq!(redact_query("prefix=a&api_token=v2/x/y"), "prefix=a&api_token=[removed]");
        assert_eq!(redact_query("api%5ftoken=secret"), "api%5ftoken=[removed]");
        assert_eq!(redact_query(""), "");
    }
}
