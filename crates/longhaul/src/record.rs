//! The instance record: one value that holds everything needed to report an instance and to advance it.
//!
//! It is lines of JSON: the [`Head`], which a status poll reads and nothing else, the [`Control`], and then the history,
//! an event a line.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::failure::Failure;
use crate::history::Event;
use crate::id::{ExecutionId, InstanceId, TaskId};
use crate::json::Json;
use crate::keys::EntryName;
use crate::platform::until;
use crate::status::RuntimeStatus;

/// The format of the record that this version of the engine reads and writes.
pub const FORMAT: u32 = 1;

/// An instance, as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What there is to report.
    pub head: Head,
    /// Who may change the record, and what it waits for.
    pub control: Control,
    /// What has happened.
    pub history: Vec<Event>,
}

/// What there is to report of an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// [`FORMAT`]. First, so that a reader of another format sees it.
    pub format: u32,
    /// The public name.
    pub id: InstanceId,
    /// The orchestrator function.
    pub name: String,
    /// The present execution.
    pub execution: ExecutionId,
    /// The runtime status.
    pub status: RuntimeStatus,
    /// When the instance was created.
    pub created: Timestamp,
    /// When the record last changed otherwise than by a renewed lease.
    pub updated: Timestamp,
    /// The orchestrator's input.
    pub input: Json,
    /// The orchestrator's output, when it is `Completed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Json>,
    /// Why it failed, when it is `Failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// When somebody must have looked at the instance at the latest: see [`Record::need`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need: Option<Timestamp>,
}

/// Who may change the record, and what it waits for.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Control {
    /// Raised by every change of the record, whoever makes it.
    pub version: u64,
    /// A random text, new with every change: no two values of the record are ever the same bytes.
    pub commit: String,
    /// Raised by every takeover of the lease.
    pub epoch: u64,
    /// Raised by every commit of the lease's holder.
    pub step: u64,
    /// Who holds the lease, or held it last: random, new for each tick. Together with the epoch and the step it tells
    /// whose commit the record is.
    pub owner: String,
    /// The owner's right to advance the instance, for a time.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub lease: Option<Lease>,
    /// The entry of a near log that stands for the record's need.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub wake: Option<Wake>,
    /// Activities that have no result yet.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tasks: BTreeMap<TaskId, Task>,
}

/// The right to change a record, for a time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Lease {
    /// When it was granted or last renewed.
    pub granted: Timestamp,
    /// When others may take it over.
    pub expires: Timestamp,
}

impl Lease {
    /// Whether the lease holds. One that ends implausibly late was granted by a clock that has been set back since, and
    /// holds nobody up.
    pub fn is_live(&self, now: Timestamp) -> bool {
        let length = until(self.granted, self.expires);
        self.expires > now && until(now, self.expires) <= length * 2
    }
}

/// The log entry that brings the scheduler to a record.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Wake {
    /// The entry.
    pub entry: EntryName,
    /// The latest need that was committed under this entry. The scheduler, having looked, comes back at the need as it
    /// was then; so an earlier need than this wants an entry of its own.
    pub due: Timestamp,
}

/// An activity without a result.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Task {
    /// How often it has been dispatched, the present time included.
    pub attempt: u32,
    /// How often it gave no answer (trap, connection failure, 5xx) in a row.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// When it is to be dispatched again.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub retry_at: Option<Timestamp>,
}

fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// A value that this version cannot read. It is left as it is.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum UnreadableRecord {
    /// Written in another format.
    #[error(
        "the record has format {0}, this version reads {FORMAT}: run the version that wrote it, or a newer one"
    )]
    Format(u32),
    /// Not a record.
    #[error("the value is not an instance record: {0}")]
    Malformed(String),
}

impl Record {
    /// The bytes to store.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(512);
        let mut line = |value: serde_json::Result<String>| {
            let text = value.expect("a record's parts all have a JSON form");
            // A raw line break can only be white space between the tokens of somebody's JSON.
            bytes.extend(text.bytes().map(|byte| if byte == b'\n' { b' ' } else { byte }));
            bytes.push(b'\n');
        };
        line(serde_json::to_string(&self.head));
        line(serde_json::to_string(&self.control));
        for event in &self.history {
            line(serde_json::to_string(event));
        }
        bytes
    }

    /// Reads what [`Record::encode`] wrote.
    ///
    /// # Errors
    /// When the value has another format or is no record.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnreadableRecord> {
        let mut lines = lines(bytes);
        let head = decode_head(lines.next().unwrap_or_default())?;
        let control = decode_line(lines.next().unwrap_or_default())?;
        let history = lines.map(decode_line).collect::<Result<_, _>>()?;
        Ok(Self { head, control, history })
    }

    /// When somebody must look at the instance: at once if it is unfinished and nobody holds it, when the lease
    /// expires, or when a task is to be repeated. None once nothing more is to be done.
    pub fn need(&self) -> Option<Timestamp> {
        if self.head.status.is_finished() {
            return None;
        }
        let lease = self.control.lease.as_ref().map(|lease| lease.expires);
        lease
            .or_else(|| self.control.tasks.values().filter_map(|task| task.retry_at).min())
            .or(Some(self.head.updated))
    }
}

