//! Somebody between the balancer and a node, who changes what the node says.

use std::io::{Read, Write};
use std::net::{Shutdown, TcpListener, TcpStream};
use std::sync::Arc;

/// Changes an answer, given the path of its question. Nothing: the connection ends without an answer.
type Change = dyn Fn(&str, Answer) -> Option<Answer> + Send + Sync;

/// What a node says.
#[derive(Clone, Debug)]
pub(crate) struct Answer {
    /// Status line and headers, without the empty line.
    pub(crate) head: String,
    pub(crate) body: Vec<u8>,
}

impl Answer {
    /// What a plain keepstore says of a path that it does not know.
    pub(crate) fn unknown_path() -> Answer {
        Answer { head: "HTTP/1.0 400 Bad Request\r\n".to_owned(), body: b"Bad Request\n".to_vec() }
    }

    pub(crate) fn text(&self) -> String {
        String::from_utf8(self.body.clone()).unwrap()
    }

    pub(crate) fn with_body(self, body: String) -> Answer {
        Answer { body: body.into_bytes(), ..self }
    }
}

/// Its address. It ends with the test.
pub(crate) struct Between {
    url: String,
}

impl Between {
    /// Before the node at `url`, changing each answer to a question without a body.
    pub(crate) fn start(
        url: &str,
        change: impl Fn(&str, Answer) -> Option<Answer> + Send + Sync + 'static,
    ) -> Between {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let own = format!("http://{}", listener.local_addr().unwrap());
        let node = url.strip_prefix("http://").unwrap().to_owned();
        let change: Arc<Change> = Arc::new(change);
        std::thread::spawn(move || {
            for client in listener.incoming() {
                let (node, change) = (node.clone(), Arc::clone(&change));
                std::thread::spawn(move || drop(pass(client.unwrap(), &node, &*change)));
            }
        });
        Between { url: own }
    }

    /// A node of which only what a plain keepstore has can be seen.
    pub(crate) fn plain(url: &str) -> Between {
        Between::start(url, |path, answer| {
            Some(if path.starts_with("/donjon/") { Answer::unknown_path() } else { answer })
        })
    }

    pub(crate) fn url(&self) -> &str {
        &self.url
    }
}

/// Passes on one request and its answer.
fn pass(mut client: TcpStream, node: &str, change: &Change) -> std::io::Result<()> {
    let (head, rest) = head_of(&mut client)?;
    let mut words = head.split(' ');
    let (method, path) = (words.next().unwrap_or_default(), words.next().unwrap_or_default());
    let path = path.to_owned();
    let has_body = matches!(method, "PUT" | "POST");
    let lines = head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("connection:"));
    let mut lines: Vec<String> = lines.map(str::to_owned).collect();
    if !has_body {
        // Answers to such are never in chunks.
        lines[0] = lines[0].replace("HTTP/1.1", "HTTP/1.0");
    }
    let mut node = TcpStream::connect(node)?;
    write!(node, "{}\r\nConnection: close\r\n\r\n", lines.join("\r\n"))?;
    node.write_all(&rest)?;
    if has_body {
        let mut up = (client.try_clone()?, node.try_clone()?);
        std::thread::spawn(move || drop(std::io::copy(&mut up.0, &mut up.1)));
        // A list without the headers of ours is what a plain keepstore answers.
        let (head, body) = head_of(&mut node)?;
        let answer = change(&path, Answer { head, body });
        let Some(answer) = answer else { return client.shutdown(Shutdown::Both) };
        client.write_all(format!("{}\r\n\r\n", answer.head.trim_end()).as_bytes())?;
        client.write_all(&answer.body)?;
        std::io::copy(&mut node, &mut client)?;
        return client.shutdown(Shutdown::Both);
    }
    let (head, mut body) = head_of(&mut node)?;
    node.read_to_end(&mut body)?;
    let Some(answer) = change(&path, Answer { head, body }) else { return Ok(()) };
    let kept =
        answer.head.lines().filter(|line| !line.to_ascii_lowercase().starts_with("content-length"));
    let head: Vec<&str> = kept.collect();
    write!(client, "{}\r\nContent-Length: {}\r\n\r\n", head.join("\r\n"), answer.body.len())?;
    client.write_all(&answer.body)?;
    client.shutdown(Shutdown::Both)
}

/// Everything up to the empty line, and what came with it.
fn head_of(stream: &mut TcpStream) -> std::io::Result<(String, Vec<u8>)> {
    let mut bytes = Vec::new();
    let mut piece = [0; 4096];
    loop {
        if let Some(end) = bytes.windows(4).position(|four| four == b"\r\n\r\n") {
            let rest = bytes.split_off(end + 4);
            bytes.truncate(end);
            return Ok((String::from_utf8_lossy(&bytes).into_owned(), rest));
        }
        let read = stream.read(&mut piece)?;
        if read == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
        bytes.extend_from_slice(&piece[..read]);
    }
}
