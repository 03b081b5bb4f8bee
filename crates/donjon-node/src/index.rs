//! Listings: `/index`, `/mounts`, `/mounts/{uuid}/blocks` (spec sections 2.7, 2.8).

use std::fmt::Write as _;
use std::sync::Arc;

use bytes::Bytes;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::{Method, StatusCode};
use keep_protocol::mounts::MountDescription;
use keep_rules::HashPrefix;
use keep_volume::{Error as VolumeError, IndexCursor, IndexEntry};

use crate::http::{Answer, Body, BodySender, Failure, Permit, empty, json};
use crate::mounts::Mount;
use crate::node::Node;

/// Bytes of text that are gathered before they are sent.
const PIECE_BYTES: usize = 64 << 10;

/// Bytes of one line, at most: hash, size, mtime.
const LINE_BYTES: usize = 32 + 1 + 20 + 1 + 20 + 1;

/// Lists the blocks of `mounts`, one mount after the other. The last line is empty: only a listing that has it is
/// complete.
///
/// # Errors
/// A failure of the first mount before its first line.
pub(crate) async fn index(
    node: &Node,
    method: &Method,
    mounts: Vec<Arc<Mount>>,
    prefix: Option<HashPrefix>,
    permit: Permit,
) -> Result<Answer, Failure> {
    // A prefix that no hash can have: an empty list, which is complete.
    let mounts = if prefix.is_some() { mounts } else { Vec::new() };
    let mut listing = Listing::begin(mounts, prefix.unwrap_or(HashPrefix::ALL)).await?;
    let first = listing.next_piece().await?;
    let mut answer = if *method == Method::HEAD {
        empty(StatusCode::OK)
    } else {
        let (sender, body) = Body::stream(None, node.limits.body_stall_timeout);
        tokio::spawn(send(listing, first, sender, permit));
        Answer::new(body)
    };
    answer
        .headers_mut()
        .insert(CONTENT_TYPE, HeaderValue::from_static("text/plain; charset=utf-8"));
    Ok(answer)
}

async fn send(mut listing: Listing, first: Option<Bytes>, sender: BodySender, mut permit: Permit) {
    let mut piece = first;
    while let Some(text) = piece {
        if sender.send(text, &mut permit).await.is_err() {
            return;
        }
        piece = match listing.next_piece().await {
            Ok(piece) => piece,
            Err(error) => {
                tracing::error!(
                    error = crate::mounts::sentence(&error),
                    "a listing broke off: it has no end mark"
                );
                return;
            }
        };
    }
    sender.finish();
}

struct Listing {
    prefix: HashPrefix,
    mounts: std::vec::IntoIter<Arc<Mount>>,
    current: Option<(Arc<Mount>, Box<dyn IndexCursor>)>,
    entries: std::vec::IntoIter<IndexEntry>,
    ended: bool,
}

impl Listing {
    async fn begin(mounts: Vec<Arc<Mount>>, prefix: HashPrefix) -> Result<Listing, VolumeError> {
        let mut listing = Listing {
            prefix,
            mounts: mounts.into_iter(),
            current: None,
            entries: Vec::new().into_iter(),
            ended: false,
        };
        listing.next_mount().await?;
        Ok(listing)
    }

    async fn next_mount(&mut self) -> Result<(), VolumeError> {
        self.current = match self.mounts.next() {
            None => None,
            Some(mount) => {
                let cursor = mount.volume.index(self.prefix).await?;
                Some((mount, cursor))
            }
        };
        Ok(())
    }

    /// The next lines; after the last one, the empty line; then `None`.
    async fn next_piece(&mut self) -> Result<Option<Bytes>, VolumeError> {
        if self.ended {
            return Ok(None);
        }
        let mut text = String::with_capacity(PIECE_BYTES);
        while text.len() + LINE_BYTES < PIECE_BYTES {
            if let Some(IndexEntry { hash, replica }) = self.entries.next() {
                writeln!(text, "{hash}+{} {}", replica.size, replica.mtime)
                    .expect("a String takes any text");
                continue;
            }
            let Some((mount, cursor)) = &mut self.current else {
                text.push('\n');
                self.ended = true;
                break;
            };
            match cursor.next().await? {
                Some(entries) => self.entries = entries.into_iter(),
                None => {
                    report_strange(mount, cursor.as_ref());
                    self.next_mount().await?;
                }
            }
        }
        Ok(Some(text.into()))
    }
}

fn report_strange(mount: &Mount, cursor: &dyn IndexCursor) {
    for strange in cursor.strange() {
        tracing::warn!(mount = %mount.uuid, place = strange.place, "not listed: {}", strange.why);
    }
}

/// `GET /mounts`.
pub(crate) fn mounts(node: &Node) -> Answer {
    let mounts: Vec<_> = node.mounts.iter().map(|mount| described(mount)).collect();
    json(StatusCode::OK, &mounts)
}

fn described(mount: &Mount) -> MountDescription {
    let on = mount.classes.iter().map(|class| (class.to_string(), true));
    let off = mount.classes_off.iter().map(|class| (class.to_string(), false));
    MountDescription {
        uuid: mount.uuid.to_string(),
        device_id: mount.volume.device_id().to_string(),
        allow_write: mount.access.allows_write(),
        allow_trash: mount.access.allows_trash(),
        replication: mount.replication.get(),
        storage_classes: on.chain(off).collect(),
        medium: mount.volume.medium().map(|medium| medium.to_string()),
    }
}
