//! The client: pages of a query, one after the other, each tried until it is there or cannot be had.

use std::borrow::Cow;
use std::time::Duration;

use azure_core::AccessToken;
use bytes::Bytes;
use http::{Response, StatusCode};

use crate::connection_string::{ConnectionString, Credential};
use crate::error::Error;
use crate::failure::{self, ServiceFailure};
use crate::page::{Continuation, Page, UnreadablePage};
use crate::query::Query;
use crate::request::{self, Draft, JSON_WITHOUT_METADATA, TOKEN_SCOPE};
use crate::retry::{self, RetryPolicy};
use crate::table_name::TableName;
use azure_core::Endpoint;
use azure_core::{Clock, HttpClient, TransportError};

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
        self.pages(Cow::Borrowed(query), from)
    }

    pub(crate) fn pages<'a>(&'a self, query: Cow<'a, Query>, from: Option<Continuation>) -> Pages<'a, H, C> {
        Pages {
            client: self,
            query,
            accept: JSON_WITHOUT_METADATA,
            landmark: Landmark::at(from.clone()),
            next: Next::Page(from),
            pages: 0,
            retries: 0,
        }
    }

    pub(crate) fn connection(&self) -> &ConnectionString {
        &self.connection
    }

    async fn page(
        &self,
        query: &Query,
        from: Option<&Continuation>,
        accept: &'static str,
        retries: &mut u64,
    ) -> Result<Page, Error> {
        let draft = Draft { accept, ..request::page(&self.connection, query, from)? };
        self.until_answered(&draft, Effect::None, retries, |response| page_or_refusal(response, query)).await
    }

    /// One try to get a page, for callers that keep their own count of tries.
    pub(crate) async fn try_page(&self, query: &Query, from: Option<&Continuation>) -> Result<Page, Failure> {
        let draft = request::page(&self.connection, query, from)
            .map_err(|error| Failure::Refusal(Error::BadFilter(error)))?;
        self.attempt(&draft, |response| page_or_refusal(response, query)).await
    }

    /// How long to wait after so many tries, of which `failure` is the last; `None` if it makes no sense to try again.
    pub(crate) fn wait_after(&self, tries: u32, failure: &Failure) -> Option<Duration> {
        let wait = || self.retry.wait(tries, failure.retry_after(), self.clock.jitter());
        failure.may_pass().then(wait).flatten()
    }

    pub(crate) fn clock(&self) -> &C {
        &self.clock
    }

    /// Sends a request until `read` takes the answer, or trying again makes no sense or could do harm.
    pub(crate) async fn until_answered<T>(
        &self,
        draft: &Draft,
        effect: Effect,
        retries: &mut u64,
        read: impl Fn(Response<Bytes>) -> Result<T, Failure>,
    ) -> Result<T, Error> {
        let mut tries = 0;
        let mut effect_is_unknown = false;
        loop {
            tries += 1;
            let failure = match self.attempt(draft, &read).await {
                Ok(answer) => return Ok(answer),
                Err(failure) => failure,
            };
            effect_is_unknown |= effect != Effect::None && failure.may_hide_success();
            let may_repeat = effect != Effect::Once || !effect_is_unknown;
            let wait = match failure.may_pass() && may_repeat {
                true => self.retry.wait(tries, failure.retry_after(), self.clock.jitter()),
                false => None,
            };
            match wait {
                None if effect_is_unknown => {
                    return Err(Error::OutcomeUnknown(Box::new(failure.after(tries))));
                }
                None => return Err(failure.after(tries)),
                Some(Duration::ZERO) => {}
                Some(time) => self.clock.sleep(time).await,
            }
            *retries += 1;
        }
    }

    /// One request.
    async fn attempt<T>(
        &self,
        draft: &Draft,
        read: impl Fn(Response<Bytes>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let response = self.send(draft).await?;
        if retry::may_pass(response.status()) {
            let retry_after = retry::retry_after(response.headers(), self.clock.now());
            return Err(Failure::Service { said: ServiceFailure::read(&response), retry_after });
        }
        read(response)
    }
}

