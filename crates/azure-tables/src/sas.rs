//! Shared access signatures: somebody with the key signed in advance what may be done, and until when.
//!
//! <https://learn.microsoft.com/rest/api/storageservices/delegate-access-with-shared-access-signature>

use std::fmt;

use http::Uri;

/// A shared access signature of an account or of a table, as Azure hands it out: the query string `sv=…&sig=…`. It is
/// sent as it is, and never shown, not even by `Debug`.
#[derive(Clone, PartialEq, Eq)]
pub struct SasToken(String);

impl SasToken {
    /// The token, with or without a `?` before it. When it expires and what it allows are for the service to say.
    ///
    /// # Errors
    ///
    /// [`InvalidSasToken`] if it has no signature (`sig=`), or characters that a query cannot contain.
    pub fn new(text: &str) -> Result<Self, InvalidSasToken> {
        let text = text.trim();
        let token = text.strip_prefix('?').unwrap_or(text);
        let signed = token
            .split('&')
            .any(|parameter| parameter.strip_prefix("sig=").is_some_and(|signature| !signature.is_empty()));
        // `Uri` ends at a fragment without a word, and takes a second question mark for part of a value.
        let plain = token.bytes().all(|byte| byte.is_ascii_graphic() && !matches!(byte, b'#' | b'?'));
        if !signed || !plain || Uri::try_from(format!("/?{token}")).is_err() {
            return Err(InvalidSasToken);
        }
        Ok(Self(token.to_owned()))
    }

    /// The parameters, for the end of a query.
    pub(crate) fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SasToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SasToken(hidden)")
    }
}

/// The text given as a shared access signature is not one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "it must be the whole query string of parameters joined by `&`, with `sig=` among them; copy it again"
)]
pub struct InvalidSasToken;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_a_query_string_with_a_signature() {
        for (text, expected) in [
            ("sv=1&sig=a%2Bb/c%3D", Some("sv=1&sig=a%2Bb/c%3D")),
            ("?sig=x&sv=1", Some("sig=x&sv=1")),
            (" sig=x ", Some("sig=x")),
            ("sv=1", None),
            ("sv=1&sig=", None),
            ("sv=1&signature=x", None),
            ("??sig=x", None),
            ("sig=x#y", None),
            ("sig=x y", None),
            ("sig=x\r\ny", None),
            ("sig=ñ", None),
            ("", None),
        ] {
            assert_eq!(SasToken::new(text).as_ref().map(SasToken::as_str).ok(), expected, "{text}");
        }
    }

    #[test]
    fn a_token_is_never_shown() {
        assert_eq!(format!("{:?}", SasToken::new("sig=secret")), "Ok(SasToken(hidden))");
    }
}
