//! The instance record: one value that holds everything needed to report an instance, and the head of what is needed to
//! advance it.
//!
//! It is lines of JSON: the [`Head`], which a status poll reads and nothing else, the [`Control`], and then the tail of
//! the history, an event a line. What came before the tail stands in sealed segments under keys of their own.

mod control;
mod head;
#[cfg(test)]
pub(crate) mod tests;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::history::Event;
use crate::platform::after;
use crate::status::RuntimeStatus;

pub use control::{Control, Inbox, Lease, Lock, Outgoing, Parent, Posted, Run, SavedCheckpoint, Task, Wake};
pub(crate) use control::{SUSPECT, poison_pause};
pub use head::Head;

/// The format of the record that this version of the engine reads and writes.
pub const FORMAT: u32 = 2;

/// An instance, as it is stored.
#[derive(Debug, Clone, PartialEq)]
pub struct Record {
    /// What there is to report.
    pub head: Head,
    /// Who may change the record, and what it waits for.
    pub control: Control,
    /// What has happened since the last sealed segment: events, a line each.
    pub tail: Vec<u8>,
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
    /// Something that the record refers to is not there.
    #[error("the store has lost {0}, which the instance record refers to")]
    Missing(String),
}

impl Record {
    /// The bytes to store.
    pub fn encode(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(1024 + self.tail.len());
        encode_line(&mut bytes, &self.head);
        encode_line(&mut bytes, &self.control);
        bytes.extend_from_slice(&self.tail);
        bytes
    }

    /// Reads what [`Record::encode`] wrote.
    ///
    /// # Errors
    /// When the value has another format or is no record.
    pub fn decode(bytes: &[u8]) -> Result<Self, UnreadableRecord> {
        let (first, rest) = first_line(bytes);
        let head = decode_head(first)?;
        let (second, tail) = first_line(rest);
        Ok(Self { head, control: decode_line(second)?, tail: tail.to_vec() })
    }

    /// When somebody must look at the instance: when its lease expires, when a timer fires or a task is to be repeated,
    /// when it is to start. None while it waits for messages only, and once nothing more is to be done.
    pub fn need(&self) -> Option<Timestamp> {
        let Control { lease, outbox, tasks, timer, strikes, .. } = &self.control;
        if let Some(lease) = lease {
            return Some(after(lease.expires, poison_pause(*strikes)));
        }
        if self.head.purging || !outbox.is_empty() {
            return Some(self.head.updated);
        }
        if let Some(entity) = &self.control.entity {
            return entity.need(self.head.updated);
        }
        if self.head.status.is_finished() || self.control.suspended {
            return None;
        }
        if self.head.status == RuntimeStatus::Pending {
            return Some(self.head.scheduled.unwrap_or(self.head.updated));
        }
        // Its next round has yet to begin.
        if self.control.events == 0 {
            return Some(self.head.updated);
        }
        // A task that nobody is at work on wants somebody now.
        let task = tasks.values().map(|task| task.retry_at.unwrap_or(self.head.updated)).min();
        task.into_iter().chain(*timer).min()
    }

    /// The events of the tail.
    ///
    /// # Errors
    /// When it has others than events.
    pub fn tail_events(&self) -> Result<Vec<Event>, UnreadableRecord> {
        decode_events(&self.tail)
    }
}

/// Appends events, a line each.
pub(crate) fn encode_events(bytes: &mut Vec<u8>, events: &[Event]) {
    for event in events {
        encode_line(bytes, event);
    }
}

/// Reads lines of events.
///
/// # Errors
/// When they are others.
pub fn decode_events(bytes: &[u8]) -> Result<Vec<Event>, UnreadableRecord> {
    bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty()).map(decode_line).collect()
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
    let (line, _) = first_line(bytes);
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

fn first_line(bytes: &[u8]) -> (&[u8], &[u8]) {
    match bytes.iter().position(|byte| *byte == b'\n') {
        Some(end) => (&bytes[..end], &bytes[end + 1..]),
        None => (bytes, &[]),
    }
}

fn encode_line(bytes: &mut Vec<u8>, value: &impl Serialize) {
    let begin = bytes.len();
    serde_json::to_writer(&mut *bytes, value).expect("a record's parts all have a JSON form");
    // A raw line break can only be white space between the tokens of somebody's JSON.
    bytes[begin..].iter_mut().filter(|byte| **byte == b'\n').for_each(|byte| *byte = b' ');
    bytes.push(b'\n');
}

fn decode_line<'a, T: Deserialize<'a>>(line: &'a [u8]) -> Result<T, UnreadableRecord> {
    serde_json::from_slice(line).map_err(|error| UnreadableRecord::Malformed(error.to_string()))
}
