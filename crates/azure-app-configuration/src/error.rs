//! Why there is no setting.

use azure_core::{ServiceFailure, TokenError, Unanswered};

use crate::setting::{SettingKey, UnreadableSetting};

/// Why there is no setting. No message contains a value, a credential or an address; where the store is,
/// [`ConfigurationClient::endpoint`](crate::ConfigurationClient::endpoint) says.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no token for it.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// The credential is wrong or does not suffice (401, 403).
    #[error("App Configuration refused the credential: {0}")]
    Refused(ServiceFailure),
    /// There is no such setting.
    #[error("App Configuration has no setting {0}")]
    NotFound(SettingKey),
    /// There was no answer.
    #[error("App Configuration did not answer: {0}")]
    Unanswered(#[from] Unanswered),
    /// What answered is no setting.
    #[error("App Configuration did not answer properly: {0}")]
    BadAnswer(#[from] UnreadableSetting),
    /// A status that such requests do not have; what answers may not be App Configuration.
    #[error("App Configuration answered unexpectedly (is the endpoint right?): {0}")]
    Unexpected(ServiceFailure),
}

impl Error {
    /// Whether the same may succeed later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Token(error) => error.may_pass(),
            Self::Unanswered(why) => why.may_pass(),
            Self::BadAnswer(_) => true,
            Self::Refused(_) | Self::NotFound(_) | Self::Unexpected(_) => false,
        }
    }
}
