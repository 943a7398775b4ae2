//! What a management API tells of an instance. It is read leniently: other servers than Longhaul leave members out, have
//! others, and write times in other ways.

use clap::ValueEnum;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer};
use serde_json::Value;
use serde_json::value::RawValue;

/// JSON as the server wrote it.
pub type Json = Box<RawValue>;

/// The runtime status.
#[derive(Debug, Clone, PartialEq, Eq, ValueEnum)]
#[value(rename_all = "PascalCase")]
pub enum Status {
    Pending,
    Running,
    Suspended,
    ContinuedAsNew,
    Completed,
    Failed,
    Terminated,
    Canceled,
    /// One that another server has.
    #[value(skip)]
    Other(String),
}

/// How an instance ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum End {
    Completed,
    Failed,
    /// Ended by an operator.
    Stopped,
}

impl Status {
    /// Those that are ends.
    pub const ENDED: [Self; 4] = [Self::Completed, Self::Failed, Self::Terminated, Self::Canceled];

    /// The name that the API has for it.
    pub fn name(&self) -> String {
        match self {
            Self::Other(name) => name.clone(),
            known => format!("{known:?}"),
        }
    }

    /// How the instance ended, if it has.
    pub fn end(&self) -> Option<End> {
        match self {
            Self::Completed => Some(End::Completed),
            Self::Failed => Some(End::Failed),
            Self::Terminated | Self::Canceled => Some(End::Stopped),
            Self::Pending | Self::Running | Self::Suspended | Self::ContinuedAsNew | Self::Other(_) => None,
        }
    }
}

impl<'de> Deserialize<'de> for Status {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let name = String::deserialize(deserializer)?;
        Ok(Self::from_str(&name, true).unwrap_or(Self::Other(name)))
    }
}

/// The status of an instance.
#[derive(Debug, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Instance {
    pub name: Option<String>,
    pub instance_id: String,
    pub runtime_status: Status,
    pub input: Option<Json>,
    pub custom_status: Option<Json>,
    pub output: Option<Json>,
    #[serde(default, deserialize_with = "time")]
    pub created_time: Option<Timestamp>,
    #[serde(default, deserialize_with = "time")]
    pub last_updated_time: Option<Timestamp>,
    pub history_events: Option<Vec<Event>>,
    pub version: Option<String>,
    pub parent_instance_id: Option<String>,
}

/// An event of a history. Which members there are depends on its type.
#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct Event {
    pub event_type: String,
    #[serde(deserialize_with = "time")]
    pub timestamp: Option<Timestamp>,
    #[serde(deserialize_with = "time")]
    pub scheduled_time: Option<Timestamp>,
    #[serde(deserialize_with = "time")]
    pub fire_at: Option<Timestamp>,
    pub function_name: Option<String>,
    pub name: Option<String>,
    pub instance_id: Option<String>,
    pub input: Option<Json>,
    pub result: Option<Json>,
    pub reason: Option<Json>,
    pub failure_details: Option<FailureDetails>,
    pub orchestration_status: Option<Value>,
    /// Longhaul's: the number of the event, and of the `TimerCreated` that a `TimerFired` belongs to.
    pub event_id: Option<u64>,
    pub timer_id: Option<u64>,
    /// Longhaul's: how often a retry policy has repeated it before.
    pub retry: Option<u64>,
}

#[derive(Debug, Default, Deserialize)]
#[serde(rename_all = "PascalCase", default)]
pub struct FailureDetails {
    pub error_type: Option<String>,
    pub error_message: Option<String>,
}

/// A time with an offset, or else in UTC. What cannot be read is left out: it is only shown.
fn time<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Timestamp>, D::Error> {
    let text = Option::<Value>::deserialize(deserializer)?;
    let text = text.as_ref().and_then(Value::as_str).unwrap_or_default();
    let in_utc = || TimeZone::UTC.to_timestamp(text.parse::<DateTime>().ok()?).ok();
    Ok(text.parse().ok().or_else(in_utc))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_of_azure_is_read() {
        // The example of Microsoft's page, with the members that were seen of real servers.
        let text = r#"{
            "name": "E1_HelloSequence", "instanceId": "7af46ff0", "runtimeStatus": "Completed", "input": null,
            "customStatus": {"nextActions": ["A", "B"]}, "output": ["Hello Tokyo!"],
            "createdTime": "2018-02-28T05:18:49Z", "lastUpdatedTime": "2018-02-28T05:18:54",
            "historyEvents": [
              {"EventType": "ExecutionStarted", "FunctionName": "E1", "Timestamp": "2018-02-28T05:18:49.3452372Z"},
              {"EventType": "TaskCompleted", "Timestamp": "2025-02-21T09:27:31.8138054Z",
               "ScheduledTime": "2025-02-21T09:26:50.9774922+00:00", "FunctionName": "E1_SayHello", "Input": null},
              {"EventType": "ContinueAsNew", "OrchestrationStatus": 1, "Timestamp": null, "Unknown": {}}
            ]}"#;
        let instance: Instance = serde_json::from_str(text).unwrap();
        assert_eq!(instance.runtime_status, Status::Completed);
        assert!(instance.input.is_none());
        assert_eq!(instance.custom_status.unwrap().get(), r#"{"nextActions": ["A", "B"]}"#);
        assert_eq!(instance.last_updated_time.unwrap().to_string(), "2018-02-28T05:18:54Z");
        let events = instance.history_events.unwrap();
        assert_eq!(events[1].scheduled_time.unwrap().to_string(), "2025-02-21T09:26:50.9774922Z");
        assert_eq!((events[2].timestamp, events[2].event_type.as_str()), (None, "ContinueAsNew"));
    }

    #[test]
    fn little_is_needed_and_unknown_statuses_are_kept() {
        let read = |text| serde_json::from_str::<Instance>(text);
        let instance = read(r#"{"instanceId": "i", "runtimeStatus": "Unknown", "createdTime": 7}"#).unwrap();
        assert_eq!(instance.runtime_status, Status::Other("Unknown".into()));
        assert_eq!((instance.runtime_status.end(), instance.created_time), (None, None));
        assert_eq!(instance.runtime_status.name(), "Unknown");
        assert!(read(r#"{"runtimeStatus": "Running"}"#).is_err());
        for status in Status::value_variants() {
            assert_eq!(Status::from_str(&status.name(), false).as_ref(), Ok(status));
            assert_eq!(status.end().is_some(), Status::ENDED.contains(status));
        }
    }
}
