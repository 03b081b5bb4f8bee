use std::future::poll_fn;
use std::pin::Pin;
use std::task::{Context, Poll, ready};
use std::time::Duration;

use bytes::Bytes;
use futures_core::Stream;
use keep_rules::{BLOCK_SIZE_MAX, BlockHash};
use md5::{Digest, Md5};
use reqwest::Response;
use tokio::time::{Instant, Sleep};

use super::ClientError;

/// The data of a block as they arrive, checked against the block's hash and length.
///
/// One piece is always held back until the next one or the end is there, so whoever has received the end without an
/// error has received the block, whole and right. After an error there is nothing more.
pub struct BlockData {
    pieces: Pin<Box<dyn Stream<Item = reqwest::Result<Bytes>> + Send + Sync>>,
    check: Check,
    held: Bytes,
    ended: bool,
    silence_max: Duration,
    /// When the node has been silent for too long. Set anew by every piece.
    alarm: Pin<Box<Sleep>>,
}

/// What has arrived so far, against what was asked for. No I/O.
struct Check {
    hash: BlockHash,
    size: Option<u64>,
    received: u64,
    md5: Md5,
}

impl BlockData {
    pub(super) fn new(
        response: Response,
        hash: BlockHash,
        size_hint: Option<u64>,
        silence_max: Duration,
    ) -> Self {
        let size = size_hint.or_else(|| response.content_length());
        BlockData {
            pieces: Box::pin(response.bytes_stream()),
            check: Check { hash, size, received: 0, md5: Md5::new() },
            held: Bytes::new(),
            ended: false,
            silence_max,
            alarm: Box::pin(tokio::time::sleep(silence_max)),
        }
    }

    /// The block's length in bytes, as the locator or else the answer gives it; unknown if neither does.
    pub fn size(&self) -> Option<u64> {
        self.check.size
    }

    /// The next piece; `None` once the whole block was handed out and found right.
    ///
    /// # Errors
    /// [`ClientError::Damaged`] if the data are another block's, [`ClientError::Incomplete`] if the connection broke,
    /// [`ClientError::Unreachable`] if the node fell silent.
    ///
    /// # Cancel safety
    /// Dropping the future loses no piece.
    pub async fn next(&mut self) -> Option<Result<Bytes, ClientError>> {
        poll_fn(|context| Pin::new(&mut *self).poll_next(context)).await
    }

    /// The whole block.
    ///
    /// # Errors
    /// As [`BlockData::next`].
    pub async fn collect(mut self) -> Result<Vec<u8>, ClientError> {
        let mut data = Vec::new();
        while let Some(piece) = self.next().await {
            data.extend_from_slice(&piece?);
        }
        Ok(data)
    }

    fn poll_piece(
        &mut self,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Bytes, ClientError>>> {
        loop {
            let Poll::Ready(arrived) = self.pieces.as_mut().poll_next(context) else {
                ready!(self.alarm.as_mut().poll(context));
                return Poll::Ready(Some(Err(ClientError::silent(self.silence_max))));
            };
            let piece = match arrived {
                Some(Ok(piece)) => piece,
                Some(Err(error)) => {
                    return Poll::Ready(Some(Err(ClientError::broken_off(
                        "the block",
                        self.check.received,
                        error,
                    ))));
                }
                None => return Poll::Ready(self.last_piece()),
            };
            self.alarm.as_mut().reset(Instant::now() + self.silence_max);
            if let Err(error) = self.check.add(&piece) {
                return Poll::Ready(Some(Err(error)));
            }
            let released = std::mem::replace(&mut self.held, piece);
            if !released.is_empty() {
                return Poll::Ready(Some(Ok(released)));
            }
        }
    }

    fn last_piece(&mut self) -> Option<Result<Bytes, ClientError>> {
        self.ended = true;
        match self.check.finish() {
            Err(error) => Some(Err(error)),
            Ok(()) if self.held.is_empty() => None,
            Ok(()) => Some(Ok(std::mem::take(&mut self.held))),
        }
    }
}

impl Check {
    fn add(&mut self, piece: &[u8]) -> Result<(), ClientError> {
        self.received += piece.len() as u64;
        let longest = self.size.unwrap_or(BLOCK_SIZE_MAX).min(BLOCK_SIZE_MAX);
        if self.received > longest {
            return Err(self.damaged(format!("it is longer than {longest} bytes")));
        }
        self.md5.update(piece);
        Ok(())
    }

    fn finish(&mut self) -> Result<(), ClientError> {
        let received = self.received;
        if let Some(size) = self.size.filter(|size| *size != received) {
            return Err(self.damaged(format!("it is {received} bytes long, not {size}")));
        }
        let got = BlockHash::from_bytes(self.md5.finalize_reset().into());
        if got == self.hash { Ok(()) } else { Err(self.damaged(format!("its data hash to {got}"))) }
    }

    fn damaged(&self, detail: String) -> ClientError {
        ClientError::Damaged { hash: self.hash, detail }
    }
}

impl Stream for BlockData {
    type Item = Result<Bytes, ClientError>;

    fn poll_next(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<Option<Self::Item>> {
        if self.ended {
            return Poll::Ready(None);
        }
        let piece = ready!(self.poll_piece(context));
        self.ended |= !matches!(piece, Some(Ok(_)));
        Poll::Ready(piece)
    }
}

impl std::fmt::Debug for BlockData {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("BlockData")
            .field("hash", &self.check.hash)
            .field("size", &self.check.size)
            .field("received", &self.check.received)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";

    fn check(size: Option<u64>, pieces: &[&str]) -> Result<(), String> {
        let mut check = Check { hash: FOO.parse().unwrap(), size, received: 0, md5: Md5::new() };
        let added = pieces.iter().try_for_each(|piece| check.add(piece.as_bytes()));
        added.and_then(|()| check.finish()).map_err(|error| error.to_string())
    }

    #[test]
    fn the_right_data_pass_with_and_without_a_size() {
        assert_eq!(check(Some(3), &["f", "oo"]), Ok(()));
        assert_eq!(check(None, &["foo"]), Ok(()));
    }

    #[test]
    fn other_data_are_damage() {
        assert_eq!(
            check(Some(3), &["bar"]),
            Err(format!(
                "block {FOO} is damaged: its data hash to 37b51d194a7513e45b56f6524f2d51f2"
            ))
        );
        assert_eq!(
            check(Some(3), &["fo"]),
            Err(format!("block {FOO} is damaged: it is 2 bytes long, not 3"))
        );
        assert_eq!(
            check(Some(3), &["foob"]),
            Err(format!("block {FOO} is damaged: it is longer than 3 bytes"))
        );
    }
}
