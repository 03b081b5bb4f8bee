//! A small keepstore in memory, right except for one fault on demand.
//!
//! Its signatures are its own: a client without the key cannot tell.

use std::collections::HashMap;
use std::sync::{Arc, Mutex};

use md5::{Digest, Md5};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

pub(crate) const ADMIN: &str = "fakeadmintoken";
const EXPIRY: &str = "7fffffff";

/// What the fake does wrong.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Fault {
    Nothing,
    ServesUnsigned,
    ServesAnybody,
    ServesExpired,
    ServesDamaged,
    ForgetsVary,
    OtherErrorText,
    WrongHeadLength,
    HeaderlessAnswer,
    HangsUp,
    CutsBodies,
    StoresUnderAnyHash,
    TouchesForUsers,
}

#[derive(Clone, Debug)]
struct Request {
    method: String,
    path: String,
    headers: HashMap<String, String>,
    body: Vec<u8>,
}

#[derive(Debug)]
struct Answer {
    status: u16,
    headers: Vec<(&'static str, String)>,
    body: Vec<u8>,
}

#[derive(Debug)]
struct Keepstore {
    fault: Fault,
    blocks: Mutex<HashMap<String, Vec<u8>>>,
}

/// Starts a fake and gives its URL. It serves until the test's runtime ends.
pub(crate) async fn start(fault: Fault) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port is free");
    let url = format!("http://{}", listener.local_addr().expect("it is bound"));
    let keepstore = Arc::new(Keepstore { fault, blocks: Mutex::default() });
    tokio::spawn(async move {
        while let Ok((stream, _peer)) = listener.accept().await {
            tokio::spawn(serve(stream, Arc::clone(&keepstore)));
        }
    });
    url
}

async fn serve(mut stream: TcpStream, keepstore: Arc<Keepstore>) -> std::io::Result<()> {
    let request = read_request(&mut stream).await?;
    if keepstore.fault == Fault::HangsUp {
        return Ok(());
    }
    let mut answer = keepstore.answer(&request);
    if keepstore.fault == Fault::HeaderlessAnswer {
        return stream.write_all(&answer.body).await;
    }
    let mut head = format!("HTTP/1.1 {} Fake\r\n", answer.status);
    if !answer.headers.iter().any(|(name, _)| *name == "Content-Length") {
        answer.headers.push(("Content-Length", answer.body.len().to_string()));
    }
    for (name, value) in &answer.headers {
        head.push_str(&format!("{name}: {value}\r\n"));
    }
    stream.write_all(format!("{head}\r\n").as_bytes()).await?;
    if request.method != "HEAD" {
        let cut = usize::from(keepstore.fault == Fault::CutsBodies);
        stream.write_all(&answer.body[..answer.body.len().saturating_sub(cut)]).await?;
    }
    stream.shutdown().await
}

async fn read_request(stream: &mut TcpStream) -> std::io::Result<Request> {
    let mut bytes = Vec::new();
    let end = loop {
        if let Some(at) = bytes.windows(4).position(|window| window == b"\r\n\r\n") {
            break at;
        }
        if stream.read_buf(&mut bytes).await? == 0 {
            return Err(std::io::ErrorKind::UnexpectedEof.into());
        }
    };
    let mut body = bytes.split_off(end + 4);
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.split("\r\n");
    let mut first = lines.next().expect("split gives one part").split(' ');
    let mut word = || first.next().unwrap_or_default().to_owned();
    let (method, path) = (word(), word());
    let headers: HashMap<String, String> = lines
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_lowercase(), value.to_owned()))
        .collect();
    let length = headers
        .get("content-length")
        .map_or(0, |length| length.parse().expect("our client sends a number"));
    while body.len() < length && stream.read_buf(&mut body).await? > 0 {}
    Ok(Request { method, path, headers, body })
}

fn refuse(status: u16, text: &str) -> Answer {
    Answer { status, headers: Vec::new(), body: format!("{text}\n").into_bytes() }
}

fn ok(body: impl Into<Vec<u8>>) -> Answer {
    Answer { status: 200, headers: Vec::new(), body: body.into() }
}