/// Sending with what proves who asks.
impl<H: HttpClient, C: Clock> TableClient<H, C> {
    async fn send(&self, draft: &Draft) -> Result<Response<Bytes>, Failure> {
        let send = async |token: Option<&AccessToken>| {
            let request = request::signed(&self.connection, draft, self.clock.now(), token);
            self.http.send(request).await.map_err(Failure::Transport)
        };
        let Credential::Tokens(tokens) = self.connection.credential() else { return send(None).await };
        let token = async || {
            let token = tokens.token(&draft.uri, TOKEN_SCOPE).await;
            token.map_err(|error| Failure::Refusal(Error::NoToken(Box::new(error))))
        };
        let kept = token().await?;
        let response = send(Some(&kept)).await?;
        if response.status() != StatusCode::UNAUTHORIZED {
            return Ok(response);
        }
        // The kept token has been revoked, perhaps. Nothing was done, so that another try with a new one does no harm.
        tokens.forget(TOKEN_SCOPE, &kept);
        send(Some(&token().await?)).await
    }
}

/// What a request does to a table, and so whether it may be sent again when it is not known what the first did.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Effect {
    /// It reads.
    None,
    /// A second time is as good as once.
    Repeatable,
    /// A second time is not.
    Once,
}

/// How one request failed.
pub(crate) enum Failure {
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

    /// Whether the service may have done nevertheless what it was asked. A service that is too busy has not begun.
    fn may_hide_success(&self) -> bool {
        match self {
            Self::Refusal(_) => false,
            Self::Transport(error) => error.may_pass(),
            Self::Service { said, .. } => {
                let too_busy = said.status == StatusCode::TOO_MANY_REQUESTS
                    || said.status == StatusCode::SERVICE_UNAVAILABLE
                        && said.code.as_deref() == Some("ServerBusy");
                !too_busy
            }
            Self::Answer { .. } => true,
        }
    }

    fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::Service { retry_after, .. } => *retry_after,
            Self::Refusal(_) | Self::Transport(_) | Self::Answer { .. } => None,
        }
    }

    /// Whether the service asked to be spared, with or without saying for how long.
    pub(crate) fn is_throttling(&self) -> bool {
        let busy = [StatusCode::TOO_MANY_REQUESTS, StatusCode::SERVICE_UNAVAILABLE];
        matches!(self, Self::Service { said, .. } if busy.contains(&said.status))
    }

    /// The error to report after so many tries.
    pub(crate) fn after(self, tries: u32) -> Error {
        match self {
            Self::Refusal(error) => error,
            Self::Transport(last) => Error::Transport { tries, last },
            Self::Service { said, retry_after } => Error::StillFailing { tries, last: said, retry_after },
            Self::Answer { problem, request_id } => Error::BadAnswer { tries, last: problem, request_id },
        }
    }
}

fn page_or_refusal(response: Response<Bytes>, query: &Query) -> Result<Page, Failure> {
    match response.status() {
        StatusCode::OK => read_page(response),
        _ => Err(Failure::Refusal(refusal(ServiceFailure::read(&response), &query.table))),
    }
}

fn read_page(response: Response<Bytes>) -> Result<Page, Failure> {
    let (head, body) = response.into_parts();
    Continuation::from_headers(&head.headers)
        .and_then(|continuation| Page::new(body, continuation))
        .map_err(|problem| Failure::Answer { problem, request_id: failure::request_id(&head.headers) })
}

/// What every request can be told.
pub(crate) fn refusal(said: ServiceFailure, table: &TableName) -> Error {
    match said.status {
        StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => Error::Refused(said),
        StatusCode::BAD_REQUEST => Error::InvalidQuery(said),
        StatusCode::NOT_FOUND if said.code.as_deref() == Some("TableNotFound") => {
            Error::TableNotFound { table: table.clone(), request_id: said.request_id }
        }
        _ => Error::Unexpected(said),
    }
}

/// The pages of a query, in order.
#[derive(Debug)]
pub struct Pages<'a, H, C> {
    client: &'a TableClient<H, C>,
    query: Cow<'a, Query>,
    pub(crate) accept: &'static str,
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
        let page = self.client.page(&self.query, from.as_ref(), self.accept, &mut self.retries).await;
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
pub(crate) struct Landmark {
    token: Option<Continuation>,
    age: u64,
    span: u64,
}

impl Landmark {
    /// A walk that begins at `token`.
    pub(crate) fn at(token: Option<Continuation>) -> Self {
        Self { token, age: 0, span: 1 }
    }

    pub(crate) fn is_passed_again(&mut self, next: &Continuation) -> bool {
        if self.token.as_ref() == Some(next) {
            return true;
        }
        self.age += 1;
        if self.age == self.span {
            *self = Self { span: self.span.saturating_mul(2), ..Self::at(Some(next.clone())) };
        }
        false
    }
}
