//! The names of everything that the engine keeps in the key-value store.
//!
//! Every key begins with the task hub's name, since some backends share one key space between applications.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{ExecutionId, InstanceId, InstanceKey, TaskId};

/// A task hub: the name under which one application's instances are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskHub(String);

impl TaskHub {
    /// The task hub `name` (the variable `task_hub`).
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The record of an instance.
    pub fn instance(&self, key: &InstanceKey) -> String {
        format!("{}/instance/{key}", self.0)
    }

    /// Which ballot holds a caller-chosen id.
    pub fn claim(&self, id: &InstanceId) -> String {
        format!("{}/claim/{id}", self.0)
    }

    /// The counter of a log: the number of its last slot.
    pub fn counter(&self, log: Log) -> String {
        format!("{}/{log}", self.0)
    }

    /// One slot of a log.
    pub fn slot(&self, entry: EntryName) -> String {
        format!("{}/{entry}", self.0)
    }

    /// Where to go on in the creation log instead of at the slot that a block of it begins with.
    pub fn gap(&self, slot: u64) -> String {
        format!("{}/created/gap/{slot}", self.0)
    }

    /// The counter of the messages to an instance.
    pub fn inbox(&self, key: &InstanceKey) -> String {
        format!("{}/inbox/{key}", self.0)
    }

    /// One message to an instance.
    pub fn message(&self, key: &InstanceKey, slot: u64) -> String {
        format!("{}/inbox/{key}/{slot}", self.0)
    }

    /// A value of an execution that is too long to stand in its record.
    pub fn payload(&self, key: &InstanceKey, execution: &ExecutionId, name: &str) -> String {
        format!("{}/payload/{key}/{execution}/{name}", self.0)
    }

    /// What the names of an execution's sealed history segments of one writer begin with.
    pub fn segments(&self, key: &InstanceKey, execution: &ExecutionId, writer: &str) -> String {
        format!("{}/history/{key}/{execution}/{writer}.", self.0)
    }

    /// What the names of the segments begin with that one attempt of an activity has saved.
    pub fn checkpoint(
        &self,
        key: &InstanceKey,
        execution: &ExecutionId,
        task: TaskId,
        attempt: &str,
    ) -> String {
        format!("{}/checkpoint/{key}/{execution}/{task}/{attempt}.", self.0)
    }

    /// Which orchestrator functions there were when somebody last asked.
    pub fn functions(&self) -> String {
        format!("{}/functions", self.0)
    }

    /// The scheduler's state.
    pub fn scheduler(&self) -> String {
        format!("{}/scheduler", self.0)
    }
}

/// A log: slots numbered from 1, read by the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Log {
    /// Every instance, in the order of creation.
    Created,
    /// Every entity, in the order of creation. Only for listing them: they need no attention yet.
    Entities,
    /// What else needs attention within an hour.
    Wake,
    /// What needs attention in one hour, counted from 1970.
    Far(u32),
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Created => f.write_str("created"),
            Self::Entities => f.write_str("entities"),
            Self::Wake => f.write_str("wake"),
            Self::Far(hour) => write!(f, "far/{hour}"),
        }
    }
}

/// The name of one slot of a log, such as `created/17`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct EntryName {
    /// The log.
    pub log: Log,
    /// The slot, from 1.
    pub slot: u64,
}

impl fmt::Display for EntryName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.log, self.slot)
    }
}

impl From<EntryName> for String {
    fn from(name: EntryName) -> Self {
        name.to_string()
    }
}

impl TryFrom<String> for EntryName {
    type Error = String;
    fn try_from(text: String) -> Result<Self, String> {
        let parsed = text.rsplit_once('/').and_then(|(log, slot)| {
            let log = match log {
                "created" => Log::Created,
                "entities" => Log::Entities,
                "wake" => Log::Wake,
                _ => Log::Far(log.strip_prefix("far/")?.parse().ok()?),
            };
            Some(Self { log, slot: slot.parse().ok()? })
        });
        parsed.ok_or_else(|| format!("{text:?} does not name a slot of a log"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn entry_names_are_read_back() {
        for name in [
            EntryName { log: Log::Created, slot: 1 },
            EntryName { log: Log::Wake, slot: u64::MAX },
            EntryName { log: Log::Far(480_000), slot: 7 },
        ] {
            assert_eq!(EntryName::try_from(String::from(name)), Ok(name));
        }
        for bad in ["created", "created/", "wake/x", "far/1", "wake/-1"] {
            assert!(EntryName::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
