//! Access tokens of Microsoft Entra ID, without any I/O of its own.
//!
//! An [`Identity`] proves who asks in one of four ways: with a client secret, with a federated token (workload identity),
//! with the managed identity of App Service and its relatives, or with that of a virtual machine (IMDS). Which of them,
//! and with what, an [`IdentityOptions`] says; with [`Choice::Default`] those that are configured are tried in that order,
//! and the first that gives a token is kept.
//!
//! It promises that
//! - a token is asked for once for each scope and kept in memory until shortly before it expires; callers at the same
//!   time share one request,
//! - if a renewal fails, the token that is still valid serves,
//! - a client secret or an assertion goes to the authority over https only, but for [`IdentityOptions::allow_http`],
//! - no error and no `Debug` output contains a secret, an assertion or a token, even if the authority quotes it.
//!
//! It never reads environment variables or files: whoever uses it passes what they contain.
//!
//! ```no_run
//! # async fn example(http: impl azure_core::HttpClient, clock: impl azure_core::Clock)
//! #     -> Result<(), Box<dyn std::error::Error>> {
//! use azure_core::{Secret, TokenProvider};
//! use azure_identity::{Choice, Identity, IdentityOptions};
//!
//! let options = IdentityOptions {
//!     tenant_id: "72f988bf-86f1-41af-91ab-2d7cd011db47".into(),
//!     client_id: "11111111-2222-3333-4444-555555555555".into(),
//!     client_secret: Secret::new("…"),
//!     ..IdentityOptions::default()
//! };
//! let identity = Identity::new(Choice::Default, &options, http, clock)?;
//! let token = identity.token("https://storage.azure.com/.default").await?;
//! println!("good until {}", token.expires_at());
//! # Ok(())
//! # }
//! ```

mod answer;
mod choice;
mod identity;
mod method;
mod options;
mod request;

pub use answer::{UnreadableToken, read_token};
pub use choice::{Choice, UnknownChoice};
pub use identity::Identity;
pub use options::{IdentityOptions, InvalidOptions};
