//! The names of everything that the engine keeps in the key-value store.
//!
//! Every key begins with the task hub's name, since some backends share one key space between applications.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::id::{InstanceId, InstanceKey};

/// A task hub: the name under which one application's instances are kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TaskHub(String);

impl TaskHub {
    /// The task hub `name` (the variable `task_hub`).
    pub fn new(name: impl Into<String>) -> Self {
        Self(name.into())
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

    /// The scheduler's state.
    pub fn scheduler(&self) -> String {
        format!("{}/scheduler", self.0)
    }
}

/// A near log: slots numbered from 1, read by the scheduler.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Log {
    /// Every instance, in the order of creation.
    Created,
    /// What else needs attention within an hour.
    Wake,
}

impl fmt::Display for Log {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Created => "created",
            Self::Wake => "wake",
        })
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
        let parsed = text.split_once('/').and_then(|(log, slot)| {
            let log = match log {
                "created" => Log::Created,
                "wake" => Log::Wake,
                _ => return None,
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
        for name in [EntryName { log: Log::Created, slot: 1 }, EntryName { log: Log::Wake, slot: u64::MAX }] {
            assert_eq!(EntryName::try_from(String::from(name)), Ok(name));
        }
        for bad in ["created", "created/", "wake/x", "far/1", "wake/-1"] {
            assert!(EntryName::try_from(bad.to_owned()).is_err(), "{bad}");
        }
    }
}
