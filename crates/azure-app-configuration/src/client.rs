//! Asking a store.

use std::cell::RefCell;
use std::collections::HashMap;
use std::rc::Rc;
use std::time::Duration;

use azure_core::{
    Cached, Clock, Endpoint, Fresh, HttpClient, Requests, RetryPolicy, ServiceFailure, Timestamp,
};
use bytes::Bytes;
use http::header::{ACCEPT, AUTHORIZATION};
use http::{HeaderValue, Request, StatusCode, Uri};
use jiff::fmt::rfc2822::DateTimePrinter;

use crate::access::Access;
use crate::audience::audience;
use crate::error::Error;
use crate::setting::{Setting, SettingKey, read_setting};
use crate::signature::{ToSign, authorization, content_hash};

const SETTING_OR_PROBLEM: &str = "application/vnd.microsoft.appconfig.kv+json, application/problem+json";

/// How long a setting is kept: it has no end of its own, and whoever changes it expects that to be seen.
const KEPT: Duration = Duration::from_secs(5 * 60);

/// A client of one store. Settings are kept in memory for five minutes.
#[derive(Debug)]
pub struct ConfigurationClient<H, C> {
    access: Access,
    requests: Requests<H, C>,
    kept: RefCell<HashMap<SettingKey, Rc<Cached<Setting, Error>>>>,
}

impl<H: HttpClient, C: Clock> ConfigurationClient<H, C> {
    /// A client that tries each request five times.
    pub fn new(access: Access, http: H, clock: C) -> Self {
        Self { access, requests: Requests::new(http, clock), kept: RefCell::default() }
    }

    /// The same client with another policy.
    #[must_use]
    pub fn retry(mut self, retry: RetryPolicy) -> Self {
        self.requests.retry = retry;
        self
    }

    /// Where the store is.
    pub fn endpoint(&self) -> &Endpoint {
        self.access.endpoint()
    }

    /// Reads a setting, or finds it kept.
    ///
    /// # Errors
    ///
    /// Any [`Error`].
    pub async fn get(&self, key: &SettingKey) -> Result<Setting, Error> {
        let cached = self.cached(key);
        let now = || self.requests.clock.now();
        cached
            .get(now, async || {
                let value = self.fetch(key).await?;
                let until = now() + KEPT;
                Ok(Fresh { value, renew_at: until, expires_at: until })
            })
            .await
    }

    /// Gives up a kept setting, so that the next call reads it anew.
    pub fn forget(&self, key: &SettingKey) {
        self.cached(key).forget_if(|_| true);
    }

    fn cached(&self, key: &SettingKey) -> Rc<Cached<Setting, Error>> {
        Rc::clone(self.kept.borrow_mut().entry(key.clone()).or_default())
    }

    async fn fetch(&self, key: &SettingKey) -> Result<Setting, Error> {
        let answer = match &self.access {
            Access::Key(endpoint, _) => self.requests.send(|now| self.request(endpoint, key, now)).await?,
            Access::Tokens(endpoint, tokens) => {
                let scope = audience(endpoint);
                tokens.send(&self.requests, &scope, |now| self.request(endpoint, key, now)).await??
            }
        };
        match answer.status() {
            StatusCode::OK => Ok(read_setting(answer.body())?),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                Err(Error::Refused(ServiceFailure::read(&answer)))
            }
            StatusCode::NOT_FOUND => Err(Error::NotFound(key.clone())),
            _ => Err(Error::Unexpected(ServiceFailure::read(&answer))),
        }
    }

    /// The request, signed for this moment if it is to be.
    fn request(&self, endpoint: &Endpoint, key: &SettingKey, now: Timestamp) -> Request<Bytes> {
        let mut request = Request::new(Bytes::new());
        *request.uri_mut() = Uri::try_from(format!("{endpoint}{}", key.target()))
            .expect("an endpoint is part of a URI, and the target is encoded and not too long");
        let target = request.uri().path_and_query().map_or("/", |target| target.as_str()).to_owned();
        let headers = request.headers_mut();
        headers.insert(ACCEPT, HeaderValue::from_static(SETTING_OR_PROBLEM));
        if let Access::Key(_, key) = &self.access {
            let date = DateTimePrinter::new()
                .timestamp_to_rfc9110_string(&now)
                .unwrap_or_else(|_| "Thu, 01 Jan 1970 00:00:00 GMT".to_owned());
            let content_hash = content_hash(b"");
            let to_sign = ToSign {
                method: "GET",
                target: &target,
                date: &date,
                host: endpoint.authority(),
                content_hash: &content_hash,
            };
            let visible = "dates, base64 and the ids of keys are visible ASCII";
            let mut authorization = HeaderValue::try_from(authorization(key, &to_sign)).expect(visible);
            authorization.set_sensitive(true);
            headers.insert(AUTHORIZATION, authorization);
            headers.insert("x-ms-date", HeaderValue::try_from(date).expect(visible));
            headers.insert("x-ms-content-sha256", HeaderValue::try_from(content_hash).expect(visible));
        }
        request
    }
}
