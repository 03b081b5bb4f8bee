//! Signatures: may the bearer of this token read this block? (spec section 3)

use std::fmt;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use sha1::Sha1;

use crate::block::BlockHash;
use crate::hex;
use crate::time::Timestamp;
use crate::token::Token;

/// `Collections.BlobSigningKey`: whoever has it decides who may read.
///
/// Holds a keyed MAC that is cloned for each signature, not the key. `Debug` shows nothing of it.
///
/// # Examples
/// ```
/// use keep_rules::{BlockHash, SigningKey, Timestamp, Token};
/// use std::time::Duration;
///
/// let key = SigningKey::new(b"a secret of the cluster")?;
/// let token = Token::new("a token").unwrap();
/// let (now, ttl) = (Timestamp::from_seconds(1_800_000_000), Duration::from_secs(3600));
/// let signed = key.sign("d41d8cd98f00b204e9800998ecf8427e+0", BlockHash::EMPTY, &token, now.after(ttl), ttl);
/// assert_eq!(key.verify(&signed, &token, now, ttl), Ok(()));
/// # Ok::<(), keep_rules::signature::EmptyKey>(())
/// ```
#[derive(Clone)]
pub struct SigningKey {
    keyed: Hmac<Sha1>,
}

/// The empty key. It signs nothing (spec section 3.1).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a signing key must not be empty")]
pub struct EmptyKey;

/// Why a locator does not open a block. The texts are those of the protocol (spec section 2.3).
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum SignatureError {
    /// No signature, more than one, or not of the strict form. Status 400.
    #[error("invalid signature")]
    Missing,
    /// The expiry has passed. Status 401. Said before the signature is checked, so it says nothing about it.
    #[error("expired signature")]
    Expired,
    /// Not what this key makes for this hash, token, expiry and TTL. Status 400.
    #[error("invalid signature")]
    Invalid,
}

impl SigningKey {
    /// Takes the bytes of the key.
    ///
    /// # Errors
    /// [`EmptyKey`] if there are none.
    pub fn new(key: &[u8]) -> Result<Self, EmptyKey> {
        if key.is_empty() {
            return Err(EmptyKey);
        }
        Ok(SigningKey { keyed: Hmac::new_from_slice(key).expect("HMAC takes a key of any length") })
    }

    /// Appends to `locator` the signature that lets the bearer of `token` read `hash` until `expiry` (spec section 3.1).
    ///
    /// Fractions of a second are dropped from `expiry` and `ttl`. An expiry after the year 2106 becomes the last one that eight hex
    /// digits express. To promise no more than the volume keeps, count `expiry` from an instant no later than the replica's mtime.
    pub fn sign(
        &self,
        locator: &str,
        hash: BlockHash,
        token: &Token,
        expiry: Timestamp,
        ttl: Duration,
    ) -> String {
        let seconds = expiry.as_seconds().clamp(0, i64::from(u32::MAX));
        let expiry = format!("{seconds:08x}");
        let mac = self.mac(&hash.to_hex(), token, &expiry, ttl).finalize().into_bytes();
        let mut signed = format!("{locator}+A");
        hex::push(&mut signed, &mac);
        signed.push('@');
        signed.push_str(&expiry);
        signed
    }

    /// Whether `locator` lets the bearer of `token` read its block now (spec section 3.2). The signature is compared in constant time.
    ///
    /// # Errors
    /// The first that applies, in the order of [`SignatureError`].
    pub fn verify(
        &self,
        locator: &str,
        token: &Token,
        now: Timestamp,
        ttl: Duration,
    ) -> Result<(), SignatureError> {
        let signed = Signed::parse(locator).ok_or(SignatureError::Missing)?;
        if Timestamp::from_seconds(signed.expiry_seconds()) < now {
            return Err(SignatureError::Expired);
        }
        let presented = signed.mac_bytes().ok_or(SignatureError::Invalid)?;
        let expected = self.mac(signed.hash.as_bytes(), token, signed.expiry, ttl);
        expected.verify_slice(&presented).or(Err(SignatureError::Invalid))
    }

    fn mac(&self, hash: &[u8], token: &Token, expiry: &str, ttl: Duration) -> Hmac<Sha1> {
        let mut mac = self.keyed.clone();
        mac.update(hash);
        mac.update(b"@");
        mac.update(token.as_str().as_bytes());
        mac.update(b"@");
        mac.update(expiry.as_bytes());
        mac.update(format!("@{:x}", ttl.as_secs()).as_bytes());
        mac
    }
}

impl fmt::Debug for SigningKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SigningKey(…)")
    }
}

/// The pieces of a locator that has the strict form of spec section 3.2, as texts: their case matters to the MAC.
struct Signed<'a> {
    hash: &'a str,
    mac: &'a str,
    expiry: &'a str,
}

