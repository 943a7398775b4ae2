//! Where an instance is found and controlled: what a client function can answer with.

use http::header::{CONTENT_TYPE, HeaderValue, LOCATION, RETRY_AFTER};
use http::{Response, StatusCode};
use longhaul::InstanceId;
use serde::Serialize;

use crate::answers::{JSON, NO_STORE};
use crate::links::Linked;

/// The seconds after which whoever has started an instance is to ask for its status, as in Azure.
const RETRY_AFTER_SECONDS: u32 = 10;

/// What Azure's `createHttpManagementPayload` gives: links to an instance. `{eventName}` and `{text}` in them are for
/// whoever follows them to fill in. Each link opens its own operation on this instance and nothing else, until it
/// expires.
///
/// ```
/// use longhaul::InstanceId;
/// use longhaul_management::{Linked, Settings, Variables};
///
/// let settings = Settings::from_variables(&Variables {
///     management_key: "correct horse",
///     public_base_url: "https://example.com",
///     ..Variables::default()
/// })?;
/// let request = http::Request::get("/start").body(())?.into_parts().0;
/// let links = settings.links("my-hub", &request)?;
/// let id = InstanceId::new("order 7")?;
/// let payload = links.payload(&id, jiff::Timestamp::UNIX_EPOCH);
///
/// let status = payload.status_query_get_uri.as_deref().unwrap();
/// let path = "https://example.com/runtime/webhooks/durabletask/instances/order%207?taskHub=my-hub&connection=Storage";
/// assert!(status.starts_with(path));
///
/// // For clients that may look, and no more.
/// let payload = payload.only(&[Linked::Status]);
/// let json = serde_json::to_value(&payload)?;
/// assert_eq!(json["id"], "order 7");
/// assert_eq!(json.as_object().unwrap().len(), 2);
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "camelCase")]
#[allow(missing_docs)]
pub struct ManagementPayload {
    /// The instance.
    pub id: InstanceId,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub status_query_get_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub send_event_post_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub terminate_post_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rewind_post_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub purge_history_delete_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub restart_post_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub suspend_post_uri: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pub resume_post_uri: Option<String>,
}

impl ManagementPayload {
    /// The same with these links alone.
    #[must_use]
    pub fn only(mut self, kept: &[Linked]) -> Self {
        for linked in Linked::ALL.into_iter().filter(|linked| !kept.contains(linked)) {
            *self.link_mut(linked) = None;
        }
        self
    }

    /// The same with a status link that answers 500 for an instance that has failed.
    #[must_use]
    pub fn with_internal_server_error_on_failure(mut self) -> Self {
        if let Some(uri) = &mut self.status_query_get_uri {
            uri.push_str("&returnInternalServerErrorOnFailure=true");
        }
        self
    }

    fn link_mut(&mut self, linked: Linked) -> &mut Option<String> {
        match linked {
            Linked::Status => &mut self.status_query_get_uri,
            Linked::RaiseEvent => &mut self.send_event_post_uri,
            Linked::Terminate => &mut self.terminate_post_uri,
            Linked::Rewind => &mut self.rewind_post_uri,
            Linked::Purge => &mut self.purge_history_delete_uri,
            Linked::Restart => &mut self.restart_post_uri,
            Linked::Suspend => &mut self.suspend_post_uri,
            Linked::Resume => &mut self.resume_post_uri,
        }
    }
}

/// What Azure's `createCheckStatusResponse` gives: 202, with the payload, and in `Location` the link to the status, if
/// the payload has it.
///
/// ```
/// use longhaul::InstanceId;
/// use longhaul_management::{Linked, Settings, Variables, check_status_response};
///
/// let variables = Variables { management_key: "correct horse", ..Variables::default() };
/// let request = http::Request::get("/start").header("host", "localhost:3000").body(())?.into_parts().0;
/// let links = Settings::from_variables(&variables)?.links("my-hub", &request)?;
/// let payload = links.payload(&InstanceId::new("order-7")?, jiff::Timestamp::UNIX_EPOCH);
///
/// let response = check_status_response(&payload.only(&[Linked::Status, Linked::RaiseEvent]));
/// assert_eq!(response.status(), 202);
/// assert_eq!(response.headers()["retry-after"], "10");
/// let location = response.headers()["location"].to_str()?;
/// assert!(location.starts_with("http://localhost:3000/runtime/webhooks/durabletask/instances/order-7?"));
/// assert!(!response.body().contains("correct horse"));
/// # Ok::<_, Box<dyn std::error::Error>>(())
/// ```
pub fn check_status_response(payload: &ManagementPayload) -> Response<String> {
    let body = serde_json::to_string(payload).expect("a payload has a JSON form");
    let mut response = Response::new(body);
    *response.status_mut() = StatusCode::ACCEPTED;
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, JSON);
    headers.insert(http::header::CACHE_CONTROL, NO_STORE);
    if let Some(uri) = &payload.status_query_get_uri {
        headers.insert(LOCATION, HeaderValue::try_from(uri).expect("a link is visible ASCII"));
        headers.insert(RETRY_AFTER, RETRY_AFTER_SECONDS.into());
    }
    response
}
