use std::future::Future;
use std::time::Duration;

use tokio::io::{AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::time::timeout;

use super::response::Reader;
use super::{Body, HttpError, Origin, Request, Response};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// How long one exchange may take: long enough for 64 MiB on a busy machine.
const EXCHANGE_TIMEOUT: Duration = Duration::from_secs(60);

/// Makes one connection for each request, so that no answer can be blamed on an earlier one.
#[derive(Clone, Debug)]
pub(crate) struct Client {
    origin: Origin,
}

/// One connection, for the cases that look at it: half-sent bodies, interim answers.
pub(crate) struct Connection {
    host: String,
    reader: Reader<OwnedReadHalf>,
    writer: OwnedWriteHalf,
}

impl Client {
    pub(crate) fn new(origin: Origin) -> Self {
        Client { origin }
    }

    pub(crate) async fn connect(&self) -> Result<Connection, HttpError> {
        let connecting = TcpStream::connect(self.origin.authority());
        let stream =
            within(CONNECT_TIMEOUT, async { connecting.await.map_err(HttpError::Connect) }).await?;
        let (read, writer) = stream.into_split();
        Ok(Connection {
            host: self.origin.authority().to_owned(),
            reader: Reader::new(read),
            writer,
        })
    }

    /// Sends a request on a connection of its own and reads the final answer.
    pub(crate) async fn send(&self, request: Request) -> Result<Response, HttpError> {
        let mut connection = self.connect().await?;
        connection.exchange(&request.header("Connection", "close")).await
    }
}

impl Connection {
    /// Sends the head alone.
    pub(crate) async fn send_head(&mut self, request: &Request) -> Result<(), HttpError> {
        let head = request.head_bytes(&self.host);
        within(EXCHANGE_TIMEOUT, async { Ok(self.writer.write_all(&head).await?) }).await
    }

    /// Sends the body alone, as the head announced it.
    pub(crate) async fn send_body(&mut self, body: &Body) -> Result<(), HttpError> {
        within(EXCHANGE_TIMEOUT, write_body(&mut self.writer, body)).await
    }

    /// Reads the next answer, which may be an interim one.
    pub(crate) async fn response(&mut self, method: &str) -> Result<Response, HttpError> {
        within(EXCHANGE_TIMEOUT, self.reader.response(method)).await
    }

    /// Sends everything and reads the final answer, which may come before the body is sent.
    pub(crate) async fn exchange(&mut self, request: &Request) -> Result<Response, HttpError> {
        let head = request.head_bytes(&self.host);
        let Connection { reader, writer, .. } = self;
        let writing = async {
            writer.write_all(&head).await?;
            write_body(writer, &request.body).await
        };
        let reading = async {
            loop {
                let response = reader.response(&request.method).await?;
                if response.status >= 200 {
                    return Ok(response);
                }
            }
        };
        within(EXCHANGE_TIMEOUT, async {
            tokio::pin!(reading);
            tokio::select! {
                biased;
                answer = &mut reading => answer,
                // A failed write is no verdict: the server may have answered and stopped reading.
                _written = writing => reading.await,
            }
        })
        .await
    }
}

async fn write_body(writer: &mut (impl AsyncWrite + Unpin), body: &Body) -> Result<(), HttpError> {
    match body {
        Body::None => {}
        Body::Sized(data) => writer.write_all(data).await?,
        Body::Stalled { sent, .. } => writer.write_all(sent).await?,
        Body::Chunked { data, piece } => {
            for chunk in data.chunks((*piece).max(1)) {
                writer.write_all(format!("{:x}\r\n", chunk.len()).as_bytes()).await?;
                writer.write_all(chunk).await?;
                writer.write_all(b"\r\n").await?;
            }
            writer.write_all(b"0\r\n\r\n").await?;
        }
    }
    Ok(writer.flush().await?)
}

async fn within<T>(
    limit: Duration,
    work: impl Future<Output = Result<T, HttpError>>,
) -> Result<T, HttpError> {
    timeout(limit, work).await.unwrap_or(Err(HttpError::TimedOut(limit)))
}
