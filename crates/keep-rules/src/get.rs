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

#[cfg(test)]
mod tests {
    use super::*;

    const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";
    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const TTL: Duration = Duration::from_secs(10);

    #[derive(Clone, Copy)]
    enum Shown {
        NoToken,
        AToken,
    }
    use ReadMethod::{Get, Head};
    use Shown::{AToken, NoToken};

    fn ask(method: ReadMethod, locator: &str, shown: Shown, signing: Signing<'_>) -> String {
        let token = match shown {
            NoToken => None,
            AToken => Token::new("a token"),
        };
        match read_access(method, &locator.parse().unwrap(), token.as_ref(), signing, NOW) {
            Ok(Admission::Local) => "local".to_owned(),
            Ok(Admission::Remote(read)) => format!("{} {}", read.cluster, read.locator.as_str()),
            Err(refusal) => refusal.to_string(),
        }
    }

    #[track_caller]
    fn check_signed(method: ReadMethod, hints: &str, shown: Shown, expected: &str) {
        let key = SigningKey::new(b"a key").unwrap();
        let signing = Signing::Required { key: &key, ttl: TTL };
        assert_eq!(ask(method, &format!("{FOO}{hints}"), shown, signing), expected, "{hints}");
    }

    #[track_caller]
    fn check_unsigned(method: ReadMethod, hints: &str, shown: Shown, expected: &str) {
        assert_eq!(ask(method, &format!("{FOO}{hints}"), shown, Signing::Off), expected, "{hints}");
    }

    const NO_TOKEN: &str = "no token provided in Authorization header";

    #[test]
    fn a_get_needs_a_size_before_anything_else() {
        check_signed(Get, "", NoToken, "method not allowed");
        check_signed(Get, "+0", AToken, "method not allowed");
        check_signed(Get, "+Rzzzzz-1", NoToken, "method not allowed");
        check_unsigned(Get, "+3x", NoToken, "method not allowed");
    }

    #[test]
    fn a_head_needs_no_size() {
        check_unsigned(Head, "", NoToken, "local");
        check_signed(Head, "", NoToken, NO_TOKEN);
        check_signed(Head, "", AToken, "invalid signature");
    }

    #[test]
    fn a_negative_size_is_refused_as_late_as_the_reference_does_if_signing_is_on() {
        check_signed(Get, "+-3", NoToken, NO_TOKEN);
        check_signed(Get, "+-3", AToken, "invalid signature");
        check_unsigned(Get, "+-3", AToken, "method not allowed");
        check_unsigned(Head, "+-3", AToken, "local");
    }

    #[test]
    fn without_signing_anybody_reads() {
        check_unsigned(Get, "+3", NoToken, "local");
        check_unsigned(Get, "+3+Anonsense", AToken, "local");
    }

    #[test]
    fn with_signing_a_token_and_a_signature_are_needed() {
        check_signed(Get, "+3", NoToken, NO_TOKEN);
        check_signed(Get, "+3", AToken, "invalid signature");
        check_signed(Get, &format!("+3+A{}@00000001", "0".repeat(40)), AToken, "expired signature");
    }

    #[test]
    fn the_right_signature_opens_the_block() {
        let key = SigningKey::new(b"a key").unwrap();
        let token = Token::new("a token").unwrap();
        let signed =
            key.sign(&format!("{FOO}+3"), FOO.parse().unwrap(), &token, NOW.after(TTL), TTL);
        check_signed(Get, signed.strip_prefix(FOO).unwrap(), AToken, "local");
    }

    #[test]
    fn remote_reads_need_a_token_whether_signing_is_on_or_off() {
        check_unsigned(Get, "+3+Rzzzzz-1@2", NoToken, NO_TOKEN);
        check_unsigned(Get, "+3+Rzzzzz-1@2", AToken, &format!("zzzzz {FOO}+3+A1@2"));
        check_signed(Head, "+Rzzzzz-1@2", AToken, &format!("zzzzz {FOO}+A1@2"));
        check_signed(Get, "+3+R", AToken, "invalid remote hint");
    }

    #[test]
    fn a_locator_with_both_signatures_is_local() {
        check_unsigned(Get, "+3+Rzzzzz-1+A2", NoToken, "local");
        check_signed(Get, "+3+Rzzzzz-1+A2", AToken, "invalid signature");
    }

    #[test]
    fn a_local_copy_is_asked_for_with_the_word_local() {
        for (header, expected) in [
            ("local", true),
            ("local, time=2026-01-02T03:04:05Z", true),
            ("", false),
            (" local", false),
            ("locally", false),
        ] {
            assert_eq!(wants_local_copy(header), expected, "{header:?}");
        }
    }
}
