//! HMAC signing of requests to App Configuration.
//!
//! <https://learn.microsoft.com/azure/azure-app-configuration/rest-api-authentication-hmac>

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::{Digest as _, Sha256};

use crate::access::Key;

/// The parts of a request that the signature covers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToSign<'a> {
    /// The HTTP method, in capitals.
    pub method: &'a str,
    /// Path and query, exactly as sent.
    pub target: &'a str,
    /// The header `x-ms-date`.
    pub date: &'a str,
    /// The header `Host`.
    pub host: &'a str,
    /// The header `x-ms-content-sha256`: [`content_hash`].
    pub content_hash: &'a str,
}

/// The value of the header `x-ms-content-sha256`.
pub fn content_hash(body: &[u8]) -> String {
    BASE64_STANDARD.encode(Sha256::digest(body))
}

/// The value of the header `Authorization`.
pub fn authorization(key: &Key, to_sign: &ToSign<'_>) -> String {
    let ToSign { method, target, date, host, content_hash } = to_sign;
    let text = format!("{method}\n{target}\n{date};{host};{content_hash}");
    let mut mac = Hmac::<Sha256>::new_from_slice(&key.secret).expect("HMAC takes keys of any length");
    mac.update(text.as_bytes());
    let signature = BASE64_STANDARD.encode(mac.finalize().into_bytes());
    let id = &key.id;
    format!(
        "HMAC-SHA256 Credential={id}&SignedHeaders=x-ms-date;host;x-ms-content-sha256&Signature={signature}"
    )
}
