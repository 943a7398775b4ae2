//! Links that open one operation on one instance until they expire.
//!
//! The `code` of a link is not the key, but a signature under it: `l1.{expiry}.{HMAC-SHA-256}`, the expiry in seconds
//! since 1970. It covers the task hub, the operation, the instance id and the expiry.

use std::time::Duration;

use base64::Engine as _;
use base64::prelude::BASE64_URL_SAFE_NO_PAD;
use jiff::Timestamp;
use longhaul::InstanceId;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use public_address::BaseUri;
use serde::Serialize;
use thiserror::Error;

use crate::keys::Keys;
use crate::operations::Operation;
use crate::payload::ManagementPayload;
use crate::route::WEBHOOKS;

const PURPOSE: &str = "links";
const VERSION: &str = "l1";

/// Everything but the unreserved characters of RFC 3986, section 2.3.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// What a link can open.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub enum Linked {
    /// `statusQueryGetUri`.
    Status,
    /// `sendEventPostUri`.
    RaiseEvent,
    /// `terminatePostUri`.
    Terminate,
    /// `rewindPostUri`.
    Rewind,
    /// `purgeHistoryDeleteUri`.
    Purge,
    /// `restartPostUri`.
    Restart,
    /// `suspendPostUri`.
    Suspend,
    /// `resumePostUri`.
    Resume,
}

impl Linked {
    /// All of them.
    pub const ALL: [Self; 8] = [
        Self::Status,
        Self::RaiseEvent,
        Self::Terminate,
        Self::Rewind,
        Self::Purge,
        Self::Restart,
        Self::Suspend,
        Self::Resume,
    ];

    /// What a link to the operation would open; none: there are no links to it.
    pub(crate) fn to(operation: Operation) -> Option<Self> {
        Self::ALL.into_iter().find(|linked| linked.operation() == operation)
    }

    fn operation(self) -> Operation {
        match self {
            Self::Status => Operation::Status,
            Self::RaiseEvent => Operation::RaiseEvent,
            Self::Terminate => Operation::Terminate,
            Self::Rewind => Operation::Rewind,
            Self::Purge => Operation::Purge,
            Self::Restart => Operation::Restart,
            Self::Suspend => Operation::Suspend,
            Self::Resume => Operation::Resume,
        }
    }

    /// What is signed. It stays as it is, whatever becomes of the other names.
    fn signed_name(self) -> &'static str {
        match self {
            Self::Status => "status",
            Self::RaiseEvent => "raiseEvent",
            Self::Terminate => "terminate",
            Self::Rewind => "rewind",
            Self::Purge => "purge",
            Self::Restart => "restart",
            Self::Suspend => "suspend",
            Self::Resume => "resume",
        }
    }

    /// What stands after the id in the path, and the parameters that whoever follows the link is to fill in.
    fn path_and_query(self) -> (&'static str, &'static str) {
        match self {
            Self::Status | Self::Purge => ("", ""),
            Self::RaiseEvent => ("/raiseEvent/{eventName}", ""),
            Self::Terminate => ("/terminate", "reason={text}&"),
            Self::Rewind => ("/rewind", "reason={text}&"),
            Self::Restart => ("/restart", ""),
            Self::Suspend => ("/suspend", "reason={text}&"),
            Self::Resume => ("/resume", "reason={text}&"),
        }
    }
}

/// Why a `code` opens nothing.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(crate) enum NotOpened {
    #[error("it is neither a key nor a link's code")]
    NoCode,
    #[error("a link's code whose signature is not for this operation on this instance, or was altered")]
    NotSigned,
    #[error("a link that has expired")]
    Expired,
}

/// Makes the code that opens an operation on an instance until `expires`. None: there is no key.
pub(crate) fn code(
    keys: &Keys,
    hub: &str,
    linked: Linked,
    id: &InstanceId,
    expires: Timestamp,
) -> Option<String> {
    let expires = expires.as_second().to_string();
    let signature = keys.sign(PURPOSE, &[hub, linked.signed_name(), id.as_str(), &expires])?;
    Some(format!("{VERSION}.{expires}.{}", BASE64_URL_SAFE_NO_PAD.encode(signature)))
}

