//! Values of any size: small ones stand where they are used, larger ones under a key of their own.

use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::failure::{Failure, malformed};
use crate::json::Json;

/// The longest value that stands in a record or in history itself, in bytes; a longer one has a key of its own.
pub const INLINE_LIMIT: usize = 32 * 1024;

/// A value, or where it is.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(from = "Wire", into = "Wire")]
pub enum Payload {
    /// The value.
    Inline(Json),
    /// The value is under a key of its own.
    Stored(StoredPayload),
}

/// A value under a key of its own: `payload/{key}/{execution}/{name}`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StoredPayload {
    /// The last part of the key. No two writers ever use the same.
    pub name: String,
    /// The length, in bytes.
    pub size: u64,
    /// The UUID (version 5, of the nil namespace) of the text: two values with the same one are the same.
    pub digest: Uuid,
}

#[derive(Serialize, Deserialize)]
struct Wire {
    #[serde(rename = "v", default, skip_serializing_if = "Option::is_none")]
    value: Option<Json>,
    #[serde(rename = "ref", default, skip_serializing_if = "Option::is_none")]
    stored: Option<StoredPayload>,
}

impl From<Wire> for Payload {
    fn from(wire: Wire) -> Self {
        match wire.stored {
            Some(stored) => Self::Stored(stored),
            None => Self::Inline(wire.value.unwrap_or_default()),
        }
    }
}

impl From<Payload> for Wire {
    fn from(payload: Payload) -> Self {
        match payload {
            Payload::Inline(value) => Self { value: Some(value), stored: None },
            Payload::Stored(stored) => Self { value: None, stored: Some(stored) },
        }
    }
}

impl Payload {
    /// Whether this is the value `json`, which need not be at hand for it.
    pub fn is(&self, json: &Json) -> bool {
        match self {
            Self::Inline(value) => value == json,
            Self::Stored(stored) => {
                stored.size == json.text().len() as u64 && stored.digest == digest(json.text())
            }
        }
    }

    /// The value, if it is at hand.
    pub fn inline(&self) -> Option<&Json> {
        match self {
            Self::Inline(value) => Some(value),
            Self::Stored(_) => None,
        }
    }

    /// Where the value is, if it has a key of its own.
    pub fn stored(&self) -> Option<&StoredPayload> {
        match self {
            Self::Inline(_) => None,
            Self::Stored(stored) => Some(stored),
        }
    }

    /// The value's length in bytes.
    pub fn size(&self) -> u64 {
        match self {
            Self::Inline(value) => value.text().len() as u64,
            Self::Stored(stored) => stored.size,
        }
    }

    /// Whether the value is longer than what may stand inline.
    pub(crate) fn is_too_long(&self) -> bool {
        matches!(self, Self::Inline(value) if value.text().len() > INLINE_LIMIT)
    }
}

impl From<Json> for Payload {
    fn from(value: Json) -> Self {
        Self::Inline(value)
    }
}

impl Default for Payload {
    fn default() -> Self {
        Self::Inline(Json::null())
    }
}

impl StoredPayload {
    /// What refers to `text`, stored under `name`.
    pub(crate) fn of(name: String, text: &str) -> Self {
        Self { name, size: text.len() as u64, digest: digest(text) }
    }
}

fn digest(text: &str) -> Uuid {
    Uuid::new_v5(&Uuid::nil(), text.as_bytes())
}

/// The JSON form of a value that is handed on. Fails permanently with `kind` if it has none, and with `PayloadTooLarge`
/// if it is longer than `limit` bytes.
pub(crate) fn handed_on(
    value: &impl Serialize,
    limit: u64,
    kind: &str,
    what: impl Fn() -> String,
) -> Result<Json, Failure> {
    let json = Json::of(value).map_err(|error| malformed(kind, what(), &error))?;
    match json.text().len() {
        size if size as u64 > limit => Err(too_large(&what(), size, limit)),
        _ => Ok(json),
    }
}

/// `what` is longer than a value may be.
pub(crate) fn too_large(what: &str, size: usize, limit: u64) -> Failure {
    Failure::permanent(
        "PayloadTooLarge",
        format!(
            "{what} has {size} bytes, the limit is {limit}: hand on where the data is instead of the data itself, or \
             raise the variable max_payload"
        ),
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_are_read_back_and_null_is_a_value() {
        let stored = StoredPayload::of("a.1".into(), "[1]");
        for payload in [
            Payload::Inline(Json::parse("{\"ref\":1}").unwrap()),
            Payload::default(),
            Payload::Stored(stored.clone()),
        ] {
            let text = serde_json::to_string(&payload).unwrap();
            assert_eq!(serde_json::from_str::<Payload>(&text).unwrap(), payload, "{text}");
        }
        assert!(Payload::Stored(stored.clone()).is(&Json::parse("[1]").unwrap()));
        assert!(!Payload::Stored(stored).is(&Json::parse("[2]").unwrap()));
    }
}
