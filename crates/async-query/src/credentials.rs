//! How the query comes to the table: which account, and as whom.
//!
//! The variable `credential_source` chooses; by default it is what is set, in this order:
//!
//! 1. `table_connection_string`: a connection string with a key or a shared access signature;
//! 2. `app_config_endpoint` or `app_config_connection_string`: a connection string in App Configuration, as a plain
//!    value or as a reference to a secret in Key Vault;
//! 3. `table_endpoint`: tokens of Entra ID, and no key at all.
//!
//! Tokens, settings and secrets are kept in memory, for as long as the component's instance lives and they are good,
//! and are never written anywhere. Every failure names the step (token, setting, secret, table), the address without
//! query, and what to check.

mod advice;
mod connect;
mod error;
mod kept;
mod settings;
mod source;

pub use connect::Credentials;
pub use error::{CredentialError, Step};
pub use kept::Kept;
pub use settings::CredentialSettings;
