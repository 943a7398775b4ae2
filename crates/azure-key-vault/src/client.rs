//! Asking vaults.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use azure_core::{
    Cached, Clock, Fresh, HttpClient, Requests, RetryPolicy, ServiceFailure, Timestamp, TokenSource,
};
use bytes::Bytes;
use http::header::{ACCEPT, WWW_AUTHENTICATE};
use http::{HeaderValue, Request, Response, StatusCode, Uri};

use crate::answer::{UnreadableSecret, VaultSecret, read_secret};
use crate::challenge::{Challenge, InvalidChallenge};
use crate::error::Error;
use crate::secret_id::SecretId;

const API_VERSION: &str = "7.4";

/// How long a secret is kept if it has no end of its own before: whoever rotates it expects that to be seen.
const KEPT: Duration = Duration::from_secs(5 * 60);

/// How long before its end a secret is asked for again: by then there should be a new one.
const EARLY: Duration = Duration::from_secs(60);

/// A client of vaults. Secrets are kept in memory for five minutes, or until shortly before they end.
#[derive(Debug)]
pub struct VaultClient<H, C> {
    tokens: TokenSource,
    requests: Requests<H, C>,
    /// What each vault asks for, by its address.
    challenges: RefCell<HashMap<String, Challenge>>,
    kept: RefCell<HashMap<String, Rc<Cached<VaultSecret, Error>>>>,
}

impl<H: HttpClient, C: Clock> VaultClient<H, C> {
    /// A client that tries each request five times.
    pub fn new(tokens: TokenSource, http: H, clock: C) -> Self {
        let requests = Requests::new(http, clock);
        Self { tokens, requests, challenges: RefCell::default(), kept: RefCell::default() }
    }

    /// The same client with another policy.
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.requests.retry = retry;
        self
    }

    /// Reads a secret, or finds it kept.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub async fn get(&self, id: &SecretId) -> Result<VaultSecret, Error> {
        let cached = self.cached(id);
        let now = || self.requests.clock.now();
        cached
            .get(now, async || {
                let value = self.fetch(id).await?;
                let until = now() + KEPT;
                // A secret that has ended already is kept like one without an end: it is what there is.
                let end = value.expires_at.filter(|end| *end > now()).map(|end| end - EARLY);
                let renew_at = end.map_or(until, |end| end.min(until));
                Ok(Fresh { value, renew_at, expires_at: until })
            })
            .await
    }

    /// Gives up a kept secret, so that the next call reads it anew.
    pub fn forget(&self, id: &SecretId) {
        self.cached(id).forget_if(|_| true);
    }

    fn cached(&self, id: &SecretId) -> Rc<Cached<VaultSecret, Error>> {
        Rc::clone(self.kept.borrow_mut().entry(id.to_string()).or_default())
    }

    async fn fetch(&self, id: &SecretId) -> Result<VaultSecret, Error> {
        let known = self.challenges.borrow().get(id.vault().as_str()).cloned();
        let challenge = match known {
            Some(challenge) => challenge,
            None => self.challenge(id).await?,
        };
        let answer = self.tokens.send(&self.requests, &challenge.scope, |_| request(id)).await??;
        match answer.status() {
            StatusCode::OK => {
                let secret = read_secret(answer.body())?;
                if id.version().is_some_and(|version| !version.eq_ignore_ascii_case(&secret.version)) {
                    return Err(UnreadableSecret::OtherVersion.into());
                }
                Ok(secret)
            }
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                // What it asks for may have changed.
                self.challenges.borrow_mut().remove(id.vault().as_str());
                Err(Error::Refused(ServiceFailure::read(&answer)))
            }
            StatusCode::NOT_FOUND => Err(Error::NotFound(ServiceFailure::read(&answer))),
            _ => Err(Error::Unexpected(ServiceFailure::read(&answer))),
        }
    }

    /// Asks without a token, to be told which is wanted.
    async fn challenge(&self, id: &SecretId) -> Result<Challenge, Error> {
        let answer: Response<Bytes> = self.requests.send(|_: Timestamp| request(id)).await?;
        if answer.status() != StatusCode::UNAUTHORIZED {
            return Err(match answer.status() {
                StatusCode::FORBIDDEN => Error::Refused(ServiceFailure::read(&answer)),
                _ => Error::Unexpected(ServiceFailure::read(&answer)),
            });
        }
        // Each header may be a challenge; if none can be met, the last one's problem is as good as any.
        let mut challenge = Err(InvalidChallenge::NoBearer);
        for header in answer.headers().get_all(WWW_AUTHENTICATE) {
            if let (Err(_), Ok(header)) = (&challenge, header.to_str()) {
                challenge = Challenge::parse(header);
            }
        }
        let challenge = challenge?;
        if !challenge.is_for(id.vault()) {
            return Err(Error::ForeignChallenge { scope: challenge.scope });
        }
        self.challenges.borrow_mut().insert(id.vault().as_str().to_owned(), challenge.clone());
        Ok(challenge)
    }
}

fn request(id: &SecretId) -> Request<Bytes> {
    let mut request = Request::new(Bytes::new());
    *request.uri_mut() = Uri::try_from(format!("{id}?api-version={API_VERSION}"))
        .expect("a vault's address is part of a URI, and names and versions are plain and short");
    request.headers_mut().insert(ACCEPT, HeaderValue::from_static("application/json"));
    request
}
