//! Locators: what is parsed, printed and parsed again is the same.

use keep_rules::{BlockHash, Locator};

/// Holds for every text.
pub(crate) fn locator(text: &[u8]) {
    let Ok(text) = std::str::from_utf8(text) else { return };
    let parts: Vec<&str> = text.split('+').collect();
    let Ok(locator) = text.parse::<Locator>() else {
        let well_formed = parts[0].parse::<BlockHash>().is_ok()
            && parts.iter().all(|part| !part.is_empty())
            && parts.iter().skip(2).all(|part| !part.as_bytes()[0].is_ascii_digit());
        assert!(!well_formed, "{text:?} is a locator");
        return;
    };
    assert_eq!(locator.as_str(), text, "the wire gets what came");
    assert_eq!(locator.hash().to_string(), parts[0]);
    assert_eq!(locator.is_signed(), locator.hints().any(|hint| hint.starts_with('A')));
    let size = parts.get(1).and_then(|part| part.parse::<i64>().ok()).unwrap_or(0);
    assert_eq!(locator.declared_size(), size);

    let shown: Locator =
        locator.to_string().parse().expect("what is shown of a locator is a locator");
    assert_eq!(shown.hash(), locator.hash());
    assert!(!shown.is_signed() && !shown.is_remote(), "{shown} shows a signature");
    assert_eq!(shown.to_string(), shown.as_str(), "nothing more to hide");
    assert!(!locator.without_signature().is_signed());
}
