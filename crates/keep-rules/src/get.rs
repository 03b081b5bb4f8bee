//! May this request read a block, and where is the block to be had? (spec sections 2.3, 2.4)

use std::time::Duration;

use crate::locator::Locator;
use crate::remote::{BadRemoteHint, RemoteRead, remote_read};
use crate::signature::{SignatureError, SigningKey};
use crate::time::Timestamp;
use crate::token::Token;

/// How a block is asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ReadMethod {
    /// The data.
    Get,
    /// Whether it is there and right.
    Head,
}

/// `Collections.BlobSigning`: whether reading local blocks needs a signature.
#[derive(Clone, Copy, Debug)]
pub enum Signing<'a> {
    /// It does, one made with this key and TTL.
    Required {
        /// `Collections.BlobSigningKey`.
        key: &'a SigningKey,
        /// `Collections.BlobSigningTTL`.
        ttl: Duration,
    },
    /// Anybody may read.
    Off,
}

/// Where an admitted read goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Admission {
    /// To this node's mounts.
    Local,
    /// To another cluster.
    Remote(RemoteRead),
}

/// Why a read is refused. The texts are those of the protocol (spec section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ReadRefusal {
    /// A GET without a usable size: damage could not be reported once data flows. Status 405.
    #[error("method not allowed")]
    NoSize,
    /// No token. Status 401.
    #[error("no token provided in Authorization header")]
    NoToken,
    /// The signature does not open the block. Status 401 if expired, else 400.
    #[error(transparent)]
    Signature(#[from] SignatureError),
    /// The locator wants another cluster, but does not say which. Status 400.
    #[error(transparent)]
    RemoteHint(#[from] BadRemoteHint),
}

/// Decides on a read, `token` being the first that the request carries. No volume need be touched before.
///
/// A GET with a negative size, which the reference server streams unverified if signing is off, is refused for want of a size.
///
/// # Errors
/// The first that applies, in the order of spec section 2.3.
pub fn read_access(
    method: ReadMethod,
    locator: &Locator,
    token: Option<&Token>,
    signing: Signing<'_>,
    now: Timestamp,
) -> Result<Admission, ReadRefusal> {
    if method == ReadMethod::Get && locator.declared_size() == 0 && locator.size().is_none() {
        return Err(ReadRefusal::NoSize);
    }
    if locator.is_remote() && !locator.is_signed() {
        token.ok_or(ReadRefusal::NoToken)?;
        return Ok(Admission::Remote(remote_read(locator)?));
    }
    if let Signing::Required { key, ttl } = signing {
        let token = token.ok_or(ReadRefusal::NoToken)?;
        key.verify(locator.as_str(), token, now, ttl)?;
    }
    if method == ReadMethod::Get && locator.size().is_none() {
        return Err(ReadRefusal::NoSize);
    }
    Ok(Admission::Local)
}

/// Whether the value of `X-Keep-Signature` asks to store a remote block here and to sign it (spec section 2.4, step 6).
pub fn wants_local_copy(keep_signature: &str) -> bool {
    keep_signature.split(',').next() == Some("local")
}
