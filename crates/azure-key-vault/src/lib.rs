//! A client of Azure Key Vault that does no I/O of its own.
//!
//! It reads secrets, in the version that is named or in the current one, and keeps them for a while. The vault itself
//! says for which service the token must be: the first request has none, and is answered with a challenge.
//!
//! It promises that
//! - a token goes only to a vault of the service that it is for: what the challenge names must be a domain that the
//!   vault's host is in ([`Challenge::is_for`]),
//! - the version that is asked for is the version that is returned,
//! - a token is sent over https only, but for an explicit switch of its source,
//! - no error and no `Debug` output contains a secret or a token.
//!
//! ```no_run
//! # async fn example(tokens: azure_core::TokenSource, http: impl azure_core::HttpClient, clock: impl azure_core::Clock)
//! #     -> Result<(), Box<dyn std::error::Error>> {
//! use azure_key_vault::{SecretId, VaultClient};
//!
//! let client = VaultClient::new(tokens, http, clock);
//! let id: SecretId = "https://contoso.vault.azure.net/secrets/password".parse()?;
//! let secret = client.get(&id).await?;
//! println!("version {}", secret.version);
//! # Ok(())
//! # }
//! ```

mod answer;
mod challenge;
mod client;
mod error;
mod secret_id;

pub use answer::{UnreadableSecret, VaultSecret, read_secret};
pub use challenge::{Challenge, InvalidChallenge};
pub use client::VaultClient;
pub use error::Error;
pub use secret_id::{InvalidSecretId, SecretId};
