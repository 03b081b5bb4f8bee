use std::sync::Arc;

/// A request, written as it is: the target and the headers are sent byte for byte.
#[derive(Clone, Debug)]
pub(crate) struct Request {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Body,
}

/// What follows the head, and how its length is told.
#[derive(Clone, Debug)]
pub(crate) enum Body {
    /// No body, and no header about one.
    None,
    /// `Content-Length`, and the bytes.
    Sized(Arc<[u8]>),
    /// `Transfer-Encoding: chunked`; pieces of this many bytes.
    Chunked { data: Arc<[u8]>, piece: usize },
    /// `Content-Length` says more than what is sent: a body that stalls.
    Stalled { sent: Arc<[u8]>, announced: usize },
}

impl Request {
    pub(crate) fn new(method: &str, target: impl Into<String>) -> Self {
        Request {
            method: method.to_owned(),
            target: target.into(),
            headers: Vec::new(),
            body: Body::None,
        }
    }

    pub(crate) fn get(target: impl Into<String>) -> Self {
        Self::new("GET", target)
    }

    pub(crate) fn head(target: impl Into<String>) -> Self {
        Self::new("HEAD", target)
    }

    pub(crate) fn put(target: impl Into<String>, data: &[u8]) -> Self {
        Self::new("PUT", target).body(Body::Sized(data.into()))
    }

    pub(crate) fn header(mut self, name: &str, value: impl Into<String>) -> Self {
        self.headers.push((name.to_owned(), value.into()));
        self
    }

    pub(crate) fn bearer(self, token: &str) -> Self {
        self.header("Authorization", format!("Bearer {token}"))
    }

    pub(crate) fn body(mut self, body: Body) -> Self {
        self.body = body;
        self
    }

    /// The request line and the headers, with the empty line.
    pub(crate) fn head_bytes(&self, host: &str) -> Vec<u8> {
        let mut head = format!("{} {} HTTP/1.1\r\nHost: {host}\r\n", self.method, self.target);
        for (name, value) in &self.headers {
            head.push_str(&format!("{name}: {value}\r\n"));
        }
        match &self.body {
            Body::None => {}
            Body::Sized(data) => head.push_str(&format!("Content-Length: {}\r\n", data.len())),
            Body::Chunked { .. } => head.push_str("Transfer-Encoding: chunked\r\n"),
            Body::Stalled { announced, .. } => {
                head.push_str(&format!("Content-Length: {announced}\r\n"))
            }
        }
        head.push_str("\r\n");
        head.into_bytes()
    }
}
