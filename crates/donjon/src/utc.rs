//! Instants and spans of time as people read them.

use keep_rules::Timestamp;
use keep_rules::time::Civil;

/// `2026-11-23 16:36:50Z`: whole seconds, UTC.
pub(crate) fn text(time: Timestamp) -> String {
    let Civil { year, month, day, hour, minute, second, .. } = time.civil();
    format!("{year:04}-{month:02}-{day:02} {hour:02}:{minute:02}:{second:02}Z")
}

/// `3 d 4 h`, `5 min 20 s`: the two largest units.
pub(crate) fn span(seconds: u64) -> String {
    const UNITS: [(u64, &str); 4] = [(86_400, "d"), (3_600, "h"), (60, "min"), (1, "s")];
    let mut left = seconds;
    let mut parts = Vec::new();
    for (unit, name) in UNITS {
        let count = left / unit;
        left %= unit;
        if count > 0 {
            parts.push(format!("{count} {name}"));
        } else if !parts.is_empty() {
            break;
        }
        if parts.len() == 2 {
            break;
        }
    }
    if parts.is_empty() { "0 s".to_owned() } else { parts.join(" ") }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn instants_are_told_in_whole_seconds() {
        assert_eq!(text(Timestamp::from_nanos(1_795_451_810_999_999_999)), "2026-11-23 16:36:50Z");
        assert_eq!(text(Timestamp::from_nanos(-1)), "1969-12-31 23:59:59Z");
    }

    #[test]
    fn spans_have_their_two_largest_units() {
        for (seconds, expected) in [
            (0, "0 s"),
            (59, "59 s"),
            (60, "1 min"),
            (320, "5 min 20 s"),
            (3_605, "1 h"),
            (90_000, "1 d 1 h"),
            (1_209_600, "14 d"),
        ] {
            assert_eq!(span(seconds), expected);
        }
    }
}