/// Answers until when a code opens an operation on an instance.
pub(crate) fn opened(
    keys: &Keys,
    hub: &str,
    linked: Linked,
    id: &InstanceId,
    code: &str,
    now: Timestamp,
) -> Result<Timestamp, NotOpened> {
    let parts = code.strip_prefix(VERSION).and_then(|rest| rest.strip_prefix('.'));
    let (expires, signature) = parts.and_then(|parts| parts.split_once('.')).ok_or(NotOpened::NoCode)?;
    let signature = BASE64_URL_SAFE_NO_PAD.decode(signature).map_err(|_| NotOpened::NotSigned)?;
    if !keys.verify(PURPOSE, &[hub, linked.signed_name(), id.as_str(), expires], &signature) {
        return Err(NotOpened::NotSigned);
    }
    // It was made by us, so it is a time.
    let expires = expires.parse().ok().and_then(|second| Timestamp::from_second(second).ok());
    expires.filter(|expires| now < *expires).ok_or(NotOpened::Expired)
}

/// Makes links to instances: for client functions that answer with them, and for the API itself.
#[derive(Debug, Clone)]
pub struct Links {
    pub(crate) keys: Keys,
    pub(crate) lifetime: Duration,
    pub(crate) hub: String,
    pub(crate) base: BaseUri,
}

impl Links {
    /// Where the instance `id` is found and controlled, by links that are good from `now` on for the lifetime that the
    /// settings say.
    pub fn payload(&self, id: &InstanceId, now: Timestamp) -> ManagementPayload {
        let expires = now.saturating_add(self.lifetime).unwrap_or(Timestamp::MAX);
        self.payload_until(id, expires)
    }

    pub(crate) fn payload_until(&self, id: &InstanceId, expires: Timestamp) -> ManagementPayload {
        let uri = |linked| Some(self.uri(linked, id, expires));
        ManagementPayload {
            id: id.clone(),
            status_query_get_uri: uri(Linked::Status),
            send_event_post_uri: uri(Linked::RaiseEvent),
            terminate_post_uri: uri(Linked::Terminate),
            rewind_post_uri: uri(Linked::Rewind),
            purge_history_delete_uri: uri(Linked::Purge),
            restart_post_uri: uri(Linked::Restart),
            suspend_post_uri: uri(Linked::Suspend),
            resume_post_uri: uri(Linked::Resume),
        }
    }

    fn uri(&self, linked: Linked, id: &InstanceId, expires: Timestamp) -> String {
        let (path, query) = linked.path_and_query();
        let encoded = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
        let code =
            code(&self.keys, &self.hub, linked, id, expires).expect("links are made where there is a key");
        let (base, hub, id) = (&self.base, encoded(&self.hub), encoded(id.as_str()));
        // Azure's links name a connection, too, and its clients hand it on.
        format!("{base}{WEBHOOKS}/instances/{id}{path}?{query}taskHub={hub}&connection=Storage&code={code}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    #[test]
    fn a_code_opens_its_operation_on_its_instance_until_it_expires() {
        let keys = Keys::new(["k"]);
        let (id, other) = (InstanceId::new("a").unwrap(), InstanceId::new("b").unwrap());
        let code = code(&keys, "hub", Linked::Terminate, &id, at(100)).unwrap();
        let open = |hub, linked, id, code: &str, now| opened(&keys, hub, linked, id, code, at(now));
        assert_eq!(open("hub", Linked::Terminate, &id, &code, 99), Ok(at(100)));
        assert_eq!(open("hub", Linked::Terminate, &id, &code, 100), Err(NotOpened::Expired));
        let later = code.replace(".100.", ".200.");
        let cut = &code[..code.len() - 1];
        for (hub, linked, id, code) in [
            ("hub", Linked::Terminate, &other, code.as_str()),
            ("hub", Linked::Suspend, &id, &code),
            ("other", Linked::Terminate, &id, &code),
            ("hub", Linked::Terminate, &id, &later),
            ("hub", Linked::Terminate, &id, cut),
            ("hub", Linked::Terminate, &id, "l1.100."),
        ] {
            assert_eq!(open(hub, linked, id, code, 99), Err(NotOpened::NotSigned), "{hub} {linked:?} {code}");
        }
        for code in ["", "k", "l1", "l1.100", "l2.100.x"] {
            assert_eq!(open("hub", Linked::Terminate, &id, code, 99), Err(NotOpened::NoCode), "{code}");
        }
    }

    #[test]
    fn every_link_leads_to_its_own_operation() {
        for linked in Linked::ALL {
            assert_eq!(Linked::to(linked.operation()), Some(linked));
        }
        assert_eq!(Linked::to(Operation::PurgeMany), None);
    }
}
