use http::Method;
use http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use keep_rules::{BlockHash, Locator};
use reqwest::Response;

use super::{BlockData, Body, ClientError, KeepClient, answer};
use crate::paths;

/// The longest answer to a PUT: a locator with its hints. As the Go client reads (spec section 10).
const LOCATOR_MAX: usize = 4096;

/// What a PUT says about the block it sends.
#[derive(Clone, Copy, Debug)]
pub struct PutBlock<'a> {
    /// The MD5 of the data.
    pub hash: BlockHash,
    /// The length of the data in bytes.
    pub size: u64,
    /// The storage classes that should hold it; none: wherever it fits best.
    pub classes: &'a [String],
    /// Mounts that are not to be written, by their UUIDs: another copy is wanted. A plain keepstore does not know of it.
    pub not_on: &'a [String],
}

/// What a node answered to a PUT.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Stored {
    /// The locator to read the block with: signed, if the node signs and a token was shown.
    pub locator: Locator,
    /// How many replicas the node stored or confirmed. 1 if the answer does not say (spec section 10).
    pub replicas: u64,
    /// Replicas by storage class, as the answer gives them; empty if it does not say.
    pub classes: Vec<(String, u64)>,
    /// The mounts that have them, by their UUIDs; empty if the answer does not say, as that of a plain keepstore.
    pub on: Vec<String>,
}

impl KeepClient {
    /// Stores a block. `data` may be a stream; the node refuses data that do not hash to `block.hash`.
    ///
    /// # Errors
    /// [`ClientError::Refused`] with 507 if there is no room, 503 if no volume worked, 413 if it is too long.
    ///
    /// # Cancel safety
    /// Dropping the future may leave the block stored or not.
    pub async fn put_block(
        &self,
        block: PutBlock<'_>,
        data: impl Into<Body>,
    ) -> Result<Stored, ClientError> {
        let mut request = self
            .request(Method::PUT, &paths::block(&block.hash.to_string()))
            .header(CONTENT_TYPE, "application/octet-stream")
            .header(CONTENT_LENGTH, block.size)
            .body(data);
        if !block.classes.is_empty() {
            request = request.header("X-Keep-Storage-Classes", block.classes.join(", "));
        }
        if !block.not_on.is_empty() {
            request = request.header("X-Donjon-Not-On", block.not_on.join(", "));
        }
        let response = self.upload(request).await?;
        let on = header(&response, "X-Donjon-Stored-On").map(uuids).unwrap_or_default();
        let replicas = header(&response, "X-Keep-Replicas-Stored")
            .and_then(|text| text.parse().ok())
            .unwrap_or(1);
        let classes =
            header(&response, "X-Keep-Storage-Classes-Confirmed").map(classes).unwrap_or_default();
        let body =
            answer::whole(response, self.silence_max, "answer to a PUT", LOCATOR_MAX).await?;
        Ok(Stored { locator: locator_in(&body, block.hash)?, replicas, classes, on })
    }

    /// Reads a block. The locator must have a size hint, and a signature if the node wants one.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] if the node has no such block; [`ClientError::Refused`] with 400 or 401 if the
    /// signature or token will not do, 502 if the node knows that its copy is damaged.
    pub async fn get_block(&self, locator: &Locator) -> Result<BlockData, ClientError> {
        let response = self.ask(Method::GET, &paths::block(locator.as_str())).await?;
        Ok(BlockData::new(response, locator.hash(), locator.size(), self.silence_max))
    }

    /// Has the node read and check a block. Says its length in bytes.
    ///
    /// # Errors
    /// As [`KeepClient::get_block`].
    pub async fn head_block(&self, locator: &Locator) -> Result<u64, ClientError> {
        let response = self.ask(Method::HEAD, &paths::block(locator.as_str())).await?;
        header(&response, CONTENT_LENGTH.as_str()).and_then(|text| text.parse().ok()).ok_or_else(
            || ClientError::Malformed {
                what: "answer to a HEAD",
                detail: "it has no Content-Length".to_owned(),
            },
        )
    }

    /// Makes a replica of the block young again. Needs the admin token.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] if no writable mount has the block.
    pub async fn touch_block(&self, locator: &Locator) -> Result<(), ClientError> {
        let touch = Method::from_bytes(b"TOUCH").expect("TOUCH is a method name");
        self.ask(touch, &paths::block(locator.as_str())).await.map(drop)
    }

    /// Trashes every replica that is old enough. Needs the admin token. A block that is too young stays, and that is
    /// no error (spec section 2.6).
    ///
    /// # Errors
    /// [`ClientError::NotFound`] if no mount has the block; [`ClientError::Refused`] with 405 if the node trashes nothing.
    pub async fn trash_block(&self, locator: &Locator) -> Result<(), ClientError> {
        self.ask(Method::DELETE, &paths::block(locator.as_str())).await.map(drop)
    }

    /// Recovers a trashed block. Needs the admin token.
    ///
    /// # Errors
    /// [`ClientError::NotFound`] if no mount has it in its trash.
    pub async fn untrash_block(&self, locator: &Locator) -> Result<(), ClientError> {
        self.upload(self.request(Method::PUT, &paths::untrash(locator.as_str()))).await.map(drop)
    }
}

fn header<'a>(response: &'a Response, name: &str) -> Option<&'a str> {
    response.headers().get(name).and_then(|value| value.to_str().ok())
}

/// `c1=n1, c2=n2`. Entries of any other form are left out, as clients do (spec section 10).
fn uuids(text: &str) -> Vec<String> {
    let named = text.split(',').map(str::trim).filter(|uuid| !uuid.is_empty());
    named.map(str::to_owned).collect()
}

fn classes(text: &str) -> Vec<(String, u64)> {
    let entry = |entry: &str| {
        let (class, count) = entry.trim().split_once('=')?;
        Some((class.to_owned(), count.parse().ok()?))
    };
    text.split(',').filter_map(entry).collect()
}

fn locator_in(body: &[u8], hash: BlockHash) -> Result<Locator, ClientError> {
    let text = String::from_utf8_lossy(body);
    match text.trim().parse::<Locator>() {
        Ok(locator) if locator.hash() == hash => Ok(locator),
        Ok(_) | Err(_) => Err(ClientError::Malformed {
            what: "answer to a PUT",
            detail: format!("it does not name block {hash}, which was sent"),
        }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";

    #[test]
    fn confirmed_classes_are_read_as_they_come() {
        assert_eq!(classes("default=1, foo=2"), [("default".to_owned(), 1), ("foo".to_owned(), 2)]);
        assert_eq!(classes("default, =, foo=x"), []);
    }

    #[test]
    fn an_answer_must_name_the_block_that_was_sent() {
        let hash: BlockHash = FOO.parse().unwrap();
        assert_eq!(
            locator_in(format!("{FOO}+3\n").as_bytes(), hash).unwrap().as_str(),
            format!("{FOO}+3")
        );
        assert!(locator_in(b"37b51d194a7513e45b56f6524f2d51f2+3\n", hash).is_err());
        assert!(locator_in(b"<html>", hash).is_err());
    }
}
