//! Why there is no secret.

use azure_core::{ServiceFailure, TokenError, Unanswered};

use crate::answer::UnreadableSecret;
use crate::challenge::InvalidChallenge;

/// Why there is no secret. No message contains a value or a credential.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Error {
    /// There is no token for the vault.
    #[error(transparent)]
    Token(#[from] TokenError),
    /// What answered does not ask for a token as a vault does.
    #[error("Key Vault's challenge cannot be met: {0}")]
    BadChallenge(#[from] InvalidChallenge),
    /// What answered asks for a token of a service that it does not belong to.
    #[error("what answered asks for a token for {scope}, which the vault is not part of; none was sent")]
    ForeignChallenge {
        /// What it asks for.
        scope: String,
    },
    /// The identity may not read the secret, the secret is disabled, or the vault is closed to this network (401, 403).
    #[error("Key Vault refused the identity: {0}")]
    Refused(ServiceFailure),
    /// There is no such secret or version.
    #[error("Key Vault has no such secret, or not in this version: {0}")]
    NotFound(ServiceFailure),
    /// There was no answer.
    #[error("Key Vault did not answer: {0}")]
    Unanswered(#[from] Unanswered),
    /// What answered is not the secret.
    #[error("Key Vault did not answer properly: {0}")]
    BadAnswer(#[from] UnreadableSecret),
    /// A status that such requests do not have; what answers may not be Key Vault.
    #[error("Key Vault answered unexpectedly (is the address right?): {0}")]
    Unexpected(ServiceFailure),
}

impl Error {
    /// Whether the same may succeed later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Token(error) => error.may_pass(),
            Self::Unanswered(why) => why.may_pass(),
            Self::BadAnswer(_) => true,
            Self::BadChallenge(_)
            | Self::ForeignChallenge { .. }
            | Self::Refused(_)
            | Self::NotFound(_)
            | Self::Unexpected(_) => false,
        }
    }
}
