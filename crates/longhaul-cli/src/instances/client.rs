//! The management API as a client: one function for each of its operations.

use std::error::Error;
use std::time::Duration;

use bytes::Bytes;
use http::header::{ACCEPT, CONTENT_TYPE, HeaderName, HeaderValue, USER_AGENT};
use http::{HeaderMap, Method, Request, StatusCode};
use http_body_util::{BodyExt as _, Full};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client as HttpClient;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::TokioExecutor;
use serde::Deserialize;
use serde::de::DeserializeOwned;
use tokio::time::timeout;

use super::arguments::Id;
use super::failure::Failure;
use super::filter::Filter;
use super::model::{Instance, Json};
use super::server::Server;

/// How long a connection may take.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// How long an answer may take: a bulk purge of Azure's takes up to 230 s, when its front end gives up.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(240);

/// The key travels in this header, so that it is in no URL and no log of URLs.
const KEY_HEADER: HeaderName = HeaderName::from_static("x-functions-key");
const CONTINUATION_HEADER: HeaderName = HeaderName::from_static("x-ms-continuation-token");

/// A client of one server.
pub struct Client {
    server: Server,
    key: Option<HeaderValue>,
    http: HttpClient<HttpsConnector<HttpConnector>, Full<Bytes>>,
}

/// An instance, and what the server wrote of it.
#[derive(Debug)]
pub struct Shown {
    pub instance: Instance,
    pub json: Json,
}

/// What of an instance is asked for.
#[derive(Debug, Clone, Copy, Default)]
pub struct Wanted {
    pub history: bool,
    pub input: bool,
}

/// Some of the instances.
pub struct Page {
    pub instances: Vec<Shown>,
    /// With what the next page is asked for; None at the end.
    pub token: Option<String>,
}

/// How many were purged.
pub struct Purged {
    pub deleted: u64,
    /// With what the rest is asked for; None at the end.
    pub token: Option<String>,
}

struct Answer {
    status: StatusCode,
    headers: HeaderMap,
    body: Bytes,
}

#[derive(Default)]
struct Call<'a> {
    method: Method,
    path: &'a [&'a str],
    parameters: Vec<(&'static str, String)>,
    body: Option<String>,
    token: Option<&'a str>,
}

impl Client {
    /// A client of `server`.
    ///
    /// # Errors
    /// When the key cannot be one.
    pub fn new(server: Server) -> Result<Self, Failure> {
        let key = server.key.as_ref().map(|key| key.header()).transpose()?;
        let mut http = HttpConnector::new();
        http.enforce_http(false);
        http.set_connect_timeout(Some(CONNECT_TIMEOUT));
        // What this machine trusts, so that a company's own authority counts; Mozilla's list where there is none.
        let builder = HttpsConnectorBuilder::new();
        let builder =
            builder.with_native_roots().unwrap_or_else(|_| HttpsConnectorBuilder::new().with_webpki_roots());
        let https = builder.https_or_http().enable_http1().wrap_connector(http);
        Ok(Self { server, key, http: HttpClient::builder(TokioExecutor::new()).build(https) })
    }

    /// The server that it speaks to.
    pub fn server(&self) -> &Server {
        &self.server
    }

    /// The status of an instance.
    pub async fn status(&self, id: &Id, wanted: Wanted) -> Result<Shown, Failure> {
        let mut parameters = vec![("showInput", wanted.input.to_string())];
        if wanted.history {
            let more = ["showHistory", "showHistoryOutput", "showEventIds"];
            parameters.extend(more.map(|name| (name, true.to_string())));
        }
        let call = Call { path: &["instances", id.as_str()], parameters, ..Call::default() };
        let answer = self.ask(call).await?;
        self.of_instance(&answer, id).await?;
        self.shown(self.read(&answer)?)
    }

    /// A page of the instances, the one that `token` continues with.
    pub async fn page(
        &self,
        filter: &Filter,
        show_input: bool,
        top: usize,
        token: Option<&str>,
    ) -> Result<Page, Failure> {
        let mut parameters = filter.parameters();
        parameters.push(("showInput", show_input.to_string()));
        parameters.push(("top", top.to_string()));
        let answer = self.ask(Call { path: &["instances"], parameters, token, ..Call::default() }).await?;
        self.of_all(&answer)?;
        let documents: Vec<Json> = self.read(&answer)?;
        let instances = documents.into_iter().map(|json| self.shown(json)).collect::<Result<Vec<_>, _>>()?;
        Ok(Page { instances, token: answer.continuation() })
    }

    /// How many instances there are; None if the server does not count.
    pub async fn count(&self, filter: &Filter) -> Result<Option<u64>, Failure> {
        #[derive(Deserialize)]
        struct Counted {
            count: u64,
        }
        let path = &["instances", "count"];
        let answer = self.ask(Call { path, parameters: filter.parameters(), ..Call::default() }).await?;
        // To a server that does not count, this asks for an instance with that id.
        let counted: Option<Counted> = serde_json::from_slice(&answer.body).ok();
        Ok(counted.filter(|_| answer.status.is_success()).map(|counted| counted.count))
    }

