//! Keys that make a submission repeatable.
//!
//! A client that does not know whether its submission arrived repeats it with the same `Idempotency-Key`. The key
//! decides the instance id, so the repetition finds the first submission's instance instead of starting another.

use http::header::{HeaderMap, HeaderName};
use sha2::{Digest, Sha256};

const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// The longest key in bytes.
pub const MAX_KEY_LENGTH: usize = 255;

/// Sets these hashes apart from any others over the same text. Instance ids depend on it: never change it.
const DOMAIN: &[u8] = b"longhaul/async-query/idempotency-key/1";

/// A key chosen by a client: 1 to 255 visible ASCII characters, taken as they are. Quotes belong to the key.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub struct IdempotencyKey(String);

impl IdempotencyKey {
    /// The key of a request, if it has one.
    pub fn of_request(headers: &HeaderMap) -> Result<Option<Self>, InvalidKey> {
        let mut lines = headers.get_all(IDEMPOTENCY_KEY).iter();
        let Some(line) = lines.next() else { return Ok(None) };
        if lines.next().is_some() {
            return Err(InvalidKey);
        }
        line.to_str().map_err(|_| InvalidKey)?.parse().map(Some)
    }

    /// The key as the client wrote it.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The id of the instance of `function` that this key stands for: 32 lower-case hexadecimal digits.
    ///
    /// They are the first 16 bytes of SHA-256 over a domain, the function and the key, each behind its length as 8
    /// bytes big-endian, so that no two pairs of function and key are hashed alike.
    pub fn instance_id(&self, function: &str) -> String {
        let mut hash = Sha256::new();
        for part in [DOMAIN, function.as_bytes(), self.0.as_bytes()] {
            hash.update((part.len() as u64).to_be_bytes());
            hash.update(part);
        }
        hex::encode(&hash.finalize()[..16])
    }
}

impl std::str::FromStr for IdempotencyKey {
    type Err = InvalidKey;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let is_key = (1..=MAX_KEY_LENGTH).contains(&text.len()) && text.bytes().all(|b| b.is_ascii_graphic());
        if is_key { Ok(Self(text.to_owned())) } else { Err(InvalidKey) }
    }
}

/// The `Idempotency-Key` cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("Invalid Idempotency-Key header: send it once, with 1 to {MAX_KEY_LENGTH} visible ASCII characters.")]
pub struct InvalidKey;
