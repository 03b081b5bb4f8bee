//! A server that says exactly what a test wants, byte for byte, over a real socket: also what no real server should say.

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;
use url::Url;

/// How the fake ends its answer.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ending {
    /// Closes the connection.
    Close,
    /// Says no more, and keeps the connection open.
    Silence,
}

/// A node that answers one request.
pub(crate) struct FakeNode {
    pub(crate) url: Url,
    request: JoinHandle<Request>,
}

/// What a client sent.
#[derive(Debug)]
pub(crate) struct Request {
    /// Request line and headers, as they came.
    pub(crate) head: String,
    /// What came after them.
    pub(crate) body: Vec<u8>,
}

impl Request {
    /// The value of a header, if it was sent.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (key, value) = line.split_once(':')?;
            key.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

impl FakeNode {
    /// Answers the next request with these bytes, then closes the connection.
    pub(crate) async fn answering(answer: impl Into<Vec<u8>>) -> FakeNode {
        FakeNode::ending(answer, Ending::Close).await
    }

    /// Answers the next request with these bytes and this ending.
    pub(crate) async fn ending(answer: impl Into<Vec<u8>>, ending: Ending) -> FakeNode {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}/", listener.local_addr().unwrap()).parse().unwrap();
        let answer = answer.into();
        let request = tokio::spawn(async move {
            let (mut socket, _) = listener.accept().await.unwrap();
            let request = read_request(&mut socket).await;
            socket.write_all(&answer).await.unwrap();
            if ending == Ending::Silence {
                // Until the client has had enough.
                let rest = socket.read(&mut [0; 1]).await;
                assert!(matches!(rest, Ok(0) | Err(_)), "the client sent more than one request");
            }
            request
        });
        FakeNode { url, request }
    }

    /// What the client sent.
    pub(crate) async fn request(self) -> Request {
        self.request.await.unwrap()
    }
}

/// An answer with a status line, headers and body, and the right length.
pub(crate) fn answer(status: &str, headers: &str, body: &str) -> String {
    format!("HTTP/1.1 {status}\r\n{headers}Content-Length: {}\r\n\r\n{body}", body.len())
}

async fn read_request(socket: &mut TcpStream) -> Request {
    let mut received = Vec::new();
    let head_len = loop {
        if let Some(end) = received.windows(4).position(|window| window == b"\r\n\r\n") {
            break end + 4;
        }
        assert_ne!(
            socket.read_buf(&mut received).await.unwrap(),
            0,
            "the client left amid its headers"
        );
    };
    let head = String::from_utf8(received[..head_len].to_vec()).unwrap();
    let mut request = Request { head, body: received.split_off(head_len) };
    while !is_whole(&request) {
        assert_ne!(
            socket.read_buf(&mut request.body).await.unwrap(),
            0,
            "the client left amid its body"
        );
    }
    request
}

fn is_whole(request: &Request) -> bool {
    match (request.header("Content-Length"), request.header("Transfer-Encoding")) {
        (Some(length), _) => request.body.len() >= length.parse::<usize>().unwrap(),
        (None, Some(_chunked)) => request.body.ends_with(b"0\r\n\r\n"),
        (None, None) => true,
    }
}
