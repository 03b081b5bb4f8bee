use http::HeaderValue;
use keep_rules::Token;

use super::ClientError;

/// A token, ready to be shown. `Debug` shows nothing of it.
#[derive(Clone, Debug)]
pub(super) struct Shown {
    token: Token,
    pub(super) header: HeaderValue,
}

impl Shown {
    pub(super) fn new(token: Token) -> Result<Self, ClientError> {
        let Ok(mut header) = HeaderValue::try_from(format!("Bearer {}", token.as_str())) else {
            return Err(ClientError::BadToken);
        };
        header.set_sensitive(true);
        Ok(Shown { token, header })
    }

    /// `text` with every occurrence of the token covered up.
    pub(super) fn cover(&self, text: &str) -> String {
        text.replace(self.token.as_str(), "(token)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn debug_shows_nothing() {
        let shown = Shown::new(Token::new("sekret").unwrap()).unwrap();
        assert!(!format!("{shown:?}").contains("sekret"));
    }

    #[test]
    fn a_token_that_would_break_the_header_is_refused() {
        let error = Shown::new(Token::new("two\r\nlines").unwrap()).unwrap_err();
        assert!(matches!(error, ClientError::BadToken));
        assert!(!error.to_string().contains("lines"));
    }
}
