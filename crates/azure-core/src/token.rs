//! Access tokens of Entra ID: what makes them, and where they may be sent.

use std::fmt;
use std::rc::Rc;

use bytes::Bytes;
use futures::future::LocalBoxFuture;
use http::header::AUTHORIZATION;
use http::{HeaderValue, Request, Response, StatusCode, Uri};
use jiff::Timestamp;

use crate::failure::ServiceFailure;
use crate::requests::{Requests, Unanswered};
use crate::secret::Secret;
use crate::transport::{Clock, HttpClient};

/// A token that opens one service for a while. It is never shown.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccessToken {
    secret: Secret,
    expires_at: Timestamp,
}

impl AccessToken {
    /// The token with this text.
    ///
    /// # Errors
    ///
    /// [`BadToken`] if it cannot stand in a header.
    pub fn new(text: &str, expires_at: Timestamp) -> Result<Self, BadToken> {
        let plain = !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_graphic());
        if !plain {
            return Err(BadToken);
        }
        Ok(Self { secret: Secret::new(text), expires_at })
    }

    /// Its text, to be sent.
    pub fn secret(&self) -> &Secret {
        &self.secret
    }

    /// When it ends.
    pub fn expires_at(&self) -> Timestamp {
        self.expires_at
    }
}

/// A text that cannot be a token: tokens are visible ASCII.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the token is empty or not visible ASCII")]
pub struct BadToken;

/// Makes tokens. The futures need not be `Send`.
pub trait TokenProvider {
    /// A token that is good for `scope`, such as `https://vault.azure.net/.default`. It is kept until shortly before
    /// it expires, so asking often costs nothing.
    fn token<'a>(&'a self, scope: &'a str) -> LocalBoxFuture<'a, Result<AccessToken, TokenError>>;

    /// Gives up a kept token that a service has refused.
    fn forget(&self, scope: &str, token: &AccessToken);
}

/// A shared [`TokenProvider`], and over what its tokens may be sent.
#[derive(Clone)]
pub struct TokenSource {
    provider: Rc<dyn TokenProvider>,
    plain_http: bool,
}

impl TokenSource {
    /// Tokens of `provider`, which are sent over https only.
    pub fn new(provider: impl TokenProvider + 'static) -> Self {
        Self { provider: Rc::new(provider), plain_http: false }
    }

    /// The same tokens, also over plain http where `allowed`: for tests on one machine. Whoever listens can use them.
    #[must_use]
    pub fn over_plain_http(self, allowed: bool) -> Self {
        Self { plain_http: allowed, ..self }
    }

    /// A token for a request to `uri`, whose service is `scope`.
    ///
    /// # Errors
    ///
    /// [`TokenError`], [`TokenError::Insecure`] among them.
    pub async fn token(&self, uri: &Uri, scope: &str) -> Result<AccessToken, TokenError> {
        if uri.scheme_str() != Some("https") && !self.plain_http {
            return Err(TokenError::Insecure { address: address(uri) });
        }
        self.provider.token(scope).await
    }

    /// Gives up a kept token that a service has refused.
    pub fn forget(&self, scope: &str, token: &AccessToken) {
        self.provider.forget(scope, token);
    }

    /// Sends a request that may be repeated, with a token. If the service does not know the kept token (401), it is
    /// sent once more with a new one.
    ///
    /// # Errors
    ///
    /// [`TokenError`] if there is no token; what the service says is the inner result.
    pub async fn send<H: HttpClient, C: Clock>(
        &self,
        requests: &Requests<H, C>,
        scope: &str,
        make: impl Fn(Timestamp) -> Request<Bytes>,
    ) -> Result<Result<Response<Bytes>, Unanswered>, TokenError> {
        let uri = make(requests.clock.now()).uri().clone();
        let mut refused = None;
        loop {
            let token = self.token(&uri, scope).await?;
            let answer = requests.send(|now| with_token(make(now), &token)).await;
            let unknown = matches!(&answer, Ok(answer) if answer.status() == StatusCode::UNAUTHORIZED);
            if !unknown || refused.is_some() {
                return Ok(answer);
            }
            self.forget(scope, &token);
            refused = Some(token);
        }
    }
}

impl PartialEq for TokenSource {
    fn eq(&self, other: &Self) -> bool {
        Rc::ptr_eq(&self.provider, &other.provider) && self.plain_http == other.plain_http
    }
}

impl Eq for TokenSource {}

impl fmt::Debug for TokenSource {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenSource(hidden)")
    }
}

/// The request with the token as its authorization.
pub fn with_token(mut request: Request<Bytes>, token: &AccessToken) -> Request<Bytes> {
    let text = format!("Bearer {}", token.secret.expose());
    let mut value = HeaderValue::try_from(text).expect("a token is visible ASCII");
    value.set_sensitive(true);
    request.headers_mut().insert(AUTHORIZATION, value);
    request
}

/// A URI without its query, for messages.
pub fn address(uri: &Uri) -> String {
    let scheme = uri.scheme_str().unwrap_or("http");
    format!("{scheme}://{}{}", uri.authority().map_or("", |authority| authority.as_str()), uri.path())
}

/// Why there is no token. No message contains a secret, a token or a query string.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TokenError {
    /// Nothing is configured that could prove who asks.
    #[error("no identity is configured: {missing}")]
    NotConfigured {
        /// What to set.
        missing: String,
    },
    /// The token may not go there.
    #[error("a token is sent over https only, and {address} is not")]
    Insecure {
        /// Where it was to go, without query.
        address: String,
    },
    /// The identity was refused.
    #[error("{identity}: {address} refused: {said}")]
    Refused {
        /// The kind of identity.
        identity: &'static str,
        /// Who refused, without query.
        address: String,
        /// Why.
        said: ServiceFailure,
    },
    /// There was no answer.
    #[error("{identity}: {address} did not answer: {why}")]
    Unanswered {
        /// The kind of identity.
        identity: &'static str,
        /// Who was asked, without query.
        address: String,
        /// How it failed.
        why: Box<Unanswered>,
    },
    /// What answered does not give tokens.
    #[error("{identity}: {address} answered with no token: {problem}")]
    BadAnswer {
        /// The kind of identity.
        identity: &'static str,
        /// Who answered, without query.
        address: String,
        /// What was wrong with the answer; it quotes nothing of it.
        problem: String,
    },
    /// Several identities are configured, and each failed.
    #[error("{}", .0.iter().map(ToString::to_string).collect::<Vec<_>>().join("; then "))]
    All(Vec<TokenError>),
}

impl TokenError {
    /// Whether the same may succeed later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::NotConfigured { .. } | Self::Insecure { .. } | Self::Refused { .. } => false,
            Self::Unanswered { why, .. } => why.may_pass(),
            Self::BadAnswer { .. } => true,
            Self::All(errors) => errors.iter().any(Self::may_pass),
        }
    }
}