fn hex_md5(data: &[u8]) -> String {
    Md5::digest(data).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// An `A…` hint: 40 hex digits of our own making.
fn hint(hash: &str, token: &str) -> String {
    let digits = hex_md5(format!("{hash}@{token}").as_bytes());
    format!("A{digits}{}@{EXPIRY}", &digits[..8])
}

impl Request {
    fn token(&self) -> Option<&str> {
        let value = self.headers.get("authorization")?;
        value.strip_prefix("Bearer ").or_else(|| value.strip_prefix("OAuth2 "))
    }
}

impl Keepstore {
    fn answer(&self, request: &Request) -> Answer {
        let mut answer = match request.method.as_str() {
            "OPTIONS" => ok(""),
            "GET" | "HEAD" => self.read(request),
            "PUT" => self.write(request),
            "TOUCH" => self.touch(request),
            _ => refuse(400, "Bad Request"),
        };
        answer.headers.extend(cors());
        if self.fault != Fault::ForgetsVary {
            answer.headers.push(("Vary", "X-Keep-Signature".to_owned()));
        }
        let id = request.headers.get("x-request-id").cloned();
        answer
            .headers
            .push(("X-Request-Id", id.unwrap_or_else(|| format!("req-{}", "0a".repeat(10)))));
        answer
    }

    fn read(&self, request: &Request) -> Answer {
        let path = request.path.strip_prefix("//").unwrap_or(&request.path[1..]);
        if !begins_with_hash(path) {
            return refuse(400, "Bad Request");
        }
        let parts: Vec<&str> = path.split('+').collect();
        if parts[0].len() != 32 || parts.contains(&"") || later_digit(&parts) {
            return refuse(400, "invalid locator");
        }
        let sized = parts.get(1).is_some_and(|size| size.parse::<u64>().is_ok());
        if request.method == "GET" && !sized {
            return refuse(405, "method not allowed");
        }
        if let Some(refusal) = self.check_signature(request, &parts) {
            return refusal;
        }
        let Some(mut data) = self.blocks.lock().expect("no holder panics").get(parts[0]).cloned()
        else {
            return refuse(404, "file does not exist");
        };
        if self.fault == Fault::ServesDamaged {
            data[0] ^= 1;
        }
        let mut answer = ok(data);
        if request.method == "HEAD" && self.fault == Fault::WrongHeadLength {
            answer.headers.push(("Content-Length", (answer.body.len() + 1).to_string()));
        }
        answer
    }

    fn check_signature(&self, request: &Request, parts: &[&str]) -> Option<Answer> {
        let invalid = if self.fault == Fault::OtherErrorText { "no" } else { "invalid signature" };
        let Some(token) = request.token() else {
            let anybody = self.fault == Fault::ServesAnybody;
            return (!anybody).then(|| refuse(401, "no token provided in Authorization header"));
        };
        let signature = parts.iter().find(|part| part.starts_with('A'));
        let lower_case =
            parts[1..].iter().any(|part| part.starts_with(|c: char| c.is_ascii_lowercase()));
        match signature {
            None if self.fault == Fault::ServesUnsigned => None,
            Some(signature)
                if !signature.ends_with(EXPIRY) && self.fault != Fault::ServesExpired =>
            {
                Some(refuse(401, "expired signature"))
            }
            Some(signature) if !signature.ends_with(EXPIRY) => None,
            Some(signature) if *signature == hint(parts[0], token) && !lower_case => None,
            None | Some(_) => Some(refuse(400, invalid)),
        }
    }

    fn write(&self, request: &Request) -> Answer {
        let path = &request.path[1..];
        if !begins_with_hash(path) {
            return refuse(400, "Bad Request");
        }
        let hash = hex_md5(&request.body);
        if !path.starts_with(&hash) && self.fault != Fault::StoresUnderAnyHash {
            return refuse(
                400,
                &format!("content hash {hash} did not match specified locator {path}"),
            );
        }
        self.blocks.lock().expect("no holder panics").insert(hash.clone(), request.body.clone());
        let locator = format!("{hash}+{}", request.body.len());
        let signed =
            request.token().map(|token| format!("+{}", hint(&hash, token))).unwrap_or_default();
        let mut answer = ok(format!("{locator}{signed}\n"));
        answer.headers.push(("X-Keep-Replicas-Stored", "1".to_owned()));
        answer.headers.push(("X-Keep-Storage-Classes-Confirmed", "default=1".to_owned()));
        answer
    }

    fn touch(&self, request: &Request) -> Answer {
        let allowed = request.token() == Some(ADMIN) || self.fault == Fault::TouchesForUsers;
        match request.token() {
            None => refuse(401, "Unauthorized"),
            Some(_) if !allowed => refuse(403, "Forbidden"),
            Some(_) if later_digit(&request.path.split('+').collect::<Vec<_>>()) => {
                refuse(400, "invalid locator")
            }
            Some(_)
                if self
                    .blocks
                    .lock()
                    .expect("no holder panics")
                    .contains_key(&request.path[1..]) =>
            {
                ok("")
            }
            Some(_) => refuse(404, "file does not exist"),
        }
    }
}

fn begins_with_hash(path: &str) -> bool {
    path.len() >= 32
        && path.as_bytes()[..32].iter().all(|byte| matches!(byte, b'0'..=b'9' | b'a'..=b'f'))
}

fn later_digit(parts: &[&str]) -> bool {
    parts.iter().skip(2).any(|part| part.starts_with(|c: char| c.is_ascii_digit()))
}

fn cors() -> [(&'static str, String); 5] {
    [
        ("Access-Control-Allow-Methods", "GET, HEAD, PUT, OPTIONS"),
        ("Access-Control-Allow-Origin", "*"),
        (
            "Access-Control-Allow-Headers",
            "Authorization, Content-Length, Content-Type, X-Keep-Desired-Replicas, X-Keep-Signature, \
             X-Keep-Storage-Classes",
        ),
        (
            "Access-Control-Expose-Headers",
            "X-Keep-Locator, X-Keep-Replicas-Stored, X-Keep-Storage-Classes-Confirmed",
        ),
        ("Access-Control-Max-Age", "86486400"),
    ]
    .map(|(name, value)| (name, value.to_owned()))
}
