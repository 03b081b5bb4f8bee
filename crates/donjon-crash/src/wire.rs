//! HTTP/1.1 over one kept connection: as little as it takes to drive a node, and blocking, so that a benchmark measures
//! the node and not its client.

use std::io::{self, BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::time::Duration;

/// No single read or write may take longer. A node that hangs fails the run instead of stopping it.
const PATIENCE: Duration = Duration::from_secs(30);
/// No line of a head may be longer: the node's own limit on headers is below it.
const LINE_MAX: u64 = 64 * 1024;
/// Bodies are passed on in pieces of this size.
const PIECE: usize = 256 * 1024;

/// One client with at most one connection, opened when first needed and again after an error.
#[derive(Debug)]
pub struct Client {
    address: SocketAddr,
    token: String,
    connection: Option<BufReader<TcpStream>>,
}

/// The head of an answer.
#[derive(Clone, Debug)]
pub struct Head {
    /// The status code.
    pub status: u16,
    headers: Vec<(String, String)>,
}

/// A whole answer.
#[derive(Clone, Debug)]
pub struct Answer {
    /// The status code.
    pub status: u16,
    /// The body, without the framing.
    pub body: Vec<u8>,
}

impl Answer {
    /// The body as text, for messages.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).trim_end().to_owned()
    }
}

impl Head {
    /// The value of a header; `name` in lower case.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

impl Client {
    /// A client of the node at `address` that shows `token` with every request.
    pub fn new(address: SocketAddr, token: impl Into<String>) -> Self {
        Self { address, token: token.into(), connection: None }
    }

    /// Sends a request and reads the whole answer.
    ///
    /// # Errors
    /// The connection could not be opened, broke, or carried no HTTP. The next request opens a new one.
    pub fn request(&mut self, method: &str, path: &str, body: &[u8]) -> io::Result<Answer> {
        let mut received = Vec::new();
        let head = self.exchange(method, path, body, &mut received)?;
        Ok(Answer { status: head.status, body: received })
    }

    /// Sends a request and passes the answer's body on to `sink` as it arrives.
    ///
    /// # Errors
    /// As [`Client::request`], or the sink's.
    pub fn exchange(
        &mut self,
        method: &str,
        path: &str,
        body: &[u8],
        sink: &mut impl Write,
    ) -> io::Result<Head> {
        let mut connection = match self.connection.take() {
            Some(connection) => connection,
            None => connect(self.address)?,
        };
        write_head(
            connection.get_mut(),
            &self.address,
            &self.token,
            method,
            path,
            body.len() as u64,
        )?;
        connection.get_mut().write_all(body)?;
        let head = read_head(&mut connection)?;
        read_body(&mut connection, method, &head, sink)?;
        if head.header("connection") != Some("close") {
            self.connection = Some(connection);
        }
        Ok(head)
    }

    /// Opens a connection of its own, announces a `PUT` of `length` bytes and sends only `first`. The upload stalls
    /// until the caller sends more or drops it.
    ///
    /// # Errors
    /// The connection could not be opened or broke.
    pub fn begin_put(&self, path: &str, length: u64, first: &[u8]) -> io::Result<Upload> {
        let mut connection = connect(self.address)?;
        write_head(connection.get_mut(), &self.address, &self.token, "PUT", path, length)?;
        let mut upload = Upload { connection };
        upload.send(first)?;
        Ok(upload)
    }
}

/// A `PUT` on its way.
#[derive(Debug)]
pub struct Upload {
    connection: BufReader<TcpStream>,
}

impl Upload {
    /// Sends more of the body.
    ///
    /// # Errors
    /// The connection broke.
    pub fn send(&mut self, data: &[u8]) -> io::Result<()> {
        self.connection.get_mut().write_all(data)
    }

