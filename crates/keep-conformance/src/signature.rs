//! Blob signatures and salted tokens, from spec section 3 alone.
//!
//! Written apart from `keep-rules` on purpose: a mistake there must not be mirrored here.

use std::fmt::Write;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::secret::Secret;

/// The token text that pulls are signed for (spec section 5.3).
pub(crate) const PULL_TOKEN: &str = "keepstore-token-used-for-pulling-data-from-same-cluster";

/// A cluster's key, and the TTL that is part of what is signed.
#[derive(Clone, Debug)]
pub(crate) struct SigningKey {
    pub(crate) key: Secret,
    pub(crate) ttl: Duration,
}

impl SigningKey {
    /// The `A…` hint that lets `token` read `hash` until `expiry` (Unix seconds).
    pub(crate) fn hint(&self, hash: &str, token: &str, expiry: u64) -> String {
        let message = format!("{hash}@{token}@{expiry:08x}@{:x}", self.ttl.as_secs());
        format!("A{}@{expiry:08x}", hmac_hex(self.key.expose(), &message))
    }

    /// Whether `hint` is an `A…` hint of this key for `token`, good for about a TTL from `now` on.
    pub(crate) fn vouches(
        &self,
        hint: &str,
        hash: &str,
        token: &str,
        now: SystemTime,
    ) -> Result<(), String> {
        let expiry =
            hint.rsplit_once('@').and_then(|(_, digits)| u64::from_str_radix(digits, 16).ok());
        let expiry = expiry.ok_or_else(|| "the signature has no expiry".to_owned())?;
        if hint != self.hint(hash, token, expiry) {
            return Err("the signature is not the one for this token".to_owned());
        }
        let promised = (unix_seconds(now) + self.ttl.as_secs()).abs_diff(expiry);
        if promised > EXPIRY_SLACK_SECONDS {
            return Err(format!("the expiry is {promised} s from now + TTL"));
        }
        Ok(())
    }
}

const EXPIRY_SLACK_SECONDS: u64 = 60; // a slow exchange, or a clock a little off

/// The token for another cluster (spec section 3.4), for a v2 token of ours whose secret is not 40 characters.
pub(crate) fn salted(token: &str, remote: &str) -> Option<String> {
    let mut parts = token.splitn(3, '/');
    let (Some("v2"), Some(uuid), Some(secret)) = (parts.next(), parts.next(), parts.next()) else {
        return None;
    };
    Some(format!("v2/{uuid}/{}", hmac_hex(secret, remote)))
}

pub(crate) fn unix_seconds(time: SystemTime) -> u64 {
    time.duration_since(UNIX_EPOCH).unwrap_or_default().as_secs()
}

fn hmac_hex(key: &str, message: &str) -> String {
    let mut mac =
        Hmac::<Sha1>::new_from_slice(key.as_bytes()).expect("HMAC takes a key of any length");
    mac.update(message.as_bytes());
    let mut text = String::with_capacity(40);
    for byte in mac.finalize().into_bytes() {
        write!(text, "{byte:02x}").expect("a String takes every text");
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    const K2: &str = "zfhgfenhffzltr9dixws36j1yhksjoll2grmku38mi7yxd66h5j4q9w4jzanezacp8s6q0ro3hxakfye02152hncy6zml2ed0uc";
    const T2: &str =
        "v2/zzzzz-gj3su-077z32aux8dg2s1/3kg6k6lzmp9kj5cpkcoxie963cmvjahbt2fod9zru30k1jqdmi";
    const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";

    #[test]
    fn signatures_of_the_specification() {
        let ten = SigningKey { key: Secret::new(K2), ttl: Duration::from_secs(10) };
        assert_eq!(
            ten.hint(FOO, T2, 0x6b0403fa),
            "A5b911dc9498257f580168ec88a8f919f557873bc@6b0403fa"
        );
        let bar = "37b51d194a7513e45b56f6524f2d51f2";
        assert_eq!(
            ten.hint(bar, PULL_TOKEN, 0x6b040494),
            "Ae0508470759793f261d4d8b055044955bfcac9fe@6b040494"
        );
        let weeks = SigningKey { ttl: Duration::from_secs(1_209_600), ..ten };
        assert_eq!(
            weeks.hint(FOO, T2, 0x70000000),
            "Ae1dccae40a78b97beb3ae55c55a440c53af5c45d@70000000"
        );
        assert!(weeks.hint(bar, T2, 255).ends_with("@000000ff"));
    }

    #[test]
    fn a_salted_token_of_the_specification() {
        let expected = "v2/zzzzz-gj3su-077z32aux8dg2s1/cc6a529e5f8f26732d000ecb9f4fc803d7e6a6eb";
        assert_eq!(salted(T2, "z0000").as_deref(), Some(expected));
        assert_eq!(salted("secret", "z0000"), None);
    }

    #[test]
    fn a_signature_must_be_ours_and_last_a_ttl() {
        let key = SigningKey { key: Secret::new(K2), ttl: Duration::from_secs(3600) };
        let now = UNIX_EPOCH + Duration::from_secs(1_700_000_000);
        let good = key.hint(FOO, T2, 1_700_003_600);
        assert_eq!(key.vouches(&good, FOO, T2, now), Ok(()));
        assert!(key.vouches(&good, FOO, "another token", now).is_err());
        assert!(key.vouches(&key.hint(FOO, T2, 1_700_000_000), FOO, T2, now).is_err());
        assert!(key.vouches("Agarbage", FOO, T2, now).is_err());
    }
}
