//! Where a store is, and as whom to ask it.

use std::fmt;
use std::str::FromStr;

use azure_core::{Endpoint, TokenSource};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;

/// Where a store is, and as whom to ask it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Access {
    /// With a key, as connection strings have it.
    Key(Endpoint, Key),
    /// With tokens of Entra ID.
    Tokens(Endpoint, TokenSource),
}

impl Access {
    /// The store's address.
    pub fn endpoint(&self) -> &Endpoint {
        match self {
            Self::Key(endpoint, _) | Self::Tokens(endpoint, _) => endpoint,
        }
    }
}

/// A key of a store. Its secret is never shown.
#[derive(Clone, PartialEq, Eq)]
pub struct Key {
    pub(crate) id: String,
    pub(crate) secret: Vec<u8>,
}

impl Key {
    /// The key of this name, with its secret in base64.
    ///
    /// # Errors
    ///
    /// [`AccessError::Invalid`] if one of them is none.
    pub fn new(id: &str, secret: &str) -> Result<Self, AccessError> {
        // It becomes part of a header, between `=` and `&`.
        let plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'&' | b',' | b'"');
        if id.is_empty() || !id.bytes().all(plain) {
            return Err(AccessError::Invalid { name: "Id", must_be: "the Id that the portal shows" });
        }
        match BASE64_STANDARD.decode(secret) {
            Ok(secret) if !secret.is_empty() => Ok(Self { id: id.to_owned(), secret }),
            _ => Err(AccessError::Invalid { name: "Secret", must_be: "base64; copy all of it again" }),
        }
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Key(hidden)")
    }
}

/// Reads a connection string, `Endpoint=…;Id=…;Secret=…`.
///
/// Azure's own clients take these names in this case and order only; a `;` at the end, white space around all of it and
/// another order do no harm and are accepted.
impl FromStr for Access {
    type Err = AccessError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        let text = text.strip_suffix(';').unwrap_or(text);
        let (mut endpoint, mut id, mut secret) = (None, None, None);
        for (position, setting) in (1..).zip(text.split(';')) {
            let (name, value) = setting.split_once('=').ok_or(AccessError::Malformed { position })?;
            let place = match name {
                "Endpoint" => &mut endpoint,
                "Id" => &mut id,
                "Secret" => &mut secret,
                _ => return Err(AccessError::Malformed { position }),
            };
            if value.is_empty() || place.replace(value).is_some() {
                return Err(AccessError::Malformed { position });
            }
        }
        let missing = |name| AccessError::Missing { name };
        let endpoint = endpoint.ok_or(missing("Endpoint"))?;
        let must_be = "an http or https URL without user, query and fragment";
        let endpoint = Endpoint::parse(endpoint).ok_or(AccessError::Invalid { name: "Endpoint", must_be })?;
        let key = Key::new(id.ok_or(missing("Id"))?, secret.ok_or(missing("Secret"))?)?;
        Ok(Self::Key(endpoint, key))
    }
}

/// Why a text is no connection string of App Configuration. It quotes no value. Positions count settings from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum AccessError {
    /// A setting is none, has no value, is given twice, or is not one of the three.
    #[error(
        "setting {position} of the App Configuration connection string is not one of Endpoint=, Id= and Secret=, or \
         is given twice"
    )]
    Malformed {
        /// Which setting.
        position: usize,
    },
    /// One of the three is missing.
    #[error("the App Configuration connection string has no {name}")]
    Missing {
        /// The setting's name.
        name: &'static str,
    },
    /// A value cannot be what its name says.
    #[error("the App Configuration connection string's {name} is not valid: it must be {must_be}")]
    Invalid {
        /// The setting's name.
        name: &'static str,
        /// What would be valid.
        must_be: &'static str,
    },
}
