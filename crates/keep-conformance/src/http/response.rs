use std::borrow::Cow;

use tokio::io::{AsyncRead, AsyncReadExt};

use super::HttpError;

const HEAD_BYTES_MAX: usize = 64 << 10; // a keepstore's heads are below 2 KiB
const BODY_BYTES_MAX: usize = 512 << 20; // an index of some 8 million blocks

/// An answer, read strictly.
#[derive(Clone, Debug)]
pub(crate) struct Response {
    pub(crate) status: u16,
    pub(crate) headers: Vec<(String, String)>,
    pub(crate) body: Vec<u8>,
    pub(crate) end: End,
}

/// Whether the body was all there.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum End {
    Complete,
    /// The connection ended before the announced length, or before the last chunk.
    CutShort,
}

impl Response {
    /// The value of a header; the first one, if there are several.
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers
            .iter()
            .find(|(key, _)| key.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub(crate) fn text(&self) -> Cow<'_, str> {
        String::from_utf8_lossy(&self.body)
    }

    pub(crate) fn content_length(&self) -> Option<u64> {
        self.header("Content-Length")?.parse().ok()
    }
}

/// Reads answers off one connection, keeping what it has read too much.
pub(crate) struct Reader<R> {
    source: R,
    received: Vec<u8>,
}

impl<R: AsyncRead + Unpin> Reader<R> {
    pub(crate) fn new(source: R) -> Self {
        Reader { source, received: Vec::new() }
    }

    /// Reads one answer to `method`. An interim one (100) is an answer of its own, without a body.
    pub(crate) async fn response(&mut self, method: &str) -> Result<Response, HttpError> {
        let head = self.head().await?;
        let (status, headers) = parse_head(&head)?;
        let mut response = Response { status, headers, body: Vec::new(), end: End::Complete };
        match framing(&response, method)? {
            Framing::Nothing => {}
            Framing::Length(length) => {
                response.end = self.exactly(length, &mut response.body).await?
            }
            Framing::Chunks => response.end = self.chunks(&mut response.body).await?,
            Framing::UntilClose => {
                while self.more().await? {
                    check_body(self.received.len())?;
                }
                response.body = std::mem::take(&mut self.received);
            }
        }
        if !self.received.is_empty() && status >= 200 {
            return Err(HttpError::Malformed(format!(
                "{} bytes follow the body's end",
                self.received.len()
            )));
        }
        Ok(response)
    }

    /// Reads more; false at the end of the stream.
    async fn more(&mut self) -> Result<bool, HttpError> {
        Ok(self.source.read_buf(&mut self.received).await? > 0)
    }

    async fn head(&mut self) -> Result<Vec<u8>, HttpError> {
        let mut searched = 0;
        loop {
            if let Some(at) = find(&self.received[searched..], b"\r\n\r\n") {
                let rest = self.received.split_off(searched + at + 4);
                let mut head = std::mem::replace(&mut self.received, rest);
                head.truncate(searched + at);
                return Ok(head);
            }
            searched = self.received.len().saturating_sub(3);
            if self.received.len() > HEAD_BYTES_MAX {
                return Err(HttpError::TooLarge { part: "head", limit: HEAD_BYTES_MAX });
            }
            match self.more().await {
                Ok(true) => {}
                Ok(false) if self.received.is_empty() => return Err(HttpError::NoAnswer),
                Ok(false) => {
                    return Err(HttpError::Malformed("it ends inside its head".to_owned()));
                }
                Err(HttpError::Io(error)) if self.received.is_empty() && is_reset(&error) => {
                    return Err(HttpError::NoAnswer);
                }
                Err(error) => return Err(error),
            }
        }
    }

