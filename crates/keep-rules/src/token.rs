//! Tokens: what a client shows to say who it is (spec sections 2.1, 3.4).

use std::borrow::Cow;
use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;
use subtle::ConstantTimeEq;

use crate::cluster::ClusterId;
use crate::hex;

/// A token: the complete text as the client sent it, never empty.
///
/// Compares in constant time, as far as the lengths are equal. `Debug` shows nothing of it, and there is no `Display`.
#[derive(Clone, Eq)]
pub struct Token(Cow<'static, str>);

impl Token {
    /// `None` for the empty text, which is no token.
    pub fn new(text: impl Into<String>) -> Option<Self> {
        let text = text.into();
        (!text.is_empty()).then_some(Token(Cow::Owned(text)))
    }

    /// A token that stands in the protocol itself.
    pub(crate) const fn fixed(text: &'static str) -> Self {
        Token(Cow::Borrowed(text))
    }

    /// The text: for the wire and the MAC, never for a log.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl PartialEq for Token {
    fn eq(&self, other: &Self) -> bool {
        self.0.as_bytes().ct_eq(other.0.as_bytes()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// Why an admin operation is refused. The texts are those of the protocol (spec section 2.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AdminRefusal {
    /// The request carries no token. Status 401.
    #[error("Unauthorized")]
    NoToken,
    /// None of the request's tokens is the secret. Status 403.
    #[error("Forbidden")]
    NoneMatches,
}

/// Whether a request that carries `tokens` may do what needs `secret`: any of them may be it (spec section 2.1).
///
/// # Errors
/// [`AdminRefusal`] if it may not.
pub fn admin_access(tokens: &[Token], secret: &Token) -> Result<(), AdminRefusal> {
    if tokens.is_empty() {
        Err(AdminRefusal::NoToken)
    } else if tokens.contains(secret) {
        Ok(())
    } else {
        Err(AdminRefusal::NoneMatches)
    }
}

/// Why a token cannot be shown to another cluster. The texts are those of the protocol (spec sections 2.4, 3.4).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SaltError {
    /// A bare secret. Status 400.
    #[error("obsolete token format")]
    Obsolete,
    /// No token of any known form.
    #[error("badly formatted token")]
    BadlyFormatted,
    /// It was salted for a cluster already, and its secret is not to be had.
    #[error("token already salted")]
    AlreadySalted,
}

/// The least length of a bare secret, in characters (spec section 3.4).
const BARE_SECRET_MIN: usize = 41;

/// The length of a salted secret: an HMAC-SHA1 in hex.
const SALTED_SECRET: usize = 40;

/// The token to show to `remote`, which learns nothing from it that it could use elsewhere (spec section 3.4).
///
/// A token that `remote` itself issued stays as it is.
///
/// # Errors
/// [`SaltError`] if the token is not of the form `v2/<uuid>/<secret>`, or salted already.
pub fn salt(token: &Token, remote: ClusterId) -> Result<Token, SaltError> {
    let mut parts = token.as_str().split('/');
    let (Some("v2"), Some(uuid), Some(secret)) = (parts.next(), parts.next(), parts.next()) else {
        return Err(if is_bare_secret(token.as_str()) {
            SaltError::Obsolete
        } else {
            SaltError::BadlyFormatted
        });
    };
    if uuid.starts_with(remote.as_str()) {
        return Ok(token.clone());
    }
    if secret.len() == SALTED_SECRET {
        return Err(SaltError::AlreadySalted);
    }
    let mut mac =
        Hmac::<Sha1>::new_from_slice(secret.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(remote.as_str().as_bytes());
    let mut salted = format!("v2/{uuid}/");
    hex::push(&mut salted, &mac.finalize().into_bytes());
    Ok(Token(Cow::Owned(salted)))
}

fn is_bare_secret(text: &str) -> bool {
    text.len() >= BARE_SECRET_MIN
        && text.bytes().all(|byte| byte.is_ascii_digit() || byte.is_ascii_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn token(text: &str) -> Token {
        Token::new(text).unwrap()
    }

    #[track_caller]
    fn check_salt(text: &str, expected: Result<&str, SaltError>) {
        let salted = salt(&token(text), "z0000".parse().unwrap());
        assert_eq!(salted.as_ref().map(Token::as_str), expected.as_ref().copied(), "{text}");
    }

    #[test]
    fn tokens_of_the_remote_itself_stay() {
        check_salt("v2/z0000-gj3su-0/secret/more", Ok("v2/z0000-gj3su-0/secret/more"));
    }

    #[test]
    fn bare_secrets_are_obsolete_and_other_forms_are_bad() {
        check_salt(&"a".repeat(41), Err(SaltError::Obsolete));
        for text in [
            "short",
            &"a".repeat(40),
            &"A".repeat(41),
            "v2/uuid",
            "v1/uuid/secret",
            "/v2/uuid/secret",
        ] {
            check_salt(text, Err(SaltError::BadlyFormatted));
        }
    }

    #[test]
    fn a_secret_of_forty_characters_is_salted_already() {
        check_salt(&format!("v2/zzzzz-gj3su-0/{}", "0".repeat(40)), Err(SaltError::AlreadySalted));
    }

    #[test]
    fn any_token_may_be_the_admin_secret() {
        let secret = token("root");
        assert_eq!(admin_access(&[], &secret), Err(AdminRefusal::NoToken));
        assert_eq!(
            admin_access(&[token("roo"), token("root2")], &secret),
            Err(AdminRefusal::NoneMatches)
        );
        assert_eq!(admin_access(&[token("user"), token("root")], &secret), Ok(()));
    }

    #[test]
    fn tokens_do_not_show() {
        assert_eq!(format!("{:?}", token("secret")), "Token(…)");
        assert!(Token::new("").is_none());
    }
}