    /// Starts an instance; answers its id, and what the server wrote.
    pub async fn start(
        &self,
        name: &str,
        id: Option<&Id>,
        version: Option<&str>,
        input: Option<String>,
    ) -> Result<(Id, Json), Failure> {
        let path: Vec<_> = ["orchestrators", name].into_iter().chain(id.map(Id::as_str)).collect();
        let parameters = version.map(|version| ("version", version.to_owned())).into_iter().collect();
        let call = Call { method: Method::POST, path: &path, parameters, body: input, token: None };
        let answer = self.ask(call).await?;
        if answer.status == StatusCode::CONFLICT {
            let id = id.map(|id| id.as_str().to_owned()).unwrap_or_default();
            return Err(Failure::Conflict { id, why: answer.why() });
        }
        self.of_all(&answer)?;
        self.started(&answer)
    }

    /// Starts an instance again with its input, by default under a new id; answers as [`Client::start`].
    pub async fn restart(&self, id: &Id, new_id: bool) -> Result<(Id, Json), Failure> {
        let parameters = vec![("restartWithNewInstanceId", new_id.to_string())];
        let path = &["instances", id.as_str(), "restart"];
        let answer = self.ask(Call { method: Method::POST, path, parameters, ..Call::default() }).await?;
        self.of_instance(&answer, id).await?;
        self.started(&answer)
    }

    /// Tells an instance one of `terminate`, `suspend`, `resume`, `rewind`.
    pub async fn tell(&self, id: &Id, operation: &str, reason: Option<&str>) -> Result<(), Failure> {
        let parameters = reason.map(|reason| ("reason", reason.to_owned())).into_iter().collect();
        let path = &["instances", id.as_str(), operation];
        let answer = self.ask(Call { method: Method::POST, path, parameters, ..Call::default() }).await?;
        self.of_instance(&answer, id).await
    }

    /// Raises an event.
    pub async fn raise(&self, id: &Id, event: &str, data: String) -> Result<(), Failure> {
        let path = &["instances", id.as_str(), "raiseEvent", event];
        let body = Some(data);
        let answer = self.ask(Call { method: Method::POST, path, body, ..Call::default() }).await?;
        self.of_instance(&answer, id).await
    }

    /// Purges one instance; if it is said, with its sub-orchestrations.
    pub async fn purge(&self, id: &Id, recursive: bool) -> Result<u64, Failure> {
        let path = &["instances", id.as_str()];
        let parameters = recursion(recursive);
        let answer = self.ask(Call { method: Method::DELETE, path, parameters, ..Call::default() }).await?;
        self.of_instance(&answer, id).await?;
        Ok(self.read::<Deleted>(&answer)?.instances_deleted)
    }

    /// Purges those that the filter selects, or what of them is left after `token`.
    pub async fn purge_many(
        &self,
        filter: &Filter,
        recursive: bool,
        token: Option<&str>,
    ) -> Result<Purged, Failure> {
        let parameters = [filter.parameters(), recursion(recursive)].concat();
        let call = Call { method: Method::DELETE, path: &["instances"], parameters, token, body: None };
        let answer = self.ask(call).await?;
        if answer.status == StatusCode::NOT_FOUND {
            self.check_api().await?;
            return Ok(Purged { deleted: 0, token: None });
        }
        self.of_all(&answer)?;
        let deleted = self.read::<Deleted>(&answer)?.instances_deleted;
        Ok(Purged { deleted, token: answer.continuation() })
    }

    async fn ask(&self, call: Call<'_>) -> Result<Answer, Failure> {
        let url = self.server.url(call.path, &call.parameters);
        let mut request = Request::builder().method(call.method).uri(url.as_str());
        request = request.header(ACCEPT, "application/json");
        request = request.header(USER_AGENT, concat!("longhaul/", env!("CARGO_PKG_VERSION")));
        if let Some(key) = &self.key {
            request = request.header(KEY_HEADER, key);
        }
        if let Some(token) = call.token {
            request = request.header(CONTINUATION_HEADER, token);
        }
        if call.body.is_some() {
            request = request.header(CONTENT_TYPE, "application/json");
        }
        let request = request.body(Full::new(call.body.unwrap_or_default().into()));
        let request =
            request.map_err(|error| Failure::Usage(format!("this cannot be asked for: {error}")))?;
        let server = self.server.to_string();
        let answer = timeout(ANSWER_TIMEOUT, self.send(request)).await;
        let answer = answer
            .map_err(|_| Failure::TimedOut { server: server.clone(), seconds: ANSWER_TIMEOUT.as_secs() })?
            .map_err(|error| Failure::Unreachable { server: server.clone(), why: causes(&*error) })?;
        match (answer.status, &self.key) {
            (StatusCode::UNAUTHORIZED, None) => Err(Failure::NoKey { server }),
            (StatusCode::UNAUTHORIZED, Some(_)) => Err(Failure::KeyRefused { server }),
            _ => Ok(answer),
        }
    }

