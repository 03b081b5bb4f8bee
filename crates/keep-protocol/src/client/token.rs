use std::fmt;
use std::str::FromStr;

use http::HeaderValue;

/// The longest token. Real ones are some 80 bytes long; this bounds headers.
const TOKEN_LEN_MAX: usize = 4096;

/// A secret that a request shows. Its text is in no `Debug`, `Display` or error.
///
/// # Examples
/// ```
/// use keep_protocol::client::Token;
/// let token: Token = "v2/zzzzz-gj3su-077z32aux8dg2s1/secret".parse()?;
/// assert_eq!(format!("{token:?}"), "Token(…)");
/// # Ok::<(), keep_protocol::client::BadToken>(())
/// ```
#[derive(Clone, PartialEq, Eq)]
pub struct Token(String);

/// A text that cannot be sent as a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a token is 1 to 4096 visible ASCII characters, without spaces")]
pub struct BadToken;

impl Token {
    /// The secret itself: for signing, and for the `Authorization` header.
    pub fn secret(&self) -> &str {
        &self.0
    }

    pub(super) fn header(&self) -> HeaderValue {
        let mut value =
            HeaderValue::try_from(format!("Bearer {}", self.0)).expect("a token is visible ASCII, which headers may hold");
        value.set_sensitive(true);
        value
    }
}

impl FromStr for Token {
    type Err = BadToken;

    fn from_str(text: &str) -> Result<Self, BadToken> {
        let fits = (1..=TOKEN_LEN_MAX).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_graphic());
        if fits { Ok(Token(text.to_owned())) } else { Err(BadToken) }
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_that_would_break_a_header_are_refused() {
        for text in ["", "two words", "line\nbreak", "é", &"x".repeat(4097)] {
            assert_eq!(text.parse::<Token>(), Err(BadToken), "{text:?}");
        }
    }
}