    /// Moves `length` bytes to `body`; fewer only if the connection ends.
    async fn exactly(&mut self, length: usize, body: &mut Vec<u8>) -> Result<End, HttpError> {
        check_body(body.len().saturating_add(length))?;
        while self.received.len() < length {
            match self.more().await {
                Ok(true) => {}
                Ok(false) => break,
                Err(HttpError::Io(error)) if is_reset(&error) => break,
                Err(error) => return Err(error),
            }
        }
        let taken = length.min(self.received.len());
        body.extend(self.received.drain(..taken));
        Ok(if taken == length { End::Complete } else { End::CutShort })
    }

    async fn chunks(&mut self, body: &mut Vec<u8>) -> Result<End, HttpError> {
        loop {
            let Some(line) = self.line().await? else { return Ok(End::CutShort) };
            let size = line.split(';').next().unwrap_or_default().trim();
            let size = usize::from_str_radix(size, 16)
                .map_err(|_not_hex| HttpError::Malformed(format!("chunk size {size:?}")))?;
            if self.exactly(size, body).await? == End::CutShort {
                return Ok(End::CutShort);
            }
            match self.line().await? {
                None => return Ok(End::CutShort),
                Some(rest) if rest.is_empty() => {}
                Some(_) => {
                    return Err(HttpError::Malformed(
                        "a chunk does not end where it says".to_owned(),
                    ));
                }
            }
            if size == 0 {
                return Ok(End::Complete);
            }
        }
    }

    /// One line of the chunked encoding; `None` if the connection ends first.
    async fn line(&mut self) -> Result<Option<String>, HttpError> {
        loop {
            if let Some(at) = find(&self.received, b"\r\n") {
                let line = String::from_utf8_lossy(&self.received[..at]).into_owned();
                self.received.drain(..at + 2);
                return Ok(Some(line));
            }
            if self.received.len() > HEAD_BYTES_MAX {
                return Err(HttpError::TooLarge { part: "head", limit: HEAD_BYTES_MAX });
            }
            match self.more().await {
                Ok(true) => {}
                Ok(false) => return Ok(None),
                Err(HttpError::Io(error)) if is_reset(&error) => return Ok(None),
                Err(error) => return Err(error),
            }
        }
    }
}

enum Framing {
    Nothing,
    Length(usize),
    Chunks,
    UntilClose,
}

fn framing(response: &Response, method: &str) -> Result<Framing, HttpError> {
    let malformed = |why: String| Err(HttpError::Malformed(why));
    let values = |name: &str| -> Vec<&str> {
        let named = response.headers.iter().filter(|(key, _)| key.eq_ignore_ascii_case(name));
        named.map(|(_, value)| value.as_str()).collect()
    };
    let (lengths, codings) = (values("Content-Length"), values("Transfer-Encoding"));
    let length = match lengths.as_slice() {
        [] => None,
        [one] if one.bytes().all(|byte| byte.is_ascii_digit()) => match one.parse::<usize>() {
            Ok(length) => Some(length),
            Err(_) => return malformed(format!("Content-Length {one:?}")),
        },
        other => return malformed(format!("Content-Length {other:?}")),
    };
    if method == "HEAD" || response.status < 200 || response.status == 204 || response.status == 304
    {
        return Ok(Framing::Nothing);
    }
    match (codings.as_slice(), length) {
        ([], Some(length)) => Ok(Framing::Length(length)),
        ([], None) => Ok(Framing::UntilClose),
        ([coding], None) if coding.eq_ignore_ascii_case("chunked") => Ok(Framing::Chunks),
        (_, Some(_)) => malformed("it has Content-Length and Transfer-Encoding".to_owned()),
        (other, None) => malformed(format!("Transfer-Encoding {other:?}")),
    }
}

fn check_body(length: usize) -> Result<(), HttpError> {
    if length > BODY_BYTES_MAX {
        return Err(HttpError::TooLarge { part: "body", limit: BODY_BYTES_MAX });
    }
    Ok(())
}

