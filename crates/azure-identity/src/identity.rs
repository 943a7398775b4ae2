//! Tokens, each kept until shortly before it expires.

use std::cell::Cell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use azure_core::token::address;
use azure_core::{
    AccessToken, Cached, Clock, Fresh, HttpClient, Requests, RetryPolicy, Secret, ServiceFailure, TokenError,
    TokenProvider,
};
use futures::future::LocalBoxFuture;
use http::StatusCode;

use crate::answer::read_token;
use crate::choice::Choice;
use crate::method::{Method, Proof};
use crate::options::{IdentityOptions, InvalidOptions};

/// A machine's own endpoints answer at once or are not there.
const LOCAL_LIMIT: Duration = Duration::from_secs(10);

/// IMDS says these while it is updated.
/// <https://learn.microsoft.com/entra/identity/managed-identities-azure-resources/how-to-use-vm-token#error-handling>
const IMDS_IS_UPDATED: &[u16] = &[404, 410];

/// Somebody who can prove who they are.
#[derive(Debug)]
pub struct Identity<H, C> {
    methods: Vec<Method>,
    /// Which of the methods gave a token.
    proven: Cell<Option<usize>>,
    requests: Requests<H, C>,
    kept: std::cell::RefCell<HashMap<String, Rc<Cached<AccessToken, TokenError>>>>,
}

impl<H: HttpClient, C: Clock> Identity<H, C> {
    /// The identity that is wanted. Nothing is sent until a token is asked for.
    ///
    /// # Errors
    ///
    /// [`InvalidOptions`] if an option is malformed, or the identity that is named lacks one.
    pub fn new(choice: Choice, options: &IdentityOptions, http: H, clock: C) -> Result<Self, InvalidOptions> {
        let methods = Method::chosen(choice, options)?;
        let requests = Requests::new(http, clock);
        Ok(Self { methods, proven: Cell::new(None), requests, kept: Default::default() })
    }

    /// The same identity with another patience.
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.requests.retry = retry;
        self
    }

    fn cached(&self, scope: &str) -> Rc<Cached<AccessToken, TokenError>> {
        Rc::clone(self.kept.borrow_mut().entry(scope.to_owned()).or_default())
    }

    /// Asks the method that gave a token before, or one after the other.
    async fn ask(&self, scope: &str) -> Result<Fresh<AccessToken>, TokenError> {
        if let Some(method) = self.proven.get().and_then(|proven| self.methods.get(proven)) {
            return self.ask_by(method, scope).await;
        }
        let mut errors = Vec::new();
        for (index, method) in self.methods.iter().enumerate() {
            match self.ask_by(method, scope).await {
                Ok(fresh) => {
                    self.proven.set(Some(index));
                    return Ok(fresh);
                }
                Err(error) => errors.push(error),
            }
        }
        Err(match errors.pop() {
            Some(only) if errors.is_empty() => only,
            Some(last) => TokenError::All(errors.into_iter().chain([last]).collect()),
            None => TokenError::NotConfigured { missing: "no method is chosen".to_owned() },
        })
    }

    async fn ask_by(&self, method: &Method, scope: &str) -> Result<Fresh<AccessToken>, TokenError> {
        let identity = method.name();
        let address = address(method.request(scope).uri());
        let answer = match method {
            Method::Authority { .. } => self.requests.send(|_| method.request(scope)).await,
            Method::AppService { .. } | Method::Imds { .. } => {
                let also_passing = if matches!(method, Method::Imds { .. }) { IMDS_IS_UPDATED } else { &[] };
                let Requests { http, clock, retry, .. } = &self.requests;
                let local = Requests { http, clock, retry: retry.clone(), limit: LOCAL_LIMIT, also_passing };
                local.send(|_| method.request(scope)).await
            }
        };
        let answer = answer.map_err(|why| {
            let why = Box::new(why.without(method.secret()));
            TokenError::Unanswered { identity, address: address.clone(), why }
        })?;
        if answer.status() != StatusCode::OK {
            let said = ServiceFailure::read(&answer).without(method.secret());
            return Err(TokenError::Refused { identity, address, said });
        }
        read_token(answer.body(), self.requests.clock.now()).map_err(|problem| TokenError::BadAnswer {
            identity,
            address,
            problem: problem.to_string(),
        })
    }
}

impl<H: HttpClient, C: Clock> TokenProvider for Identity<H, C> {
    fn token<'a>(&'a self, scope: &'a str) -> LocalBoxFuture<'a, Result<AccessToken, TokenError>> {
        Box::pin(async move {
            let cached = self.cached(scope);
            cached.get(|| self.requests.clock.now(), async || self.ask(scope).await).await
        })
    }

    fn forget(&self, scope: &str, token: &AccessToken) {
        self.cached(scope).forget_if(|kept| kept == token);
    }
}

impl Method {
    /// What a refusal must not quote.
    fn secret(&self) -> &Secret {
        static NONE: std::sync::LazyLock<Secret> = std::sync::LazyLock::new(Secret::default);
        match self {
            Self::Authority { proof: Proof::Secret(secret) | Proof::Assertion(secret), .. } => secret,
            Self::AppService { secret, .. } => secret,
            Self::Imds { .. } => &NONE,
        }
    }
}
