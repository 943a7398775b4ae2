//! What a vault answers.

use azure_core::{Secret, Timestamp};
use serde::Deserialize;

/// A secret in one of its versions.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VaultSecret {
    /// Its value.
    pub value: Secret,
    /// Its version.
    pub version: String,
    /// When it ends, if it does. A vault hands it out all the same.
    pub expires_at: Option<Timestamp>,
}

/// Reads the answer to a request for a secret.
///
/// # Errors
///
/// [`UnreadableSecret`] if it is none.
pub fn read_secret(body: &[u8]) -> Result<VaultSecret, UnreadableSecret> {
    #[derive(Deserialize)]
    struct Answer {
        value: String,
        id: String,
        attributes: Option<Attributes>,
    }
    #[derive(Deserialize)]
    struct Attributes {
        /// In seconds since 1970.
        exp: Option<i64>,
    }
    let answer: Answer = serde_json::from_slice(body).map_err(|_| UnreadableSecret::Json)?;
    let id: crate::SecretId = answer.id.parse().map_err(|_| UnreadableSecret::Id)?;
    let expires_at = answer.attributes.and_then(|attributes| attributes.exp);
    Ok(VaultSecret {
        value: Secret::new(answer.value),
        version: id.version().ok_or(UnreadableSecret::Id)?.to_owned(),
        expires_at: expires_at.and_then(|seconds| Timestamp::from_second(seconds).ok()),
    })
}

/// Why an answer is not the secret that was asked for. It quotes nothing of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnreadableSecret {
    /// The answer is not a secret in JSON.
    #[error("it is not a secret in JSON")]
    Json,
    /// The answer's id is no address of a version.
    #[error("its id is not the address of a secret's version")]
    Id,
    /// Another version than the one that was asked for.
    #[error("it is another version than the one that was asked for")]
    OtherVersion,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_a_value_a_version_and_perhaps_an_end() {
        let id = "https://v.vault.azure.net/secrets/s/0f";
        for (body, expected) in [
            (
                format!(r#"{{"value":"x","id":"{id}","attributes":{{"enabled":true,"exp":10}}}}"#),
                Ok(("0f", Some(10))),
            ),
            (format!(r#"{{"value":"","id":"{id}"}}"#), Ok(("0f", None))),
            (
                format!(r#"{{"value":"x","id":"{id}","attributes":{{"exp":9223372036854775807}}}}"#),
                Ok(("0f", None)),
            ),
            (
                r#"{"value":"x","id":"https://v.vault.azure.net/secrets/s"}"#.to_owned(),
                Err(UnreadableSecret::Id),
            ),
            (r#"{"value":"x","id":"s"}"#.to_owned(), Err(UnreadableSecret::Id)),
            (format!(r#"{{"id":"{id}"}}"#), Err(UnreadableSecret::Json)),
            (String::new(), Err(UnreadableSecret::Json)),
        ] {
            let secret = read_secret(body.as_bytes());
            let found = secret.map(|secret| (secret.version, secret.expires_at.map(|at| at.as_second())));
            assert_eq!(found, expected.map(|(version, at)| (version.to_owned(), at)), "{body}");
        }
    }
}
