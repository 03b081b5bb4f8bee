//! Durations as the configuration file writes them: `336h`, `1h30m`, `1.5s`, `500ms`, and a bare `0`.

use std::time::Duration;

/// Nanoseconds in each unit, longer names first where one begins with another.
const UNITS: [(&str, u128); 8] = [
    ("ns", 1),
    ("us", 1_000),
    ("µs", 1_000), // micro sign, U+00B5
    ("μs", 1_000), // Greek letter mu, U+03BC
    ("ms", 1_000_000),
    ("s", 1_000_000_000),
    ("m", 60_000_000_000),
    ("h", 3_600_000_000_000),
];

/// The longest duration that Arvados can express: 2^63 - 1 ns, about 292 years.
const NANOS_MAX: u128 = i64::MAX as u128;

/// The same, as a duration.
pub(super) const DURATION_MAX: Duration = Duration::from_nanos(i64::MAX as u64);

/// Reads a duration: one or more decimal numbers, each with a unit. A leading `+` is allowed; a negative duration is
/// none. `None` if the text is something else, or longer than 292 years (spec section 8).
pub(super) fn parse_duration(text: &str) -> Option<Duration> {
    let mut rest = text.strip_prefix('+').unwrap_or(text);
    if rest == "0" {
        return Some(Duration::ZERO);
    }
    if rest.is_empty() {
        return None;
    }
    let mut total: u128 = 0;
    while !rest.is_empty() {
        let (nanos, after) = leading_part(rest)?;
        total = total.checked_add(nanos).filter(|sum| *sum <= NANOS_MAX)?;
        rest = after;
    }
    u64::try_from(total).ok().map(Duration::from_nanos)
}

/// One number with its unit, in nanoseconds, and what follows it.
fn leading_part(text: &str) -> Option<(u128, &str)> {
    let (whole, rest) = split_digits(text);
    let (fraction, rest) = match rest.strip_prefix('.') {
        Some(after) => split_digits(after),
        None => ("", rest),
    };
    if whole.is_empty() && fraction.is_empty() {
        return None;
    }
    let (unit, rest) =
        UNITS.iter().find_map(|(name, nanos)| Some((*nanos, rest.strip_prefix(name)?)))?;
    let whole: u128 = if whole.is_empty() {
        0
    } else {
        whole.parse().ok().filter(|whole| *whole <= NANOS_MAX)?
    };
    Some((whole * unit + fraction_nanos(fraction, unit), rest))
}

/// `unit` times the decimal fraction `0.digits`, cut to whole nanoseconds. Digits past the 18th change nothing.
fn fraction_nanos(digits: &str, unit: u128) -> u128 {
    let mut nanos = 0;
    let mut scale: u128 = 1;
    for digit in digits.bytes().take(18) {
        scale *= 10;
        nanos = nanos * 10 + u128::from(digit - b'0');
    }
    nanos * unit / scale
}

fn split_digits(text: &str) -> (&str, &str) {
    text.split_at(text.bytes().take_while(u8::is_ascii_digit).count())
}

/// Writes a duration so that [`parse_duration`] reads it back: `336h0m0s` is written `336h`.
pub(super) fn show_duration(duration: Duration) -> String {
    let seconds = duration.as_secs();
    let parts = [(seconds / 3600, "h"), (seconds / 60 % 60, "m"), (seconds % 60, "s")];
    let mut text: String =
        parts.iter().filter(|(n, _)| *n > 0).map(|(n, unit)| format!("{n}{unit}")).collect();
    match duration.subsec_nanos() {
        0 => {}
        nanos if nanos % 1_000_000 == 0 => text.push_str(&format!("{}ms", nanos / 1_000_000)),
        nanos => text.push_str(&format!("{nanos}ns")),
    }
    if text.is_empty() { "0s".to_owned() } else { text }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(text: &str, nanos: u64) {
        assert_eq!(parse_duration(text), Some(Duration::from_nanos(nanos)), "{text}");
    }

    #[test]
    fn units_and_sums() {
        check("336h", 1_209_600_000_000_000);
        check("1h30m", 5_400_000_000_000);
        check("500ms", 500_000_000);
        check("7us", 7_000);
        check("7µs", 7_000);
        check("7μs", 7_000);
        check("7ns", 7);
        check("+1s", 1_000_000_000);
        check("1m1m", 120_000_000_000);
    }

    #[test]
    fn zero_needs_no_unit() {
        check("0", 0);
        check("0s", 0);
    }

    #[test]
    fn decimal_fractions() {
        check("1.5h", 5_400_000_000_000);
        check(".5s", 500_000_000);
        check("1.s", 1_000_000_000);
        check("0.1ns", 0);
        check("0.000000001s", 1);
        check("0.3333333333333333333333s", 333_333_333);
    }

    #[test]
    fn other_texts_are_no_duration() {
        for text in [
            "", "+", "14d", "5", "1 h", "h", ".s", "-1s", "1h ", "1H", "1.2.3s", "١s", "1e3s", "s1",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    #[test]
    fn durations_end_at_292_years() {
        check("9223372036854775807ns", i64::MAX as u64);
        for text in [
            "9223372036854775808ns",
            "2562048h",
            "99999999999999999999999999999999999999999999h",
            "9223372036854775807ns1ns",
        ] {
            assert_eq!(parse_duration(text), None, "{text}");
        }
    }

    proptest::proptest! {
        #[test]
        fn what_is_shown_is_read_back(nanos in 0..=i64::MAX as u64) {
            let duration = Duration::from_nanos(nanos);
            proptest::prop_assert_eq!(parse_duration(&show_duration(duration)), Some(duration));
        }

        #[test]
        fn any_text_is_read_or_refused(text: String) {
            let _read = parse_duration(&text);
        }
    }
}