    /// Reads the answer, once the whole body is sent.
    ///
    /// # Errors
    /// The connection broke, or carried no HTTP.
    pub fn finish(mut self) -> io::Result<Answer> {
        let head = read_head(&mut self.connection)?;
        let mut body = Vec::new();
        read_body(&mut self.connection, "PUT", &head, &mut body)?;
        Ok(Answer { status: head.status, body })
    }
}

fn connect(address: SocketAddr) -> io::Result<BufReader<TcpStream>> {
    let stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_nodelay(true)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    stream.set_write_timeout(Some(PATIENCE))?;
    Ok(BufReader::with_capacity(64 * 1024, stream))
}

fn write_head(
    stream: &mut TcpStream,
    host: &SocketAddr,
    token: &str,
    method: &str,
    path: &str,
    length: u64,
) -> io::Result<()> {
    let head = format!(
        "{method} {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {token}\r\nContent-Length: {length}\r\n\r\n"
    );
    stream.write_all(head.as_bytes())
}

fn read_head(connection: &mut impl BufRead) -> io::Result<Head> {
    let status_line = read_line(connection)?;
    let status = status_line
        .strip_prefix("HTTP/1.1 ")
        .and_then(|rest| rest.get(..3))
        .and_then(|code| code.parse().ok())
        .ok_or_else(|| malformed(format!("no status line: {status_line:?}")))?;
    let mut headers = Vec::new();
    loop {
        let line = read_line(connection)?;
        if line.is_empty() {
            return Ok(Head { status, headers });
        }
        let (name, value) =
            line.split_once(':').ok_or_else(|| malformed(format!("no header: {line:?}")))?;
        headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
    }
}

fn read_body(
    connection: &mut impl BufRead,
    method: &str,
    head: &Head,
    sink: &mut impl Write,
) -> io::Result<()> {
    if method == "HEAD" {
        return Ok(());
    }
    if head.header("transfer-encoding") == Some("chunked") {
        return read_chunks(connection, sink);
    }
    let length = head.header("content-length").unwrap_or("0");
    let length =
        length.parse().map_err(|error| malformed(format!("Content-Length {length:?}: {error}")))?;
    pass_on(connection, length, sink)
}

fn read_chunks(connection: &mut impl BufRead, sink: &mut impl Write) -> io::Result<()> {
    loop {
        let line = read_line(connection)?;
        let size = u64::from_str_radix(&line, 16)
            .map_err(|error| malformed(format!("chunk size {line:?}: {error}")))?;
        pass_on(connection, size, sink)?;
        let end = read_line(connection)?;
        if !end.is_empty() {
            return Err(malformed(format!("no end of chunk: {end:?}")));
        }
        if size == 0 {
            return Ok(());
        }
    }
}

fn pass_on(connection: &mut impl BufRead, length: u64, sink: &mut impl Write) -> io::Result<()> {
    let mut left = length;
    let mut piece = vec![0; PIECE.min(usize::try_from(length).unwrap_or(PIECE))];
    while left > 0 {
        let wanted = piece.len().min(usize::try_from(left).unwrap_or(PIECE));
        let got = connection.read(&mut piece[..wanted])?;
        if got == 0 {
            return Err(io::Error::new(
                io::ErrorKind::UnexpectedEof,
                format!("the body ended {left} of {length} bytes early"),
            ));
        }
        sink.write_all(&piece[..got])?;
        left -= got as u64;
    }
    Ok(())
}

fn read_line(connection: &mut impl BufRead) -> io::Result<String> {
    let mut line = Vec::new();
    connection.take(LINE_MAX).read_until(b'\n', &mut line)?;
    if line.pop() != Some(b'\n') {
        return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the connection was closed"));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    String::from_utf8(line).map_err(|error| malformed(format!("a line that is no UTF-8: {error}")))
}

fn malformed(what: String) -> io::Error {
    io::Error::new(io::ErrorKind::InvalidData, what)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[track_caller]
    fn check(answer: &str, expected: Result<(u16, &str), io::ErrorKind>) {
        let mut connection = BufReader::new(answer.as_bytes());
        let mut body = Vec::new();
        let read = read_head(&mut connection).and_then(|head| {
            read_body(&mut connection, "GET", &head, &mut body)?;
            Ok(head.status)
        });
        match (read, expected) {
            (Ok(status), Ok((wanted, text))) => {
                assert_eq!((status, body.as_slice()), (wanted, text.as_bytes()))
            }
            (Err(error), Err(kind)) => assert_eq!(error.kind(), kind, "{error}"),
            (got, wanted) => panic!("got {got:?}, wanted {wanted:?}"),
        }
    }

    #[test]
    fn a_body_of_declared_length_is_read_whole() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nfoo", Ok((200, "foo")));
    }

    #[test]
    fn a_body_that_ends_early_is_an_error() {
        check("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfoo", Err(io::ErrorKind::UnexpectedEof));
    }

    #[test]
    fn chunks_are_joined() {
        check(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfo\r\n1\r\no\r\n0\r\n\r\n",
            Ok((200, "foo")),
        );
    }

    #[test]
    fn chunks_without_the_last_one_are_an_error() {
        check(
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nfo\r\n",
            Err(io::ErrorKind::UnexpectedEof),
        );
    }

    #[test]
    fn something_else_than_http_is_an_error() {
        check("SSH-2.0-OpenSSH\r\n\r\n", Err(io::ErrorKind::InvalidData));
    }
}
