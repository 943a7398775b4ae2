//! The engine's private HTTP interface, as pure functions: which requests the components take, and what they mean.

use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::activity::ActivityRequest;
use crate::id::{InstanceId, InstanceKey};
use crate::kick::{SchedulerKick, TickKick};
use crate::replay_door::ReplayRequest;

/// A request that a private component does not take: the status to answer, and why.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Refused {
    /// The HTTP status.
    pub status: u16,
    /// For whoever sent the request.
    pub message: String,
}

/// The path under which the orchestrator component advances the instance at `key`.
pub fn tick_path(key: &InstanceKey) -> String {
    format!("/tick/{}", encode(key.as_str()))
}

/// The path under which an activity component runs the function `name`.
pub fn activity_path(name: &str) -> String {
    format!("/activities/{}", encode(name))
}

/// The path under which the scheduler component runs.
pub const SCHEDULER_PATH: &str = "/run";

/// Reads a request to the orchestrator component: `POST /tick/{key}` with a [`TickKick`], or no body.
///
/// # Errors
/// The answer to send.
pub fn tick_request(method: &str, path: &str, body: &[u8]) -> Result<(InstanceKey, TickKick), Refused> {
    let key = named(method, path, "/tick/")?;
    Ok((InstanceKey::received(&key), read_or_default(body)?))
}

/// The path under which the orchestrator component says whether its code replays a history.
pub const REPLAY_PATH: &str = "/replay";

/// The path under which the orchestrator component says, to a `GET`, which functions it has: the JSON of
/// [`Registered`](crate::Registered).
pub const FUNCTIONS_PATH: &str = "/functions";

/// Reads a request to the replay door of the orchestrator component: `POST /replay` with `{"instance": "ID"}`, with
/// `{"instance": "ID", "export": true}`, or with a [`StatusDocument`](crate::projection::StatusDocument).
///
/// # Errors
/// The answer to send.
pub fn replay_request(method: &str, path: &str, body: &[u8]) -> Result<ReplayRequest, Refused> {
    #[derive(Deserialize)]
    struct OfInstance {
        instance: Option<InstanceId>,
        #[serde(default)]
        export: bool,
    }
    if path != REPLAY_PATH {
        return Err(not_found());
    }
    post(method)?;
    match read(body)? {
        OfInstance { instance: Some(id), export: true } => Ok(ReplayRequest::Export(id)),
        OfInstance { instance: Some(id), export: false } => Ok(ReplayRequest::Check(id)),
        OfInstance { instance: None, .. } => Ok(ReplayRequest::CheckDocument(read(body)?)),
    }
}

/// Reads a request to the scheduler component: `POST /run` with a [`SchedulerKick`], or no body.
///
/// # Errors
/// The answer to send.
pub fn scheduler_request(method: &str, path: &str, body: &[u8]) -> Result<SchedulerKick, Refused> {
    if path != SCHEDULER_PATH {
        return Err(not_found());
    }
    post(method)?;
    read_or_default(body)
}

/// Reads a request to an activity component: `POST /activities/{name}` with an [`ActivityRequest`].
///
/// # Errors
/// The answer to send.
pub fn activity_request(method: &str, path: &str, body: &[u8]) -> Result<(String, ActivityRequest), Refused> {
    Ok((named(method, path, "/activities/")?, read(body)?))
}

fn named(method: &str, path: &str, prefix: &str) -> Result<String, Refused> {
    let name = path.strip_prefix(prefix).filter(|name| !name.is_empty() && !name.contains('/'));
    let name = name.and_then(decode).ok_or_else(not_found)?;
    post(method)?;
    Ok(name)
}

fn post(method: &str) -> Result<(), Refused> {
    match method {
        "POST" => Ok(()),
        _ => Err(Refused { status: 405, message: "use POST".into() }),
    }
}

fn not_found() -> Refused {
    Refused { status: 404, message: "there is nothing under this path".into() }
}

fn read_or_default<T: DeserializeOwned + Default>(body: &[u8]) -> Result<T, Refused> {
    match body.is_empty() {
        true => Ok(T::default()),
        false => read(body),
    }
}

fn read<'a, T: Deserialize<'a>>(body: &'a [u8]) -> Result<T, Refused> {
    serde_json::from_slice(body).map_err(|error| Refused {
        status: 400,
        message: format!("the body is not what is expected here: {error}"),
    })
}

fn encode(text: &str) -> String {
    percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
}

fn decode(text: &str) -> Option<String> {
    Some(percent_encoding::percent_decode_str(text).decode_utf8().ok()?.into_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_survives_its_path() {
        for key in ["0123abcd", "order 7.1", "ü/%.2"] {
            let key = InstanceKey::received(key);
            let read = tick_request("POST", &tick_path(&key), b"").unwrap();
            assert_eq!(read, (key, TickKick::default()));
        }
    }

    #[test]
    fn a_replay_is_asked_for_by_an_id_or_with_a_document() {
        let read = |body: &str| replay_request("POST", "/replay", body.as_bytes());
        let id = InstanceId::new("i 1").unwrap();
        assert_eq!(read(r#"{"instance":"i 1"}"#).unwrap(), ReplayRequest::Check(id.clone()));
        assert_eq!(read(r#"{"instance":"i 1","export":true}"#).unwrap(), ReplayRequest::Export(id.clone()));
        let document = r#"{"name":"o","instanceId":"i 1","runtimeStatus":"Completed","input":{"b":1,"a":1e3},
            "customStatus":null,"output":7,"createdTime":"2021-10-10T00:00:00Z","executionId":"x",
            "lastUpdatedTime":"2021-10-10T00:00:01+00:00","historyEvents":[],"purgeHistoryDeleteUri":"anything"}"#;
        let ReplayRequest::CheckDocument(document) = read(document).unwrap() else { panic!("it is one") };
        assert_eq!((document.instance_id, document.input.text()), (id, r#"{"b":1,"a":1e3}"#));
        let refused = |method, body: &str| replay_request(method, "/replay", body.as_bytes()).unwrap_err();
        assert_eq!(refused("GET", "").status, 405);
        for body in ["", "{", "[]", r#"{"instance":"a/b"}"#, r#"{"instanceId":"i"}"#] {
            assert_eq!(refused("POST", body).status, 400, "{body}");
        }
        assert!(refused("POST", r#"{"instanceId":"i"}"#).message.contains("missing field `name`"));
        assert_eq!(replay_request("POST", "/replay/", b"{}").unwrap_err().status, 404);
    }

    #[test]
    fn kicks_are_read_and_anything_else_is_refused() {
        let due = scheduler_request("POST", "/run", br#"{"due":"2021-10-10T00:00:00Z"}"#).unwrap().due;
        assert_eq!(due, Some("2021-10-10T00:00:00Z".parse().unwrap()));
        let tick = |method, path, body: &str| tick_request(method, path, body.as_bytes()).unwrap_err().status;
        assert_eq!(tick("GET", "/tick/a", ""), 405);
        assert_eq!(tick("POST", "/tick/", ""), 404);
        assert_eq!(tick("POST", "/tick/a/b", ""), 404);
        assert_eq!(tick("POST", "/tock/a", ""), 404);
        assert_eq!(tick("POST", "/tick/a", "{"), 400);
        assert_eq!(tick("POST", "/tick/a", r#"{"tokn":"x"}"#), 400);
        assert_eq!(scheduler_request("POST", "/", b"").unwrap_err().status, 404);
        assert_eq!(scheduler_request("GET", "/run", b"").unwrap_err().status, 405);
        assert_eq!(activity_request("POST", "/activities/a%20b", b"{}").unwrap_err().status, 400);
    }
}
