//! The tokens that a request carries (spec section 2.1).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE};
use http::HeaderMap;
use http::header::{AUTHORIZATION, COOKIE};
use keep_rules::{AdminRefusal, Token, admin_access};

/// Tokens read at most from one request. More are ignored; nobody has a use for them.
const TOKENS_MAX: usize = 16;

/// Every token of a request, in the order in which the protocol looks for them.
#[derive(Debug, Default)]
pub(crate) struct Tokens(Vec<Token>);

impl Tokens {
    /// Collects them: `Authorization` (Bearer, OAuth2, or the password of Basic), then every `api_token` of the query,
    /// then the cookie `arvados_api_token`.
    pub(crate) fn of(headers: &HeaderMap, query: Option<&str>) -> Tokens {
        let mut found = Vec::new();
        if let Some(text) = headers.get(AUTHORIZATION).and_then(|value| value.to_str().ok()) {
            found.extend(from_authorization(text));
        }
        let pairs = url::form_urlencoded::parse(query.unwrap_or_default().as_bytes());
        found.extend(
            pairs.filter(|(key, _)| key == "api_token").map(|(_, value)| value.into_owned()),
        );
        for cookies in headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok()) {
            found.extend(cookies.split(';').filter_map(from_cookie));
        }
        found.truncate(TOKENS_MAX);
        Tokens(found.into_iter().filter_map(Token::new).collect())
    }

    /// The token that speaks for a user: the first.
    pub(crate) fn user(&self) -> Option<&Token> {
        self.0.first()
    }

    /// Lets the request pass if any of its tokens is `secret`.
    pub(crate) fn check(&self, secret: &Token) -> Result<(), AdminRefusal> {
        admin_access(&self.0, secret)
    }
}

fn from_authorization(text: &str) -> Option<String> {
    let (scheme, rest) = text.split_once(' ')?;
    match scheme {
        "Bearer" | "OAuth2" => Some(rest.trim().to_owned()),
        "Basic" => {
            let pair = String::from_utf8(STANDARD.decode(rest.trim()).ok()?).ok()?;
            pair.split_once(':').map(|(_user, password)| password.to_owned())
        }
        _other => None,
    }
}

fn from_cookie(cookie: &str) -> Option<String> {
    let value = cookie.trim().strip_prefix("arvados_api_token=")?;
    String::from_utf8(URL_SAFE.decode(value).ok()?).ok()
}

/// Whether the request carries exactly `Authorization: Bearer SECRET`, the only form that the health routes accept
/// (spec section 9).
pub(crate) fn is_bearer(headers: &HeaderMap, secret: &Token) -> Result<(), AdminRefusal> {
    let header = headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
    let token = header.map(|text| text.strip_prefix("Bearer ").and_then(Token::new));
    match token {
        None => Err(AdminRefusal::NoToken),
        Some(Some(token)) if token == *secret => Ok(()),
        Some(_) => Err(AdminRefusal::NoneMatches),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn tokens(header: (&'static str, &str), query: &str) -> Vec<String> {
        let mut headers = HeaderMap::new();
        headers.insert(header.0, header.1.parse().unwrap());
        Tokens::of(&headers, Some(query)).0.iter().map(|token| token.as_str().to_owned()).collect()
    }

    #[track_caller]
    fn check(header: (&'static str, &str), query: &str, expected: &[&str]) {
        assert_eq!(tokens(header, query), expected);
    }

    #[test]
    fn every_place_is_looked_at_in_order() {
        check(
            ("authorization", "Bearer abc "),
            "x=1&api_token=q%2F1&api_token=q2",
            &["abc", "q/1", "q2"],
        );
        check(("authorization", "OAuth2 abc"), "", &["abc"]);
        check(("authorization", "Basic dXNlcjpwYXNz"), "", &["pass"]);
        check(("cookie", "a=b; arvados_api_token=Zm9vYmFy"), "", &["foobar"]);
    }

    #[test]
    fn the_scheme_is_case_sensitive() {
        check(("authorization", "bearer abc"), "", &[]);
    }

    #[test]
    fn any_token_may_be_the_secret() {
        let mut headers = HeaderMap::new();
        headers.insert("authorization", "Bearer user".parse().unwrap());
        let secret = Token::new("root").unwrap();
        assert_eq!(Tokens::of(&headers, None).check(&secret), Err(AdminRefusal::NoneMatches));
        assert_eq!(Tokens::of(&headers, Some("api_token=root")).check(&secret), Ok(()));
        assert_eq!(Tokens::default().check(&secret), Err(AdminRefusal::NoToken));
    }

    #[test]
    fn health_wants_bearer_to_the_letter() {
        let secret = Token::new("m").unwrap();
        let with = |text: &str| HeaderMap::from_iter([(AUTHORIZATION, text.parse().unwrap())]);
        assert_eq!(is_bearer(&with("Bearer m"), &secret), Ok(()));
        assert_eq!(is_bearer(&with("OAuth2 m"), &secret), Err(AdminRefusal::NoneMatches));
        assert_eq!(is_bearer(&HeaderMap::new(), &secret), Err(AdminRefusal::NoToken));
    }
}
