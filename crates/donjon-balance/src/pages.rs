//! What a balancer shows while it serves: metrics, health and status. There is nothing to control here
//! (`spec/keep-balance.md` section 5.3).

use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use http::header::{AUTHORIZATION, CONTENT_TYPE};
use http::{Method, Request, Response, StatusCode};
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use keep_rules::{AdminRefusal, Token, admin_access};
use tokio::net::TcpListener;
use tokio::sync::{Semaphore, watch};

/// How long a client may take to send a request's header, and how long a connection may be idle.
const HEADER_TIMEOUT: Duration = Duration::from_secs(30);
/// How long one connection may live: scrapers come again.
const CONNECTION_MAX: Duration = Duration::from_secs(300);
/// Connections at once.
const CONNECTIONS_MAX: usize = 64;

/// What is shown now.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Shown {
    /// Prometheus text.
    pub metrics: String,
    /// JSON: the phase, the counts and the last error (D12).
    pub status: String,
    /// Why the balancer is not well, if it is not: its last run failed, or its database does not answer.
    pub ill: Option<String>,
}

/// Answers until `stop` ends. Without a management token metrics are open, and the health page is off.
pub async fn serve(
    listener: TcpListener,
    shown: watch::Receiver<Arc<Shown>>,
    management: Option<Token>,
    stop: impl Future<Output = ()>,
) {
    let places = Arc::new(Semaphore::new(CONNECTIONS_MAX));
    let management = Arc::new(management);
    let mut stop = std::pin::pin!(stop);
    loop {
        let accepted = tokio::select! {
            () = &mut stop => return,
            accepted = listener.accept() => accepted,
        };
        let (Ok((stream, _peer)), Ok(place)) = (accepted, places.clone().try_acquire_owned())
        else {
            tokio::time::sleep(Duration::from_millis(10)).await;
            continue;
        };
        let (shown, management) = (shown.clone(), Arc::clone(&management));
        tokio::spawn(async move {
            let service = service_fn(|request| {
                let answer = answer(&request, &shown.borrow(), management.as_ref().as_ref());
                async move { Ok::<_, Infallible>(answer) }
            });
            let connection = hyper::server::conn::http1::Builder::new()
                .timer(TokioTimer::new())
                .header_read_timeout(HEADER_TIMEOUT)
                .serve_connection(TokioIo::new(stream), service);
            if let Ok(Err(error)) = tokio::time::timeout(CONNECTION_MAX, connection).await {
                tracing::debug!(%error, "a connection ended early");
            }
            drop(place);
        });
    }
}

fn answer<B>(
    request: &Request<B>,
    shown: &Shown,
    management: Option<&Token>,
) -> Response<http_body_util::Full<bytes::Bytes>> {
    let (status, kind, text) = match (request.method(), request.uri().path()) {
        (&Method::GET, "/metrics") => guarded(request, management, || {
            (StatusCode::OK, "text/plain; version=0.0.4", shown.metrics.clone())
        }),
        (&Method::GET, "/donjon/v1/balance") => guarded(request, management, || {
            (StatusCode::OK, "application/json", shown.status.clone())
        }),
        (&Method::GET, "/_health/ping") if management.is_some() => {
            guarded(request, management, || health(shown))
        }
        _ => (StatusCode::NOT_FOUND, "text/plain", "not found\n".to_owned()),
    };
    let body = http_body_util::Full::new(bytes::Bytes::from(text));
    let mut answer = Response::new(body);
    *answer.status_mut() = status;
    answer.headers_mut().insert(CONTENT_TYPE, http::HeaderValue::from_static(kind));
    answer
}

type Page = (StatusCode, &'static str, String);

fn health(shown: &Shown) -> Page {
    match &shown.ill {
        None => (StatusCode::OK, "application/json", "{\"health\":\"OK\"}\n".to_owned()),
        Some(why) => {
            let text = serde_json::json!({ "health": "ERROR", "error": why }).to_string();
            (StatusCode::INTERNAL_SERVER_ERROR, "application/json", text)
        }
    }
}

/// The page, if the request may see it.
fn guarded<B>(
    request: &Request<B>,
    management: Option<&Token>,
    page: impl FnOnce() -> Page,
) -> Page {
    let Some(secret) = management else { return page() };
    let tokens: Vec<Token> = request
        .headers()
        .get_all(AUTHORIZATION)
        .iter()
        .filter_map(|value| value.to_str().ok()?.strip_prefix("Bearer "))
        .filter_map(|token| Token::new(token.trim()))
        .collect();
    match admin_access(&tokens, secret) {
        Ok(()) => page(),
        Err(AdminRefusal::NoToken) => {
            (StatusCode::UNAUTHORIZED, "text/plain", "authorization required\n".to_owned())
        }
        Err(AdminRefusal::NoneMatches) => {
            (StatusCode::FORBIDDEN, "text/plain", "the token is wrong\n".to_owned())
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn status(path: &str, token: Option<&str>, secret: Option<&str>, ill: Option<&str>) -> u16 {
        let mut request = Request::builder().uri(path);
        if let Some(token) = token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        let shown = Shown { ill: ill.map(str::to_owned), ..Shown::default() };
        let secret = secret.and_then(Token::new);
        answer(&request.body(()).unwrap(), &shown, secret.as_ref()).status().as_u16()
    }

    #[test]
    fn metrics_are_open_without_a_token_and_guarded_with_one() {
        assert_eq!(status("/metrics", None, None, None), 200);
        assert_eq!(status("/metrics", None, Some("s"), None), 401);
        assert_eq!(status("/metrics", Some("x"), Some("s"), None), 403);
        assert_eq!(status("/metrics", Some("s"), Some("s"), None), 200);
        assert_eq!(status("/donjon/v1/balance", Some("x"), Some("s"), None), 403);
    }

    #[test]
    fn health_is_off_without_a_token_and_says_when_it_is_ill() {
        assert_eq!(status("/_health/ping", None, None, None), 404);
        assert_eq!(status("/_health/ping", None, Some("s"), None), 401);
        assert_eq!(status("/_health/ping", Some("s"), Some("s"), None), 200);
        assert_eq!(status("/_health/ping", Some("s"), Some("s"), Some("no database")), 500);
    }

    #[test]
    fn other_paths_are_none() {
        assert_eq!(status("/", None, None, None), 404);
    }
}
