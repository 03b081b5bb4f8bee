//! The name that a request goes by in logs, here and at its client.

use http::{HeaderMap, HeaderName, HeaderValue};

/// The header that carries it.
pub(crate) const X_REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");

/// The longest id that is taken over from a client.
const LENGTH_MAX: usize = 256;

/// The request's own id, or a new one: `req-` and 20 of `0-9a-z` (spec section 2.1, layer 4).
pub(crate) fn request_id(headers: &HeaderMap) -> HeaderValue {
    match headers.get(X_REQUEST_ID) {
        Some(id) if !id.is_empty() && id.len() <= LENGTH_MAX => id.clone(),
        _none_or_absurd => fresh(),
    }
}

fn fresh() -> HeaderValue {
    const DIGITS: &[u8; 36] = b"0123456789abcdefghijklmnopqrstuvwxyz";
    let mut random = [0; 20];
    if getrandom::fill(&mut random).is_err() {
        // The id names a request in logs, nothing more: without randomness it is still a valid name.
        random.fill(0);
    }
    let mut text = *b"req-00000000000000000000";
    for (place, byte) in text[4..].iter_mut().zip(random) {
        *place = DIGITS[usize::from(byte) % DIGITS.len()];
    }
    HeaderValue::from_bytes(&text).expect("letters and digits")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_is_taken_over() {
        let headers = HeaderMap::from_iter([(X_REQUEST_ID, HeaderValue::from_static("req-mine"))]);
        assert_eq!(request_id(&headers), "req-mine");
    }

    #[test]
    fn a_missing_one_is_made() {
        let id = request_id(&HeaderMap::new());
        let text = id.to_str().unwrap();
        assert_eq!(text.len(), 24);
        assert!(
            text.starts_with("req-")
                && text[4..].bytes().all(|b| b.is_ascii_digit() || b.is_ascii_lowercase())
        );
        assert_ne!(id, request_id(&HeaderMap::new()));
    }
}
