//! The address of a secret.

use std::fmt;
use std::str::FromStr;

use azure_core::Endpoint;

const LONGEST_NAME: usize = 127;

/// The address of a secret: `https://{vault}/secrets/{name}`, and `/{version}` if one is pinned.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SecretId {
    vault: Endpoint,
    name: String,
    version: Option<String>,
}

impl SecretId {
    /// Where the vault is.
    pub fn vault(&self) -> &Endpoint {
        &self.vault
    }

    /// The secret's name.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The version, if not the current one is meant.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }
}

/// Reads an address as the portal shows it and references contain it.
impl FromStr for SecretId {
    type Err = InvalidSecretId;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let text = text.trim();
        if !text.contains("://") {
            return Err(InvalidSecretId);
        }
        let whole = Endpoint::parse(text).ok_or(InvalidSecretId)?;
        let segments: Vec<&str> = whole.path().split('/').collect();
        let (name, version) = match segments[..] {
            ["", "secrets", name] => (name, None),
            ["", "secrets", name, version] => (name, Some(version)),
            _ => return Err(InvalidSecretId),
        };
        let plain = |text: &str| {
            (1..=LONGEST_NAME).contains(&text.len())
                && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-')
        };
        if !plain(name) || !version.is_none_or(plain) {
            return Err(InvalidSecretId);
        }
        let origin = &whole.as_str()[..whole.as_str().len() - whole.path().len()];
        let vault = Endpoint::parse(origin).ok_or(InvalidSecretId)?;
        Ok(Self { vault, name: name.to_owned(), version: version.map(str::to_owned) })
    }
}

impl fmt::Display for SecretId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // Without a version the path ends with a slash: so Azure's clients ask.
        write!(f, "{}/secrets/{}/{}", self.vault, self.name, self.version.as_deref().unwrap_or_default())
    }
}

/// A text that is no address of a secret.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("it must be https://{{vault}}/secrets/{{name}}, with or without /{{version}}")]
pub struct InvalidSecretId;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_is_a_vault_a_name_and_perhaps_a_version() {
        for (text, expected) in [
            ("https://v.vault.azure.net/secrets/a-1", Some(("https://v.vault.azure.net", "a-1", None))),
            ("https://v.vault.azure.net/secrets/a/", Some(("https://v.vault.azure.net", "a", None))),
            (
                " https://v.vault.azure.net:443/secrets/a/0f ",
                Some(("https://v.vault.azure.net", "a", Some("0f"))),
            ),
            ("http://127.0.0.1:8443/secrets/a", Some(("http://127.0.0.1:8443", "a", None))),
            // Azure's parser takes keys and certificates too; those are no secrets.
            ("https://v.vault.azure.net/keys/k", None),
            ("https://v.vault.azure.net/secrets", None),
            ("https://v.vault.azure.net/secrets/a/b/c", None),
            ("https://v.vault.azure.net/secrets/a%2Fb", None),
            ("https://v.vault.azure.net/secrets/a?x=1", None),
            ("https://user@v.vault.azure.net/secrets/a", None),
            ("v.vault.azure.net/secrets/a", None),
            ("not a url", None),
        ] {
            let id = text.parse::<SecretId>().ok();
            let found = id.as_ref().map(|id| (id.vault().as_str(), id.name(), id.version()));
            assert_eq!(found, expected, "{text}");
        }
    }
}
