//! Properties of locators, signatures and decisions, over texts and instants of all kinds.

use std::time::Duration;

use keep_rules::trash::{Verdict, decide};
use keep_rules::{
    Access, Locator, SignatureError, SigningKey, Timestamp, Token, remote_read, route_matches,
};
use proptest::prelude::*;

/// Locators as producers write them.
const LOCATOR: &str = "[0-9a-f]{32}(\\+[0-9]{1,10})?(\\+[B-QS-Z][A-Za-z0-9@_-]{0,12}){0,3}";
/// Texts that are nearly locators.
const NEARLY: &str = "[0-9a-f]{31,33}(\\+[AKRZa0-9@é-]{0,12}){0,5}";

fn token() -> impl Strategy<Value = Token> {
    "[ -~]{1,80}".prop_map(|text| Token::new(text).expect("not empty"))
}

fn key() -> impl Strategy<Value = SigningKey> {
    proptest::collection::vec(any::<u8>(), 1..100)
        .prop_map(|bytes| SigningKey::new(&bytes).expect("not empty"))
}

proptest! {
    #[test]
    fn a_locator_reads_what_it_writes(text in LOCATOR) {
        let locator: Locator = text.parse().unwrap();
        prop_assert_eq!(locator.as_str(), &text);
        prop_assert_eq!(locator.to_string(), text);
        prop_assert_eq!(locator.without_signature(), locator);
    }

    #[test]
    fn no_text_upsets_a_locator(text in prop_oneof![NEARLY, "\\PC{0,60}"]) {
        let routed = route_matches(&text);
        if let Ok(locator) = text.parse::<Locator>() {
            prop_assert!(routed);
            prop_assert!(!locator.without_signature().is_signed());
            prop_assert_eq!(locator.without_signature().hash(), locator.hash());
            let shown: Locator = locator.to_string().parse().unwrap();
            prop_assert!(!shown.is_signed() && !shown.is_remote());
            if let Ok(read) = remote_read(&locator) {
                prop_assert!(locator.is_remote() && read.locator.is_signed());
            }
        }
    }

    #[test]
    fn no_text_upsets_a_key(text in prop_oneof![NEARLY, "\\PC{0,100}"], key in key(), token in token()) {
        prop_assert!(key.verify(&text, &token, Timestamp::EPOCH, Duration::ZERO).is_err());
    }

    #[test]
    fn what_was_signed_verifies_until_it_expires(
        text in LOCATOR, key in key(), token in token(), expiry in 0..=u32::MAX, ttl in 0..u32::MAX, early in 0..1_000_000_u64,
    ) {
        let hash = text.parse::<Locator>().unwrap().hash();
        let (expiry, ttl) = (Timestamp::from_seconds(expiry.into()), Duration::from_secs(ttl.into()));
        let signed = key.sign(&text, hash, &token, expiry, ttl);
        prop_assert_eq!(key.verify(&signed, &token, expiry.before(Duration::from_secs(early)), ttl), Ok(()));
        prop_assert_eq!(key.verify(&signed, &token, expiry.after(Duration::from_nanos(1)), ttl), Err(SignatureError::Expired));
        let unsigned = signed.parse::<Locator>().unwrap().without_signature();
        prop_assert_eq!(unsigned.as_str(), text);
    }

    #[test]
    fn a_signature_is_good_for_its_token_ttl_and_hash_only(
        key in key(), other_key in key(), token in token(), other in token(), ttl in 1..u32::MAX, digit in 0..40_usize,
    ) {
        let (expiry, ttl) = (Timestamp::from_seconds(2_000_000_000), Duration::from_secs(ttl.into()));
        let (foo, bar) = ("acbd18db4cc2f85cedef654fccc4a4d8", "37b51d194a7513e45b56f6524f2d51f2");
        let signed = key.sign(foo, foo.parse().unwrap(), &token, expiry, ttl);
        let refused = Err(SignatureError::Invalid);
        if token != other {
            prop_assert_eq!(key.verify(&signed, &other, expiry, ttl), refused);
        }
        if other_key.sign(foo, foo.parse().unwrap(), &token, expiry, ttl) != signed {
            prop_assert_eq!(other_key.verify(&signed, &token, expiry, ttl), refused);
        }
        prop_assert_eq!(key.verify(&signed, &token, expiry, ttl + Duration::from_secs(1)), refused);
        prop_assert_eq!(key.verify(&signed.replace(foo, bar), &token, expiry, ttl), refused);
        let place = foo.len() + "+A".len() + digit;
        let flipped = if &signed[place..=place] == "0" { "1" } else { "0" };
        let mut forged = signed.clone();
        forged.replace_range(place..=place, flipped);
        prop_assert_eq!(key.verify(&forged, &token, expiry, ttl), refused);
    }

    #[test]
    fn only_unchanged_replicas_older_than_the_ttl_are_trashed(
        requested in any::<i64>(), stored in any::<i64>(), same in any::<bool>(), ttl in any::<u64>(), now in any::<i64>(),
    ) {
        let stored = if same { requested } else { stored };
        let verdict = decide(
            Timestamp::from_nanos(requested),
            Some(Timestamp::from_nanos(stored)),
            Access::ReadWrite,
            Duration::from_nanos(ttl),
            Timestamp::from_nanos(now),
        );
        // In 128 bits nothing overflows. An age beyond 292 years is cut, which can only keep a replica longer.
        let age = i128::from(now) - i128::from(stored);
        if verdict == Verdict::Trash {
            prop_assert!(stored == requested && age > i128::from(ttl));
        } else {
            prop_assert!(stored != requested || age <= i128::from(ttl) || age > i128::from(i64::MAX));
        }
    }
}