/// Reads the first line of a record.
///
/// # Errors
/// As [`Record::decode`].
pub fn decode_head(bytes: &[u8]) -> Result<Head, UnreadableRecord> {
    #[derive(Deserialize)]
    struct Format {
        format: u32,
    }
    let line = lines(bytes).next().unwrap_or_default();
    decode_line::<Head>(line)
        .and_then(|head| match head.format {
            FORMAT => Ok(head),
            other => Err(UnreadableRecord::Format(other)),
        })
        .map_err(|error| match decode_line::<Format>(line) {
            Ok(Format { format }) if format != FORMAT => UnreadableRecord::Format(format),
            _ => error,
        })
}

fn lines(bytes: &[u8]) -> impl Iterator<Item = &[u8]> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty())
}

fn decode_line<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, UnreadableRecord> {
    serde_json::from_slice(line).map_err(|error| UnreadableRecord::Malformed(error.to_string()))
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;
    use crate::history::EventKind;
    use crate::keys::Log;

    /// A record just created.
    pub(crate) fn new_record(name: &str, input: &str) -> Record {
        let at: Timestamp = "2021-10-10T08:49:37.123Z".parse().unwrap();
        Record {
            head: Head {
                format: FORMAT,
                id: InstanceId::new("a\"b").unwrap(),
                name: name.into(),
                execution: ExecutionId::random([7; 16]),
                status: RuntimeStatus::Pending,
                created: at,
                updated: at,
                input: Json::parse(input).unwrap(),
                output: None,
                failure: None,
                need: None,
            },
            control: Control {
                version: 1,
                commit: "c".into(),
                epoch: 1,
                step: 0,
                owner: "me".into(),
                lease: None,
                wake: None,
                tasks: BTreeMap::new(),
            },
            history: Vec::new(),
        }
    }

    fn record() -> Record {
        let new = new_record("o", "{\"a\":\n\"\\n\"}");
        let at = new.head.created;
        Record {
            head: Head { status: RuntimeStatus::Running, ..new.head },
            control: Control {
                lease: Some(Lease { granted: at, expires: at }),
                wake: Some(Wake { entry: EntryName { log: Log::Created, slot: 9 }, due: at }),
                tasks: [(TaskId(0), Task { attempt: 1, ..Task::default() })].into(),
                ..new.control
            },
            history: vec![
                Event { at, event: EventKind::OrchestratorStarted },
                Event {
                    at,
                    event: EventKind::TaskScheduled { id: TaskId(0), name: "x".into(), input: Json::null() },
                },
            ],
        }
    }

    #[test]
    fn a_record_is_read_back_as_it_was_written() {
        let record = record();
        let bytes = record.encode();
        assert_eq!(Record::decode(&bytes), Ok(record.clone()));
        assert_eq!(Record::decode(&bytes).unwrap().encode(), bytes);
        assert_eq!(decode_head(&bytes), Ok(record.head));
    }

    #[test]
    fn another_format_is_refused_by_its_number() {
        let text = String::from_utf8(record().encode()).unwrap().replace("\"format\":1", "\"format\":2");
        assert_eq!(Record::decode(text.as_bytes()), Err(UnreadableRecord::Format(2)));
        assert_eq!(decode_head(b"{\"format\":9,\"else\":1}\n"), Err(UnreadableRecord::Format(9)));
        assert!(matches!(Record::decode(b""), Err(UnreadableRecord::Malformed(_))));
        assert!(matches!(Record::decode(b"12"), Err(UnreadableRecord::Malformed(_))));
    }

    #[test]
    fn a_lease_from_the_far_future_holds_nobody_up() {
        let at = |second| Timestamp::from_second(second).unwrap();
        let lease = Lease { granted: at(100), expires: at(115) };
        assert!(lease.is_live(at(114)) && lease.is_live(at(100)) && lease.is_live(at(90)));
        assert!(!lease.is_live(at(115)), "it has expired");
        assert!(!lease.is_live(at(40)), "the clock was set back by a minute");
    }

    #[test]
    fn the_need_is_the_lease_then_the_retry_then_at_once() {
        let mut record = record();
        let later = |seconds| record.head.updated + jiff::SignedDuration::from_secs(seconds);
        let (soon, late) = (later(5), later(60));
        record.control.lease.as_mut().unwrap().expires = late;
        assert_eq!(record.need(), Some(late));
        record.control.lease = None;
        record.control.tasks.insert(TaskId(1), Task { attempt: 1, failures: 1, retry_at: Some(soon) });
        assert_eq!(record.need(), Some(soon));
        record.control.tasks.clear();
        assert_eq!(record.need(), Some(record.head.updated));
        record.head.status = RuntimeStatus::Completed;
        assert_eq!(record.need(), None);
    }
}
