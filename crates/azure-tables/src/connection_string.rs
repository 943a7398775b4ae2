//! Connection strings: `Name=value` settings joined by `;`, as the Azure portal hands them out.
//!
//! What is accepted is what Azure's Python SDK (azure-data-tables) accepts, and besides it a `;` at the end of
//! `UseDevelopmentStorage=true`. Messages name settings and positions, never values; nor do they name a setting that
//! is not a known one, since a key that was pasted alone looks like one.
//!
//! Who asks is proved by `AccountName` and `AccountKey`, or by a `SharedAccessSignature`, of an account or of a table;
//! if both are given, the key is used. With a signature the service is found by `TableEndpoint`, or by `AccountName`.

use std::collections::HashMap;
use std::fmt;
use std::str::FromStr;

use crate::sas::{InvalidSasToken, SasToken};
use crate::shared_key::{AccountKey, InvalidAccountKey};
use azure_core::{Endpoint, TokenSource};

const DEFAULT_SUFFIX: &str = "core.windows.net";

/// The emulator's account, as documented:
/// <https://learn.microsoft.com/azure/storage/common/storage-connect-azurite#use-a-well-known-storage-account-and-key>
const EMULATOR: &str = "TableEndpoint=http://127.0.0.1:10002/devstoreaccount1;AccountName=devstoreaccount1;\
    AccountKey=Eby8vdM02xNOcqFlqUwJPLlmEtlCDXJ1OUzFT50uSRZ6IFsuFq2UVErCz4I6tq/K1SZFPTOtr/KBHBeksoGMGw==";

/// Where a Table service is, and as whom to ask it. Neither `Debug` nor `Display` shows the key or the signature.
#[derive(Clone, PartialEq, Eq)]
pub struct ConnectionString {
    endpoint: Endpoint,
    credential: Credential,
}

/// What proves to the service who asks.
#[derive(Debug, Clone, PartialEq, Eq)]
#[non_exhaustive]
pub enum Credential {
    /// The account's key, which signs every request.
    SharedKey {
        /// The account's name.
        account: String,
        /// Its key.
        key: AccountKey,
    },
    /// A shared access signature, which is sent with every request.
    Sas(SasToken),
    /// Tokens of Entra ID; no connection string has these: [`ConnectionString::with_tokens`].
    Tokens(TokenSource),
}

impl ConnectionString {
    /// The service at `endpoint`, asked with tokens of Entra ID. They are for the scope [`TOKEN_SCOPE`](crate::TOKEN_SCOPE).
    pub fn with_tokens(endpoint: Endpoint, tokens: TokenSource) -> Self {
        Self { endpoint, credential: Credential::Tokens(tokens) }
    }

    /// Where the service is.
    pub fn endpoint(&self) -> &Endpoint {
        &self.endpoint
    }

    /// What proves who asks.
    pub fn credential(&self) -> &Credential {
        &self.credential
    }
}

impl FromStr for ConnectionString {
    type Err = ConnectionStringError;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let settings = Settings::parse(text)?;
        if settings.ask_for_the_emulator_alone() {
            return EMULATOR.parse();
        }
        let credential = credential(&settings)?;
        let endpoint = endpoint(&settings)?;
        Ok(Self { endpoint, credential })
    }
}

impl fmt::Debug for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("ConnectionString")
            .field("endpoint", &self.endpoint)
            .field("credential", &self.credential)
            .finish()
    }
}

impl fmt::Display for ConnectionString {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match &self.credential {
            Credential::SharedKey { account, .. } => write!(f, "account {account} at {}", self.endpoint),
            Credential::Sas(_) => write!(f, "a shared access signature at {}", self.endpoint),
            Credential::Tokens(_) => write!(f, "tokens at {}", self.endpoint),
        }
    }
}

/// Why a text is not a connection string that can be used. Positions count settings from 1.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum ConnectionStringError {
    /// Nothing was given.
    #[error("the connection string is empty")]
    Empty,
    /// A setting has no `=`, no name or no value.
    #[error("setting {position} of the connection string is not of the form Name=value")]
    Malformed {
        /// Which setting.
        position: usize,
    },
    /// A name begins or ends with a space.
    #[error("setting {position} of the connection string has a space around its name; remove it")]
    SpaceAroundName {
        /// Which setting.
        position: usize,
    },
    /// A name is given twice, perhaps in another case.
    #[error("setting {position} of the connection string repeats an earlier one; keep one of them")]
    Duplicate {
        /// Which setting repeats an earlier one.
        position: usize,
    },
    /// A setting without which nothing can be asked.
    #[error("the connection string has no {name}")]
    Missing {
        /// The setting's name.
        name: &'static str,
    },
    /// A setting's value cannot be what its name says.
    #[error("the connection string's {name} is not valid: it must be {must_be}")]
    Invalid {
        /// The setting's name.
        name: &'static str,
        /// What would be valid.
        must_be: &'static str,
    },
    /// The account's key cannot be decoded.
    #[error("the connection string's AccountKey cannot be used: {0}")]
    Key(#[from] InvalidAccountKey),
    /// Only a read-only replica is named.
    #[error("the connection string has a TableSecondaryEndpoint and no TableEndpoint; add the TableEndpoint")]
    OnlySecondary,
    /// The emulator's short form is combined with other settings.
    #[error(
        "UseDevelopmentStorage=true must stand alone; for an emulator elsewhere give TableEndpoint, AccountName \
         and AccountKey"
    )]
    EmulatorNotAlone,
    /// There is neither a key nor a signature.
    #[error(
        "the connection string has no credential: it needs AccountName and AccountKey, or a SharedAccessSignature"
    )]
    NoCredential,
    /// The signature cannot be sent.
    #[error("the connection string's SharedAccessSignature cannot be used: {0}")]
    Sas(#[from] InvalidSasToken),
}

