//! The client: pages of a query, one after the other, each tried until it is there or cannot be had.

use std::time::Duration;

use bytes::Bytes;
use http::{Response, StatusCode};

use crate::connection_string::ConnectionString;
use crate::endpoint::Endpoint;
use crate::error::Error;
use crate::failure::{self, ServiceFailure};
use crate::page::{Continuation, Page, UnreadablePage};
use crate::query::Query;
use crate::request::{self, Draft};
use crate::retry::{self, RetryPolicy};
use crate::transport::{Clock, HttpClient, TransportError};

/// A client of one account's Table service.
#[derive(Debug, Clone)]
pub struct TableClient<H, C> {
    connection: ConnectionString,
    http: H,
    clock: C,
    retry: RetryPolicy,
}

impl<H: HttpClient, C: Clock> TableClient<H, C> {
    /// A client with the default [`RetryPolicy`].
    pub fn new(connection: ConnectionString, http: H, clock: C) -> Self {
        Self { connection, http, clock, retry: RetryPolicy::default() }
    }

    /// The same client with another policy.
    #[must_use]
    pub fn retry(self, retry: RetryPolicy) -> Self {
        Self { retry, ..self }
    }

    /// Where the service is.
    pub fn endpoint(&self) -> &Endpoint {
        self.connection.endpoint()
    }

    /// The pages of a query, from the first. Nothing is sent until one is asked for.
    pub fn query<'a>(&'a self, query: &'a Query) -> Pages<'a, H, C> {
        self.query_from(query, None)
    }

    /// The pages of a query after one that was read before; the query must be the same.
    pub fn query_from<'a>(&'a self, query: &'a Query, from: Option<Continuation>) -> Pages<'a, H, C> {
        Pages {
            client: self,
            query,
            landmark: Landmark { token: from.clone(), age: 0, span: 1 },
            next: Next::Page(from),
            pages: 0,
            retries: 0,
        }
    }

    async fn page(
        &self,
        query: &Query,
        from: Option<&Continuation>,
        retries: &mut u64,
    ) -> Result<Page, Error> {
        let draft = request::page(&self.connection, query, from)?;
        let mut tries = 0;
        loop {
            tries += 1;
            let failure = match self.attempt(&draft, query).await {
                Ok(page) => return Ok(page),
                Err(failure) => failure,
            };
            let wait = match failure.may_pass() {
                true => self.retry.wait(tries, failure.retry_after(), self.clock.jitter()),
                false => None,
            };
            match wait {
                None => return Err(failure.after(tries)),
                Some(Duration::ZERO) => {}
                Some(time) => self.clock.sleep(time).await,
            }
            *retries += 1;
        }
    }

    /// One request.
    async fn attempt(&self, draft: &Draft, query: &Query) -> Result<Page, Failure> {
        let request = request::signed(&self.connection, draft, self.clock.now());
        let response = self.http.send(request).await.map_err(Failure::Transport)?;
        if response.status() == StatusCode::OK {
            return read_page(response);
        }
        let said = ServiceFailure::read(&response);
        if retry::may_pass(said.status) {
            let retry_after = retry::retry_after(response.headers(), self.clock.now());
            return Err(Failure::Service { said, retry_after });
        }
        Err(Failure::Refusal(refusal(said, query)))
    }
}

/// How one request failed.
enum Failure {
    Refusal(Error),
    Transport(TransportError),
    Service {
        said: ServiceFailure,
        retry_after: Option<Duration>,
    },
    /// Such as a body that was cut off where the transport could not know it.
    Answer {
        problem: UnreadablePage,
        request_id: Option<String>,
    },
}

impl Failure {
    /// Whether another try may not meet it.
    fn may_pass(&self) -> bool {
        match self {
            Self::Refusal(_) => false,
            Self::Transport(error) => error.may_pass(),
            Self::Service { .. } | Self::Answer { .. } => true,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Service { retry_after, .. } => *retry_after,
            Self::Refusal(_) | Self::Transport(_) | Self::Answer { .. } => None,
        }
    }

    fn after(self, tries: u32) -> Error {
        match self {
            Self::Refusal(error) => error,
            Self::Transport(last) => Error::Transport { tries, last },
            Self::Service { said, retry_after } => Error::StillFailing { tries, last: said, retry_after },
            Self::Answer { problem, request_id } => Error::BadAnswer { tries, last: problem, request_id },
        }
    }
}

fn read_page(response: Response<Bytes>) -> Result<Page, Failure> {
    let (head, body) = response.into_parts();
    Continuation::from_headers(&head.headers)
        .and_then(|continuation| Page::new(body, continuation))
        .map_err(|problem| Failure::Answer { problem, request_id: failure::request_id(&head.headers) })
}

fn refusal(said: ServiceFailure, query: &Query) -> Error {
    match said.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::Refused(said),
        StatusCode::BAD_REQUEST => Error::InvalidQuery(said),
        StatusCode::NOT_FOUND if said.code.as_deref() == Some("TableNotFound") => {
            Error::TableNotFound { table: query.table.clone(), request_id: said.request_id }
        }
        _ => Error::Unexpected(said),
    }
}

/// The pages of a query, in order.
#[derive(Debug)]
pub struct Pages<'a, H, C> {
    client: &'a TableClient<H, C>,
    query: &'a Query,
    next: Next,
    landmark: Landmark,
    pages: u64,
    retries: u64,
}

#[derive(Debug)]
enum Next {
    Page(Option<Continuation>),
    Nothing,
}

impl<H: HttpClient, C: Clock> Pages<'_, H, C> {
    /// The next page; `None` after the last one and after an error. An empty page does not mean the end. A call that
    /// is dropped before it ends loses nothing: the next one asks for the same page.
    ///
    /// # Errors
    ///
    /// Any [`Error`] but those of parsing.
    pub async fn next(&mut self) -> Option<Result<Page, Error>> {
        let Next::Page(from) = &self.next else { return None };
        let page = self.client.page(self.query, from.as_ref(), &mut self.retries).await;
        let page = page.and_then(|page| {
            self.pages += 1;
            let circle = page.continuation().is_some_and(|next| self.landmark.is_passed_again(next));
            if circle { Err(Error::EndlessPaging { pages: self.pages }) } else { Ok(page) }
        });
        self.next = match &page {
            Ok(page) => page.continuation().map_or(Next::Nothing, |next| Next::Page(Some(next.clone()))),
            Err(_) => Next::Nothing,
        };
        Some(page)
    }

    /// How many pages were read.
    pub fn pages(&self) -> u64 {
        self.pages
    }

    /// How many requests were sent beyond one for each page.
    pub fn retries(&self) -> u64 {
        self.retries
    }
}

/// Notices a circle of tokens of any length with the memory of one (Brent's algorithm): a token is compared with those
/// that follow it, for twice as many each time before a newer one takes its place.
#[derive(Debug)]
struct Landmark {
    token: Option<Continuation>,
    age: u64,
    span: u64,
}

impl Landmark {
    fn is_passed_again(&mut self, next: &Continuation) -> bool {
        if self.token.as_ref() == Some(next) {
            return true;
        }
        self.age += 1;
        if self.age == self.span {
            *self = Self { token: Some(next.clone()), age: 0, span: self.span.saturating_mul(2) };
        }
        false
    }
}
