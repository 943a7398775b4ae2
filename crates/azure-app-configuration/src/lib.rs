//! A client of Azure App Configuration that does no I/O of its own.
//!
//! It reads a setting by key and label, with a token of Entra ID or with the key of a connection string, and keeps it for
//! a while. A setting may be a plain value or refer to a secret in Key Vault ([`Setting::reference`]); the secret is then
//! another client's affair.
//!
//! It promises that
//! - key and label are sent as they are, whatever characters they contain,
//! - a token is sent over https only, but for an explicit switch of its source,
//! - no error and no `Debug` output contains a value, a key, a signature or a token.
//!
//! ```no_run
//! # async fn example(http: impl azure_core::HttpClient, clock: impl azure_core::Clock)
//! #     -> Result<(), Box<dyn std::error::Error>> {
//! use azure_app_configuration::{Access, ConfigurationClient, SettingKey};
//!
//! let access: Access = "Endpoint=https://contoso.azconfig.io;Id=…;Secret=…".parse()?;
//! let client = ConfigurationClient::new(access, http, clock);
//! let setting = client.get(&SettingKey::new("greeting", "production")?).await?;
//! println!("a value of {} bytes", setting.value.expose().len());
//! # Ok(())
//! # }
//! ```

mod access;
mod audience;
mod client;
mod error;
mod setting;
pub mod signature;

pub use access::{Access, AccessError, Key};
pub use audience::audience;
pub use client::ConfigurationClient;
pub use error::Error;
pub use setting::{InvalidSettingKey, REFERENCE_TYPE, Setting, SettingKey, UnreadableSetting, read_setting};
