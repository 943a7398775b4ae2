//! Requests that may be repeated: each tried until it is answered, or cannot be.

use std::time::Duration;

use bytes::Bytes;
use futures::future::{Either, select};
use http::{Request, Response};
use jiff::Timestamp;

use crate::failure::ServiceFailure;
use crate::retry::{self, RetryPolicy};
use crate::secret::Secret;
use crate::transport::{Clock, HttpClient, TransportError};

/// A transport, a clock, and the patience to use them.
#[derive(Debug, Clone)]
pub struct Requests<H, C> {
    /// Sends.
    pub http: H,
    /// Tells the time and waits.
    pub clock: C,
    /// How often a request is tried.
    pub retry: RetryPolicy,
    /// How long one try may take.
    pub limit: Duration,
    /// Statuses that may pass besides those that always may (408, 429, 500, 502, 503, 504).
    pub also_passing: &'static [u16],
}

impl<H: HttpClient, C: Clock> Requests<H, C> {
    /// Five tries of 30 s each.
    pub fn new(http: H, clock: C) -> Self {
        let retry = RetryPolicy { tries: 5, ..RetryPolicy::default() };
        Self { http, clock, retry, limit: Duration::from_secs(30), also_passing: &[] }
    }

    /// Sends a request that may be repeated. `make` makes it anew for each try, at the time that it is given.
    ///
    /// # Errors
    ///
    /// [`Unanswered`] if no try was answered with anything but a failure that may pass.
    pub async fn send(
        &self,
        make: impl Fn(Timestamp) -> Request<Bytes>,
    ) -> Result<Response<Bytes>, Unanswered> {
        let mut tries = 0;
        loop {
            tries += 1;
            let (failure, retry_after) = match self.attempt(make(self.clock.now())).await {
                Ok(response) if self.may_pass(&response) => {
                    let retry_after = retry::retry_after(response.headers(), self.clock.now());
                    let last = ServiceFailure::read(&response);
                    (Unanswered::StillFailing { tries, last, retry_after }, retry_after)
                }
                Ok(response) => return Ok(response),
                Err(last) if last.may_pass() => (Unanswered::Transport { tries, last }, None),
                Err(last) => return Err(Unanswered::Transport { tries, last }),
            };
            match self.retry.wait(tries, retry_after, self.clock.jitter()) {
                None => return Err(failure),
                Some(Duration::ZERO) => {}
                Some(time) => self.clock.sleep(time).await,
            }
        }
    }

    async fn attempt(&self, request: Request<Bytes>) -> Result<Response<Bytes>, TransportError> {
        let sent = std::pin::pin!(self.http.send(request));
        let limit = std::pin::pin!(self.clock.sleep(self.limit));
        match select(sent, limit).await {
            Either::Left((answer, _)) => answer,
            Either::Right(_) => {
                let seconds = self.limit.as_secs();
                Err(TransportError::temporary(format!("no answer within {seconds} s")))
            }
        }
    }

    fn may_pass(&self, response: &Response<Bytes>) -> bool {
        let status = response.status();
        retry::may_pass(status) || self.also_passing.contains(&status.as_u16())
    }
}

/// No try had an answer that can be used.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Unanswered {
    /// The service cannot be reached, or connections to it break.
    #[error("it could not be reached (tries: {tries}): {last}")]
    Transport {
        /// How many requests were sent.
        tries: u32,
        /// How the last one failed. It is part of the text already, so it is not the error's source as well.
        last: TransportError,
    },
    /// The service is overloaded or broken, and was so at each try.
    #[error("it still fails (tries: {tries}): {last}")]
    StillFailing {
        /// How many requests were sent.
        tries: u32,
        /// How it failed last.
        last: ServiceFailure,
        /// When the service asked to come again.
        retry_after: Option<Duration>,
    },
}

impl Unanswered {
    /// The same without a text that was part of the request, should the service quote it.
    #[must_use]
    pub fn without(self, secret: &Secret) -> Self {
        match self {
            Self::StillFailing { tries, last, retry_after } => {
                Self::StillFailing { tries, last: last.without(secret), retry_after }
            }
            Self::Transport { .. } => self,
        }
    }

    /// Whether the same may succeed later.
    pub fn may_pass(&self) -> bool {
        match self {
            Self::Transport { last, .. } => last.may_pass(),
            Self::StillFailing { .. } => true,
        }
    }
}