fn parse_head(head: &[u8]) -> Result<(u16, Vec<(String, String)>), HttpError> {
    let malformed = |why: String| HttpError::Malformed(why);
    let text = std::str::from_utf8(head)
        .map_err(|_not_text| malformed("its head is not text".to_owned()))?;
    let mut lines = text.split("\r\n");
    let first = lines.next().unwrap_or_default();
    let status = first
        .strip_prefix("HTTP/1.1 ")
        .filter(|rest| rest.len() == 3 || rest.as_bytes().get(3) == Some(&b' '))
        .and_then(|rest| rest.get(..3))
        .filter(|digits| digits.bytes().all(|byte| byte.is_ascii_digit()))
        .and_then(|digits| digits.parse().ok())
        .ok_or_else(|| malformed(format!("status line {first:?}")))?;
    let headers = lines.map(parse_header).collect::<Result<_, _>>()?;
    Ok((status, headers))
}

fn parse_header(line: &str) -> Result<(String, String), HttpError> {
    let malformed = || HttpError::Malformed(format!("header line {line:?}"));
    let (name, value) = line.split_once(':').ok_or_else(malformed)?;
    let token = |byte: u8| byte.is_ascii_alphanumeric() || b"!#$%&'*+-.^_`|~".contains(&byte);
    if name.is_empty()
        || !name.bytes().all(token)
        || value.chars().any(|c| c.is_control() && c != '\t')
    {
        return Err(malformed());
    }
    Ok((name.to_owned(), value.trim_matches([' ', '\t']).to_owned()))
}

fn find(haystack: &[u8], needle: &[u8]) -> Option<usize> {
    haystack.windows(needle.len()).position(|window| window == needle)
}

fn is_reset(error: &std::io::Error) -> bool {
    use std::io::ErrorKind;
    matches!(
        error.kind(),
        ErrorKind::ConnectionReset | ErrorKind::BrokenPipe | ErrorKind::ConnectionAborted
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(bytes: &str, method: &str) -> Result<Response, HttpError> {
        Reader::new(bytes.as_bytes()).response(method).await
    }

    #[tokio::test]
    async fn a_body_is_as_long_as_it_says() {
        let whole = read("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\nfoo", "GET").await.unwrap();
        assert_eq!(
            (whole.status, whole.body.as_slice(), whole.end),
            (200, b"foo".as_slice(), End::Complete)
        );
        let cut = read("HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nfoo", "GET").await.unwrap();
        assert_eq!((cut.body.as_slice(), cut.end), (b"foo".as_slice(), End::CutShort));
    }

    #[tokio::test]
    async fn chunks_are_joined_and_a_missing_last_one_is_noticed() {
        let head = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n";
        let whole =
            read(&format!("{head}2\r\nfo\r\n1;x=y\r\no\r\n0\r\n\r\n"), "GET").await.unwrap();
        assert_eq!((whole.text().as_ref(), whole.end), ("foo", End::Complete));
        let cut = read(&format!("{head}2\r\nfo\r\n"), "GET").await.unwrap();
        assert_eq!((cut.text().as_ref(), cut.end), ("fo", End::CutShort));
    }

    #[tokio::test]
    async fn a_head_has_no_body() {
        let head = read("HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n", "HEAD").await.unwrap();
        assert_eq!((head.body.len(), head.end, head.content_length()), (0, End::Complete, Some(3)));
    }

    #[tokio::test]
    async fn what_is_not_http_is_refused() {
        for bad in [
            "HTTP/1.0 200 OK\r\n\r\n",
            "HTTP/1.1 2x0 OK\r\n\r\n",
            "HTTP/1.1 200 OK\r\nno colon\r\n\r\n",
            "HTTP/1.1 200 OK\r\nBad Name: x\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nx",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\nx",
            "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\nxy",
            "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
            "HTTP/1.1 200",
        ] {
            assert!(matches!(read(bad, "GET").await, Err(HttpError::Malformed(_))), "{bad:?}");
        }
        assert!(matches!(read("", "GET").await, Err(HttpError::NoAnswer)));
    }
}
