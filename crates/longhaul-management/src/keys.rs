//! The keys that open the API, and what a request presents.

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use http::HeaderMap;
use http::header::AUTHORIZATION;
use sha2::{Digest as _, Sha256};
use subtle::{Choice, ConstantTimeEq as _};

use crate::parameters::Parameters;

/// The keys. Two may be valid at the same time, so that one can be replaced without a gap. None are shown, not even by
/// `Debug`.
#[derive(Clone, Default)]
pub struct Keys(Vec<Key>);

/// A key, prepared for what is done with it.
#[derive(Clone)]
struct Key {
    digest: [u8; 32],
    /// What keys for purposes are derived with.
    derivation: Hmac<Sha256>,
}

impl Keys {
    /// The keys that are not empty. The first of them signs.
    pub fn new<'a>(keys: impl IntoIterator<Item = &'a str>) -> Self {
        Self(keys.into_iter().filter(|key| !key.is_empty()).map(Key::new).collect())
    }

    /// Whether there are none, and the API is closed.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Whether `presented` is one of the keys. How long that takes does not depend on how much of it is right.
    pub fn has(&self, presented: &str) -> bool {
        let presented: [u8; 32] = Sha256::digest(presented).into();
        let equal = |key: &Key| key.digest.as_slice().ct_eq(&presented);
        self.0.iter().map(equal).fold(Choice::from(0), |any, equal| any | equal).into()
    }

    /// The signature of `parts` for a purpose, under the first key. None: there is no key.
    pub(crate) fn sign(&self, purpose: &str, parts: &[&str]) -> Option<Vec<u8>> {
        Some(self.0.first()?.mac(purpose, parts).finalize().into_bytes().to_vec())
    }

    /// Whether `signature` is that of `parts` for a purpose, under one of the keys.
    pub(crate) fn verify(&self, purpose: &str, parts: &[&str], signature: &[u8]) -> bool {
        // Compared in constant time by the library.
        self.0.iter().any(|key| key.mac(purpose, parts).verify_slice(signature).is_ok())
    }
}

impl fmt::Debug for Keys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Keys({} hidden)", self.0.len())
    }
}

impl Key {
    fn new(key: &str) -> Self {
        let mut derivation = hmac(key.as_bytes());
        derivation.update(b"longhaul management: ");
        Self { digest: Sha256::digest(key).into(), derivation }
    }

    /// HMAC-SHA-256 under a key that is derived for the purpose, so that a signature for one says nothing about another's.
    fn mac(&self, purpose: &str, parts: &[&str]) -> Hmac<Sha256> {
        let mut derived = self.derivation.clone();
        derived.update(purpose.as_bytes());
        let mut mac = hmac(&derived.finalize().into_bytes());
        for part in parts {
            // With their lengths, so that no two lists of parts are signed alike.
            mac.update(&(part.len() as u64).to_le_bytes());
            mac.update(part.as_bytes());
        }
        mac
    }
}

fn hmac(key: &[u8]) -> Hmac<Sha256> {
    Hmac::new_from_slice(key).expect("HMAC takes keys of any length")
}

/// What a request presents as keys: the parameter `code`, the header `x-functions-key`, and `Authorization` with
/// `Bearer`, or with `Basic`, whose password it is.
pub(crate) fn presented(headers: &HeaderMap, parameters: &Parameters) -> Vec<String> {
    let texts = |name| headers.get_all(name).into_iter().filter_map(|value| value.to_str().ok());
    let authorizations = texts(AUTHORIZATION.as_str()).filter_map(|text| {
        let (scheme, credentials) = text.trim().split_once(' ')?;
        match credentials.trim() {
            token if scheme.eq_ignore_ascii_case("bearer") => Some(token.to_owned()),
            pair if scheme.eq_ignore_ascii_case("basic") => {
                let pair = String::from_utf8(BASE64_STANDARD.decode(pair).ok()?).ok()?;
                Some(pair.split_once(':')?.1.to_owned())
            }
            _ => None,
        }
    });
    let codes = parameters.all("code").map(str::to_owned);
    let keys = texts("x-functions-key").map(str::to_owned);
    codes.chain(keys).chain(authorizations).filter(|key| !key.is_empty()).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_key_opens_and_nothing_else_does() {
        let keys = Keys::new(["first", "", "second"]);
        for (presented, expected) in [
            ("first", true),
            ("second", true),
            ("", false),
            ("firs", false),
            ("first ", false),
            ("First", false),
        ] {
            assert_eq!(keys.has(presented), expected, "{presented:?}");
        }
        assert_eq!(format!("{keys:?}"), "Keys(2 hidden)");
        assert!(Keys::new(["", ""]).is_empty());
    }

    #[test]
    fn a_signature_holds_for_its_purpose_its_parts_and_its_key() {
        let keys = Keys::new(["first"]);
        let signature = keys.sign("links", &["a", "bc"]).unwrap();
        let rotated = Keys::new(["second", "first"]);
        assert!(keys.verify("links", &["a", "bc"], &signature));
        assert!(rotated.verify("links", &["a", "bc"], &signature));
        assert_ne!(rotated.sign("links", &["a", "bc"]), Some(signature.clone()));
        for (keys, purpose, parts) in [
            (&keys, "tokens", &["a", "bc"][..]),
            (&keys, "links", &["ab", "c"]),
            (&keys, "links", &["a"]),
            (&Keys::new(["second"]), "links", &["a", "bc"]),
        ] {
            assert!(!keys.verify(purpose, parts, &signature), "{purpose} {parts:?}");
        }
        assert_eq!(Keys::default().sign("links", &[]), None);
    }

    #[test]
    fn keys_are_presented_in_four_ways() {
        let presents = |query: &str, headers: &[(&str, &str)]| {
            let mut request = http::Request::builder().uri(format!("/?{query}"));
            for (name, value) in headers {
                request = request.header(*name, *value);
            }
            let head = request.body(()).unwrap().into_parts().0;
            presented(&head.headers, &Parameters::of(&head.uri)).join(" ")
        };
        let basic = |text: &str| format!("Basic {}", BASE64_STANDARD.encode(text));
        for (query, header, expected) in [
            ("code=a%2Bb", None, "a+b"),
            ("", Some(("x-functions-key", "k".to_owned())), "k"),
            ("", Some(("authorization", "Bearer t".to_owned())), "t"),
            ("", Some(("authorization", "bearer  t".to_owned())), "t"),
            ("", Some(("authorization", basic("longhaul:a:b"))), "a:b"),
            ("code=c", Some(("authorization", basic(":k"))), "c k"),
            ("code=", Some(("authorization", "Basic ?".to_owned())), ""),
            ("", Some(("authorization", basic("nothing"))), ""),
            ("", Some(("authorization", "Digest x".to_owned())), ""),
        ] {
            let headers: Vec<_> = header.iter().map(|(name, value)| (*name, value.as_str())).collect();
            assert_eq!(presents(query, &headers), expected, "{query} {header:?}");
        }
    }
}
