//! What the clients of Azure's services share, without any I/O of its own.
//!
//! Whoever uses a client brings the transport and the clock ([`HttpClient`], [`Clock`]), so that the same code runs
//! natively, in WebAssembly, and in tests on virtual time.
//!
//! | module | what it is |
//! | --- | --- |
//! | [`transport`] | sending requests, telling the time |
//! | [`endpoint`] | where a service is |
//! | [`retry`], [`requests`] | when to try again; requests that may be repeated |
//! | [`failure`] | what a service says when it refuses |
//! | [`token`] | access tokens: who makes them, and where they may be sent |
//! | [`cached`] | a value that is asked for once and kept until shortly before it expires |
//! | `script` | a transport and a clock for tests (feature `script`) |
//! | [`secret`] | texts that are never shown |
//!
//! It promises that no error and no `Debug` output contains a secret, a token or a query string, and that a token is
//! sent over https only, but for an explicit switch ([`TokenSource::over_plain_http`]).

pub mod cached;
pub mod endpoint;
pub mod failure;
pub mod requests;
pub mod retry;
#[cfg(feature = "script")]
pub mod script;
pub mod secret;
pub mod token;
pub mod transport;

pub use cached::{Cached, Fresh};
pub use endpoint::Endpoint;
pub use failure::ServiceFailure;
pub use jiff::Timestamp;
pub use requests::{Requests, Unanswered};
pub use retry::RetryPolicy;
pub use secret::Secret;
pub use token::{AccessToken, BadToken, TokenError, TokenProvider, TokenSource};
pub use transport::{Clock, HttpClient, TransportError};
