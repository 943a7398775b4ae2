//! A program together with what happens to it from outside.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::program::Program;

/// A program, and the events that are raised to its instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Scenario {
    /// The program.
    pub program: Program,
    /// The events, in the order in which they are raised. Those that come after the end are for nobody.
    #[serde(rename = "events", default)]
    pub raised: Vec<Raise>,
}

/// An event that is raised.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Raise {
    /// Its name.
    pub name: String,
    /// Its data.
    pub data: Value,
    /// How long after the start of the instance.
    #[serde(rename = "atMs", with = "milliseconds")]
    pub after: Duration,
}

impl Scenario {
    /// The events without their times, as [`allows`](crate::allows) wants them.
    pub fn events(&self) -> Vec<(String, Value)> {
        self.raised.iter().map(|raise| (raise.name.clone(), raise.data.clone())).collect()
    }
}

mod milliseconds {
    use std::time::Duration;

    use serde::{Deserialize, Deserializer, Serialize, Serializer};

    pub(super) fn serialize<S: Serializer>(duration: &Duration, serializer: S) -> Result<S::Ok, S::Error> {
        u64::try_from(duration.as_millis()).unwrap_or(u64::MAX).serialize(serializer)
    }

    pub(super) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Duration, D::Error> {
        u64::deserialize(deserializer).map(Duration::from_millis)
    }
}
