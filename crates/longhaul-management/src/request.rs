//! A request that may be answered.

use http::header::CONTENT_TYPE;
use http::request::Parts;
use http::{HeaderMap, Uri};
use jiff::Timestamp;
use longhaul::InstanceId;
use public_address::{BaseUri, NoBaseUri};

use crate::continuation;
use crate::keys;
use crate::links::{self, Linked, Links, NotOpened};
use crate::operations::Operation;
use crate::parameters::Parameters;
use crate::refusal::Refusal;
use crate::route::{Base, Route, Segments, route, row};
use crate::settings::Settings;

/// The longest name of a function or an event, in characters.
const MAX_NAME: usize = 256;
/// How much of a path is logged of a request that is refused.
const LOGGED: usize = 200;

/// By what right a request is answered.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Grant {
    /// By the key.
    Key,
    /// By a link that is good until then, for this operation on this instance.
    Link { expires: Timestamp },
}

/// A request that may be answered: it asks for something that there is, and has presented what opens it.
#[derive(Debug)]
pub struct Admitted {
    pub(crate) base: Base,
    pub(crate) operation: Operation,
    pub(crate) grant: Grant,
    pub(crate) parameters: Parameters,
    segments: Segments,
    uri: Uri,
    headers: HeaderMap,
    address: Result<BaseUri, NoBaseUri>,
}

impl Admitted {
    /// Whether the request has a body that matters.
    pub fn takes_body(&self) -> bool {
        row(self.operation).request.is_some()
    }

    /// The instance in the path.
    pub(crate) fn instance(&self) -> Result<InstanceId, Refusal> {
        Ok(InstanceId::new(self.segment("instanceId"))?)
    }

    /// The instance in the path, where it may be left out.
    pub(crate) fn chosen_instance(&self) -> Result<Option<InstanceId>, Refusal> {
        let id = self.segments.get("instanceId");
        Ok(id.map(InstanceId::new).transpose()?)
    }

    /// A name in the path. Names follow the rules for instance ids.
    pub(crate) fn name(&self, what: &'static str) -> Result<&str, Refusal> {
        let name = self.segment(what);
        let is_long = name.chars().count() > MAX_NAME;
        let is_odd = |c: char| matches!(c, '/' | '\\' | '#' | '?') || c.is_control();
        if name.is_empty() || is_long || name.starts_with('@') || name.contains(is_odd) {
            let rule = "it is empty, longer than 256 characters, begins with '@', or contains '/', '\\', '#', '?' or a \
                        control character";
            return Err(Refusal::BadArgument(format!("{what} is no name: {rule}")));
        }
        Ok(name)
    }

    fn segment(&self, name: &str) -> &str {
        self.segments.get(name).unwrap_or_default()
    }

    /// Whether the body says that it is JSON.
    pub(crate) fn says_json(&self) -> bool {
        let content_type = self.headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
        let media_type = content_type.and_then(|text| text.split(';').next()).unwrap_or_default();
        media_type.trim().eq_ignore_ascii_case("application/json")
    }

    /// Where the page before ended.
    pub(crate) fn continuation(&self, settings: &Settings, hub: &str) -> Result<Option<u64>, Refusal> {
        let header = self.headers.get(continuation::HEADER).map(|value| value.to_str().unwrap_or("?"));
        let Some(token) = header.filter(|token| !token.trim().is_empty()) else { return Ok(None) };
        let malformed = || Refusal::BadArgument("the continuation token is none that this API gave".into());
        continuation::slot(&settings.keys, hub, token).map(Some).ok_or_else(malformed)
    }

    /// What makes links under the address that the request was sent to.
    pub(crate) fn links(&self, settings: &Settings, hub: &str) -> Result<Links, Refusal> {
        let Settings { keys, link_lifetime, .. } = settings;
        let base = self.address.clone().map_err(|error| Refusal::BadArgument(error.to_string()))?;
        Ok(Links { keys: keys.clone(), lifetime: *link_lifetime, hub: hub.to_owned(), base })
    }

    /// The URI of the request as its sender knows it, but for the key: with the code of a link to the status of `id` in
    /// the place of that. Who came by a link gets no other.
    pub(crate) fn own_uri(
        &self,
        settings: &Settings,
        hub: &str,
        id: &InstanceId,
        now: Timestamp,
    ) -> Result<String, Refusal> {
        let links = self.links(settings, hub)?;
        let query = self.uri.query().unwrap_or_default();
        let query = match self.grant {
            Grant::Link { .. } => query.to_owned(),
            Grant::Key => {
                let is_code = |part: &&str| {
                    let name = part.split('=').next().unwrap_or_default();
                    let name = percent_encoding::percent_decode_str(name).decode_utf8_lossy();
                    name.eq_ignore_ascii_case("code")
                };
                let mut parts: Vec<_> =
                    query.split('&').filter(|part| !part.is_empty() && !is_code(part)).collect();
                let expires = now.saturating_add(links.lifetime).unwrap_or(Timestamp::MAX);
                let code = links::code(&settings.keys, hub, Linked::Status, id, expires);
                let code = format!("code={}", code.unwrap_or_default());
                parts.push(&code);
                parts.join("&")
            }
        };
        Ok(format!("{}{}?{query}", links.base, self.uri.path()))
    }
}

/// Lets a request in, or says why not. Those that are refused for want of a key are logged, without what they presented.
pub(crate) fn admit(
    head: &Parts,
    settings: &Settings,
    hub: &str,
    now: Timestamp,
) -> Result<Admitted, Refusal> {
    if settings.keys.is_empty() {
        return Err(Refusal::Nowhere);
    }
    let parameters = Parameters::of(&head.uri);
    let route = route(&head.method, &head.uri);
    let grant = grant(head, &parameters, &route, settings, hub, now).map_err(|why| {
        let path: String = head.uri.path().chars().take(LOGGED).collect();
        tracing::warn!("the management API refused {} {path}: {why}", head.method);
        Refusal::Unauthorized
    })?;
    match route {
        Route::Nowhere => Err(Refusal::Nowhere),
        Route::WrongMethod { allowed } => Err(Refusal::WrongMethod(allowed)),
        Route::To { base, operation, segments } => Ok(Admitted {
            base,
            operation,
            grant,
            parameters,
            segments,
            uri: head.uri.clone(),
            headers: head.headers.clone(),
            address: public_address::of_request(head, &settings.address),
        }),
    }
}

fn grant(
    head: &Parts,
    parameters: &Parameters,
    route: &Route,
    settings: &Settings,
    hub: &str,
    now: Timestamp,
) -> Result<Grant, String> {
    let presented = keys::presented(&head.headers, parameters);
    if presented.iter().any(|key| settings.keys.has(key)) {
        return Ok(Grant::Key);
    }
    if presented.is_empty() {
        return Err("no key was presented".into());
    }
    let linked = match route {
        Route::To { operation, segments, .. } => Linked::to(*operation).zip(segments.get("instanceId")),
        _ => None,
    };
    let linked = linked.and_then(|(linked, id)| Some((linked, InstanceId::new(id).ok()?)));
    let Some((linked, id)) = linked else { return Err("what was presented is no key".into()) };
    let mut why = NotOpened::NoCode;
    for code in parameters.all("code") {
        match links::opened(&settings.keys, hub, linked, &id, code, now) {
            Ok(expires) => return Ok(Grant::Link { expires }),
            Err(error) => why = error,
        }
    }
    Err(format!("what was presented is {why}"))
}