impl<'a> Signed<'a> {
    fn parse(locator: &'a str) -> Option<Self> {
        let mut parts = locator.split('+').peekable();
        let hash = parts.next().filter(|hash| is_hex(hash, 32))?;
        parts.next_if(|part| !part.is_empty() && part.bytes().all(|byte| byte.is_ascii_digit()));
        let mut found = None;
        for hint in parts {
            match hint.strip_prefix('A') {
                Some(signature) if found.is_none() => found = Some(signature.split_once('@')?),
                None if is_strict_hint(hint) => {}
                Some(_) | None => return None,
            }
        }
        let (mac, expiry) = found?;
        (is_hex(mac, 40) && is_hex(expiry, 8)).then_some(Signed { hash, mac, expiry })
    }

    fn expiry_seconds(&self) -> i64 {
        i64::from_str_radix(self.expiry, 16).expect("eight hex digits fit")
    }

    /// `None` if there is an upper-case digit: the protocol compares texts.
    fn mac_bytes(&self) -> Option<[u8; 20]> {
        hex::read(self.mac.as_bytes())
    }
}

fn is_hex(text: &str, len: usize) -> bool {
    text.len() == len && text.bytes().all(|byte| byte.is_ascii_hexdigit())
}

fn is_strict_hint(hint: &str) -> bool {
    hint.starts_with(|first| matches!(first, 'B'..='Z'))
        && hint
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'@' | b'_' | b'-'))
}

#[cfg(test)]
mod tests {
    use super::*;

    const FOO: &str = "acbd18db4cc2f85cedef654fccc4a4d8";
    const NOW: Timestamp = Timestamp::from_seconds(1_800_000_000);
    const TTL: Duration = Duration::from_secs(1_209_600);

    fn key() -> SigningKey {
        SigningKey::new(b"a key").unwrap()
    }

    fn token() -> Token {
        Token::new("a token").unwrap()
    }

    fn sign(locator: &str, expiry: Timestamp) -> String {
        key().sign(locator, FOO.parse().unwrap(), &token(), expiry, TTL)
    }

    /// Checks `before`, a good signature, and `after`, put together.
    #[track_caller]
    fn check(before: &str, after: &str, expected: Result<(), SignatureError>) {
        let signed = sign(before, NOW) + after;
        assert_eq!(key().verify(&signed, &token(), NOW, TTL), expected, "{signed}");
    }

    #[test]
    fn hints_of_the_strict_form_may_stand_around_a_signature() {
        for (before, after) in
            [("", ""), ("+3", "+Zfoo"), ("+3+K@xyzzy", ""), ("+Rzzzzz-a_b", "+Z"), ("+00", "+Z+Y")]
        {
            check(&format!("{FOO}{before}"), after, Ok(()));
        }
    }

    #[test]
    fn other_forms_carry_no_signature() {
        for (before, after) in [
            ("+3", "0"),
            ("+3+z", ""),
            ("+-3", ""),
            ("+3", "+Zé"),
            ("+3", "+"),
            ("+", ""),
            ("+3", "+A"),
            ("+3", "+3"),
        ] {
            check(&format!("{FOO}{before}"), after, Err(SignatureError::Missing));
        }
        check("", "", Err(SignatureError::Missing));
        check(&FOO[1..], "", Err(SignatureError::Missing));
    }

    #[test]
    fn a_second_signature_spoils_the_first() {
        let twice = sign(&sign(&format!("{FOO}+3"), NOW), NOW);
        assert_eq!(key().verify(&twice, &token(), NOW, TTL), Err(SignatureError::Missing));
    }

    #[test]
    fn the_hash_is_signed_as_it_is_written() {
        check(&format!("{}+3", FOO.to_uppercase()), "", Err(SignatureError::Invalid));
    }

    #[test]
    fn a_signature_ends_after_its_last_second_began() {
        let signed = sign(FOO, NOW);
        assert_eq!(key().verify(&signed, &token(), NOW, TTL), Ok(()));
        let later = NOW.after(Duration::from_nanos(1));
        assert_eq!(key().verify(&signed, &token(), later, TTL), Err(SignatureError::Expired));
    }

    #[test]
    fn expiry_is_said_before_the_signature_is_looked_at() {
        let forged = format!("{FOO}+A{}@00000001", "0".repeat(40));
        assert_eq!(key().verify(&forged, &token(), NOW, TTL), Err(SignatureError::Expired));
    }

    #[test]
    fn expiries_that_eight_digits_cannot_express_become_the_nearest() {
        assert!(sign(FOO, Timestamp::from_nanos(i64::MAX)).ends_with("@ffffffff"));
        assert!(sign(FOO, Timestamp::from_seconds(-1)).ends_with("@00000000"));
    }

    #[test]
    fn fractions_of_a_second_are_dropped() {
        let hash = FOO.parse().unwrap();
        let (ttl, longer) = (Duration::from_secs(1), Duration::from_millis(1_999));
        let expiry = NOW.after(Duration::from_millis(999));
        assert_eq!(
            key().sign(FOO, hash, &token(), expiry, longer),
            key().sign(FOO, hash, &token(), NOW, ttl)
        );
    }

    #[test]
    fn keys_are_not_empty_and_do_not_show() {
        assert_eq!(SigningKey::new(b"").unwrap_err(), EmptyKey);
        assert_eq!(format!("{:?}", key()), "SigningKey(…)");
    }
}
