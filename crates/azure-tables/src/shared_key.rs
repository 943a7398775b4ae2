//! SharedKey signing: who may ask is proved by an HMAC over the parts of a request that the service checks.
//!
//! The rule is the Table service's own, which differs from that of Blob and Queue storage:
//! <https://learn.microsoft.com/rest/api/storageservices/authorize-with-shared-key#table-service-shared-key-authorization>

use std::fmt;

use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use hmac::{Hmac, KeyInit as _, Mac as _};
use sha2::Sha256;

/// The secret key of a storage account. It is never shown, not even by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct AccountKey(Vec<u8>);

impl AccountKey {
    /// The key as the Azure portal shows it.
    ///
    /// # Errors
    ///
    /// [`InvalidAccountKey`] if the text is empty or not base64.
    pub fn from_base64(text: &str) -> Result<Self, InvalidAccountKey> {
        match BASE64_STANDARD.decode(text.trim()) {
            Ok(bytes) if !bytes.is_empty() => Ok(Self(bytes)),
            _ => Err(InvalidAccountKey),
        }
    }

    /// The signature of a text, as all of Azure Storage's rules want it: HMAC-SHA256 in base64.
    pub fn sign(&self, text: &str) -> String {
        let mut mac = Hmac::<Sha256>::new_from_slice(&self.0).expect("HMAC takes keys of any length");
        mac.update(text.as_bytes());
        BASE64_STANDARD.encode(mac.finalize().into_bytes())
    }
}

impl fmt::Debug for AccountKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AccountKey(hidden)")
    }
}

/// The text given as an account key is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the account key is not valid base64; copy all of it again, with the `=` signs at its end")]
pub struct InvalidAccountKey;

/// The parts of a request that the signature covers. Nothing else of it is signed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ToSign<'a> {
    /// The HTTP method, in capitals.
    pub method: &'a str,
    /// The `Content-MD5` header, or empty.
    pub content_md5: &'a str,
    /// The `Content-Type` header, or empty.
    pub content_type: &'a str,
    /// The `x-ms-date` header.
    pub date: &'a str,
    /// The path of the URI exactly as sent: percent-encoded, beginning with `/`, without the query. With the
    /// emulator's path style it begins with the account's name, which is then signed twice.
    pub path: &'a str,
    /// The value of the query parameter `comp`.
    pub comp: Option<&'a str>,
}

impl ToSign<'_> {
    fn text(&self, account: &str) -> String {
        let Self { method, content_md5, content_type, date, path, comp } = self;
        let mut text = format!("{method}\n{content_md5}\n{content_type}\n{date}\n/{account}{path}");
        if let Some(comp) = comp {
            text.push_str("?comp=");
            text.push_str(comp);
        }
        text
    }
}

/// The value of the `Authorization` header for a request of this account.
pub fn authorization(account: &str, key: &AccountKey, to_sign: &ToSign<'_>) -> String {
    format!("SharedKey {account}:{}", key.sign(&to_sign.text(account)))
}
