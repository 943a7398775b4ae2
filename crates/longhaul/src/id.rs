//! Names of things: instances, their keys in the store, executions, tasks.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::entity::EntityId;

/// The longest instance id, in characters (Azure Durable Functions' own limit).
pub const MAX_INSTANCE_ID: usize = 256;

/// The public name of an instance: 32 hex digits when the engine chose it, else what the caller chose.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct InstanceId(String);

/// Why a text is not an instance id.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("not an instance id: {0}")]
pub struct InvalidInstanceId(&'static str);

impl InstanceId {
    /// Checks a caller's id.
    ///
    /// # Errors
    /// An id is refused when it is empty, longer than 256 characters, begins with `@` (which names
    /// entities) or contains `/`, `\`, `#`, `?` or a control character.
    pub fn new(id: impl Into<String>) -> Result<Self, InvalidInstanceId> {
        let id = id.into();
        if id.starts_with('@') {
            return Err(InvalidInstanceId("it begins with '@', which is for entities"));
        }
        Self::checked(id)
    }

    /// The name under which an entity is stored. Nobody can choose it for an instance.
    pub(crate) fn of_entity(id: &EntityId) -> Self {
        Self(id.to_string())
    }

    /// Whether an entity is stored under it.
    pub(crate) fn is_entity(&self) -> bool {
        self.0.starts_with('@')
    }

    fn checked(id: String) -> Result<Self, InvalidInstanceId> {
        if id.is_empty() {
            return Err(InvalidInstanceId("it is empty"));
        }
        if id.chars().count() > MAX_INSTANCE_ID {
            return Err(InvalidInstanceId("it is longer than 256 characters"));
        }
        if id.chars().any(|c| matches!(c, '/' | '\\' | '#' | '?') || c.is_control()) {
            return Err(InvalidInstanceId("it contains '/', '\\', '#', '?' or a control character"));
        }
        Ok(Self(id))
    }

    /// The id made of 16 random bytes: 32 hex digits.
    pub fn random(bytes: [u8; 16]) -> Self {
        Self(hex::encode(bytes))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for InstanceId {
    type Error = InvalidInstanceId;
    /// Also that of an entity, which a record may well name: as a parent, say.
    fn try_from(id: String) -> Result<Self, Self::Error> {
        Self::checked(id)
    }
}

impl From<InstanceId> for String {
    fn from(id: InstanceId) -> Self {
        id.0
    }
}

impl fmt::Display for InstanceId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where an instance lives in the store: its id when that is random, `{id}.{ballot}` when the caller chose it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct InstanceKey(String);

impl InstanceKey {
    /// The key of an instance whose id is random.
    pub fn of_random(id: &InstanceId) -> Self {
        Self(id.0.clone())
    }

    /// The key under which one attempt to create a caller-chosen id is stored.
    pub fn of_ballot(id: &InstanceId, ballot: u32) -> Self {
        Self(format!("{id}.{ballot}"))
    }

    /// The key as another component sent it.
    pub fn received(text: &str) -> Self {
        Self(text.to_owned())
    }

    /// The ballot in the key of `id`, if it has one.
    pub fn ballot(&self, id: &InstanceId) -> Option<u32> {
        self.0.strip_prefix(id.as_str())?.strip_prefix('.')?.parse().ok()
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for InstanceKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// One run of an instance from its start to its end; continue-as-new begins another. 32 hex digits.
#[derive(Debug, Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ExecutionId(String);

impl ExecutionId {
    /// The id made of 16 random bytes.
    pub fn random(bytes: [u8; 16]) -> Self {
        Self(hex::encode(bytes))
    }

    /// The text.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for ExecutionId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// The number of a task within its execution, in the order in which the orchestrator asked for them, from 0.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TaskId(pub u64);

impl fmt::Display for TaskId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_are_checked_as_the_management_api_does() {
        for good in ["a", "order 7", "ü.1", &"x".repeat(256)] {
            assert!(InstanceId::new(good).is_ok(), "{good:?}");
        }
        for bad in ["", "@e@k", "a/b", "a\\b", "a#b", "a?b", "a\nb", &"x".repeat(257)] {
            assert!(InstanceId::new(bad).is_err(), "{bad:?}");
        }
    }

    #[test]
    fn a_ballot_is_read_back_from_its_key() {
        let id = InstanceId::new("order.7").unwrap();
        assert_eq!(InstanceKey::of_ballot(&id, 3).ballot(&id), Some(3));
        assert_eq!(InstanceKey::of_random(&id).ballot(&id), None);
    }
}
