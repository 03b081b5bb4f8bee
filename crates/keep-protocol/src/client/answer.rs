//! Reading answers with limits on everything: length, time, and what may stand in a message.

use std::time::Duration;

use bytes::Bytes;
use http::StatusCode;
use reqwest::Response;
use serde::de::DeserializeOwned;

use super::ClientError;
use super::token::Shown;

/// The longest error text that is read. As the Go client does (spec section 10).
const ERROR_TEXT_MAX: usize = 4096;
/// The longest JSON answer: a page of outcomes or the mounts of a node are far below.
const JSON_MAX: usize = 64 << 20;

/// The error that a bad status means.
pub(super) async fn refusal(
    mut response: Response,
    token: Option<&Shown>,
    silence_max: Duration,
) -> ClientError {
    let status = response.status();
    if status == StatusCode::NOT_FOUND {
        return ClientError::NotFound;
    }
    let text = error_text(&mut response, silence_max).await;
    ClientError::Refused { status, text: presentable(&text, status, token) }
}

/// As much of the text as came; the status is the message, so that a text which breaks off is no second error.
async fn error_text(response: &mut Response, silence_max: Duration) -> Vec<u8> {
    let mut text = Vec::new();
    while text.len() < ERROR_TEXT_MAX {
        match next_piece(response, silence_max, "the error text", text.len()).await {
            Ok(Some(piece)) => text.extend_from_slice(&piece),
            Ok(None) | Err(_) => break,
        }
    }
    text.truncate(ERROR_TEXT_MAX);
    text
}

fn presentable(text: &[u8], status: StatusCode, token: Option<&Shown>) -> String {
    let text = String::from_utf8_lossy(text);
    let mut text = text.trim().replace(|c: char| c.is_control(), " ");
    if let Some(token) = token {
        text = token.cover(&text);
    }
    if text.is_empty() {
        status.canonical_reason().unwrap_or("no reason given").to_owned()
    } else {
        text
    }
}

/// The next piece of the body; `None` at its end.
pub(super) async fn next_piece(
    response: &mut Response,
    silence_max: Duration,
    what: &'static str,
    received: usize,
) -> Result<Option<Bytes>, ClientError> {
    match tokio::time::timeout(silence_max, response.chunk()).await {
        Ok(piece) => piece.map_err(|error| ClientError::broken_off(what, received as u64, error)),
        Err(_elapsed) => Err(ClientError::silent(silence_max)),
    }
}

/// The whole body, if it is at most `limit` bytes.
pub(super) async fn whole(
    mut response: Response,
    silence_max: Duration,
    what: &'static str,
    limit: usize,
) -> Result<Vec<u8>, ClientError> {
    let mut body = Vec::new();
    while let Some(piece) = next_piece(&mut response, silence_max, what, body.len()).await? {
        if body.len() + piece.len() > limit {
            return Err(ClientError::Malformed {
                what,
                detail: format!("it is longer than {limit} bytes"),
            });
        }
        body.extend_from_slice(&piece);
    }
    Ok(body)
}

/// The whole body as one JSON value.
pub(super) async fn json<T: DeserializeOwned>(
    response: Response,
    silence_max: Duration,
    what: &'static str,
) -> Result<T, ClientError> {
    let body = whole(response, silence_max, what, JSON_MAX).await?;
    serde_json::from_slice(&body)
        .map_err(|error| ClientError::Malformed { what, detail: error.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn error_texts_carry_no_token_and_no_escapes() {
        let token = Shown::new(keep_rules::Token::new("sekret").unwrap()).unwrap();
        let text = presentable(b"bad token sekret\x1b[2J\n", StatusCode::FORBIDDEN, Some(&token));
        assert_eq!(text, "bad token (token) [2J");
    }

    #[test]
    fn an_empty_text_is_replaced_by_what_the_status_means() {
        assert_eq!(
            presentable(b"\n", StatusCode::SERVICE_UNAVAILABLE, None),
            "Service Unavailable"
        );
    }
}