    async fn send(&self, request: Request<Full<Bytes>>) -> Result<Answer, Box<dyn Error + Send + Sync>> {
        let (head, body) = self.http.request(request).await?.into_parts();
        let body = body.collect().await?.to_bytes();
        Ok(Answer { status: head.status, headers: head.headers, body })
    }

    /// What an answer says that is about one instance.
    async fn of_instance(&self, answer: &Answer, id: &Id) -> Result<(), Failure> {
        let id = || id.as_str().to_owned();
        match answer.status {
            StatusCode::NOT_FOUND => {
                self.check_api().await?;
                Err(Failure::NoInstance(id()))
            }
            StatusCode::GONE => {
                let what = "nothing can be done to it but restart, rewind if it has failed, and purge";
                Err(Failure::Ended { id: id(), what })
            }
            StatusCode::CONFLICT => Err(Failure::Conflict { id: id(), why: answer.why() }),
            _ => self.of_all(answer),
        }
    }

    /// What an answer says that is about no instance in particular.
    fn of_all(&self, answer: &Answer) -> Result<(), Failure> {
        let server = self.server.to_string();
        match answer.status {
            status if status.is_success() => Ok(()),
            StatusCode::NOT_FOUND => Err(Failure::NoApi { server }),
            status => Err(Failure::Refused { server, status, why: answer.why() }),
        }
    }

    /// A 404 may be about the instance or about everything: a list is answered only where there is an API.
    async fn check_api(&self) -> Result<(), Failure> {
        let parameters = vec![("top", "1".to_owned()), ("showInput", "false".to_owned())];
        let answer = self.ask(Call { path: &["instances"], parameters, ..Call::default() }).await?;
        self.of_all(&answer)
    }

    fn started(&self, answer: &Answer) -> Result<(Id, Json), Failure> {
        #[derive(Deserialize)]
        struct Started {
            id: String,
        }
        let Started { id } = self.read(answer)?;
        let id = id.parse().map_err(|why| self.unreadable(why))?;
        Ok((id, self.read(answer)?))
    }

    fn shown(&self, json: Json) -> Result<Shown, Failure> {
        let instance =
            serde_json::from_str(json.get()).map_err(|error| self.unreadable(error.to_string()))?;
        Ok(Shown { instance, json })
    }

    fn read<T: DeserializeOwned>(&self, answer: &Answer) -> Result<T, Failure> {
        serde_json::from_slice(&answer.body).map_err(|error| self.unreadable(error.to_string()))
    }

    /// That the server answers with something else.
    pub fn unreadable(&self, why: String) -> Failure {
        Failure::Unreadable { server: self.server.to_string(), why }
    }
}

fn recursion(recursive: bool) -> Vec<(&'static str, String)> {
    if recursive { vec![("recursive", recursive.to_string())] } else { Vec::new() }
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Deleted {
    instances_deleted: u64,
}

impl Answer {
    fn continuation(&self) -> Option<String> {
        let token = self.headers.get(CONTINUATION_HEADER)?.to_str().ok()?;
        Some(token.to_owned()).filter(|token| !token.is_empty() && token != "null")
    }

    /// What the server says of a refusal: ASP.NET's `HttpError`, a JSON string, or any text.
    fn why(&self) -> String {
        why(&self.body)
    }
}

fn why(body: &[u8]) -> String {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Said {
        #[serde(rename_all = "PascalCase")]
        Error {
            message: String,
            exception_message: Option<String>,
        },
        Text(String),
    }
    match serde_json::from_slice(body) {
        Ok(Said::Error { message, exception_message }) => {
            exception_message.filter(|message| !message.is_empty()).unwrap_or(message)
        }
        Ok(Said::Text(text)) => text,
        Err(_) if body.is_empty() => "it does not say why".to_owned(),
        Err(_) => super::text::cut(String::from_utf8_lossy(body).trim(), 300),
    }
}

/// An error with what caused it; each once.
fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        let cause_text = cause.to_string();
        if !text.contains(&cause_text) {
            text = format!("{text}: {cause_text}");
        }
        source = cause.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_refusal_is_told_in_the_servers_words() {
        for (body, expected) in [
            (r#"{"Message": "m", "ExceptionMessage": "why", "ExceptionType": "T", "StackTrace": ""}"#, "why"),
            (r#"{"Message": "m", "ExceptionMessage": null}"#, "m"),
            (r#"{"Message": "m", "ExceptionMessage": ""}"#, "m"),
            (
                r#""Please provide value for 'createdTimeFrom' parameter.""#,
                "Please provide value for 'createdTimeFrom' parameter.",
            ),
            ("", "it does not say why"),
            ("Bad Gateway\n", "Bad Gateway"),
            (r#"{"error": 1}"#, r#"{"error": 1}"#),
        ] {
            assert_eq!(why(body.as_bytes()), expected);
        }
    }
}