/// The settings by name in lower case.
struct Settings<'a>(HashMap<String, &'a str>);

impl<'a> Settings<'a> {
    fn parse(text: &'a str) -> Result<Self, ConnectionStringError> {
        let text = text.trim().trim_end_matches(';');
        if text.is_empty() {
            return Err(ConnectionStringError::Empty);
        }
        let mut settings = HashMap::new();
        for (position, setting) in (1..).zip(text.split(';')) {
            let (name, value) = match setting.split_once('=') {
                Some((name, value)) if !name.is_empty() && !value.is_empty() => (name, value),
                _ => return Err(ConnectionStringError::Malformed { position }),
            };
            if name.trim() != name {
                return Err(ConnectionStringError::SpaceAroundName { position });
            }
            if settings.insert(name.to_lowercase(), value).is_some() {
                return Err(ConnectionStringError::Duplicate { position });
            }
        }
        Ok(Self(settings))
    }

    fn get(&self, name: &'static str) -> Option<&'a str> {
        self.0.get(&name.to_lowercase()).copied()
    }

    fn ask_for_the_emulator(&self) -> bool {
        self.get("UseDevelopmentStorage").is_some_and(|value| value.eq_ignore_ascii_case("true"))
    }

    fn ask_for_the_emulator_alone(&self) -> bool {
        self.0.len() == 1 && self.ask_for_the_emulator()
    }
}

/// The key is preferred to a signature where both are given.
fn credential(settings: &Settings<'_>) -> Result<Credential, ConnectionStringError> {
    let (account, key) = (account(settings)?, settings.get("AccountKey"));
    match (account, key, settings.get("SharedAccessSignature")) {
        (Some(account), Some(key), _) => {
            Ok(Credential::SharedKey { account: account.to_owned(), key: AccountKey::from_base64(key)? })
        }
        (_, _, Some(token)) => Ok(Credential::Sas(SasToken::new(token)?)),
        _ if settings.ask_for_the_emulator() => Err(ConnectionStringError::EmulatorNotAlone),
        (None, Some(_), None) => Err(ConnectionStringError::Missing { name: "AccountName" }),
        (_, None, None) => Err(ConnectionStringError::NoCredential),
    }
}

/// The name becomes part of a host, a path and a header. Azure allows less, emulators about this much.
fn account<'a>(settings: &Settings<'a>) -> Result<Option<&'a str>, ConnectionStringError> {
    let account = settings.get("AccountName");
    let plain =
        |name: &str| name.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'));
    if account.is_some_and(|name| !plain(name)) {
        let must_be = "ASCII letters, digits, - and _";
        return Err(ConnectionStringError::Invalid { name: "AccountName", must_be });
    }
    Ok(account)
}

/// `DefaultEndpointsProtocol` counts only beside an `EndpointSuffix`: so does the SDK, and otherwise it is https.
fn endpoint(settings: &Settings<'_>) -> Result<Endpoint, ConnectionStringError> {
    if let Some(given) = settings.get("TableEndpoint") {
        let must_be = "an http or https URL without user, query and fragment";
        return Endpoint::parse(given)
            .ok_or(ConnectionStringError::Invalid { name: "TableEndpoint", must_be });
    }
    if settings.get("TableSecondaryEndpoint").is_some() {
        return Err(ConnectionStringError::OnlySecondary);
    }
    let account = account(settings)?.ok_or(ConnectionStringError::Missing { name: "TableEndpoint" })?;
    let suffix = settings.get("EndpointSuffix");
    let scheme = match (settings.get("DefaultEndpointsProtocol"), suffix) {
        (Some(scheme), Some(_)) => scheme,
        _ => "https",
    };
    if !matches!(scheme, "http" | "https") {
        let must_be = "http or https";
        return Err(ConnectionStringError::Invalid { name: "DefaultEndpointsProtocol", must_be });
    }
    Endpoint::parse(&format!("{scheme}://{account}.table.{}", suffix.unwrap_or(DEFAULT_SUFFIX)))
        .ok_or(ConnectionStringError::Invalid { name: "EndpointSuffix", must_be: "a domain name" })
}
