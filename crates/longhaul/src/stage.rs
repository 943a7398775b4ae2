//! What is written before the commit that refers to it: long values, and sealed history segments.
//!
//! Every name contains the writer's own name and a number that it uses once, so that nobody ever writes another value
//! under it.

use crate::engine::Engine;
use crate::history::Event;
use crate::id::{ExecutionId, InstanceKey};
use crate::keys::TaskHub;
use crate::payload::{Payload, StoredPayload};
use crate::platform::{Platform, Stopwatch};
use crate::record::{Record, Run, encode_events};
use crate::store::{Store, StoreError};

/// How much is written at once, in bytes.
const BATCH: usize = 1024 * 1024;

/// About how long a reference to a value is, in bytes.
const SMALL: u64 = 200;

/// The writes of one writer that go before its next commit.
#[derive(Debug)]
pub(crate) struct Stage {
    writer: String,
    next: u64,
    writes: Vec<(String, Vec<u8>)>,
}

impl Stage {
    /// A stage of `writer`, a name that nobody else has.
    pub(crate) fn new(writer: &str) -> Self {
        Self { writer: writer.to_owned(), next: 0, writes: Vec::new() }
    }

    /// Writes `value` under `key`, a name that contains a number of the caller's.
    pub(crate) fn write(&mut self, key: String, value: Vec<u8>) {
        self.writes.push((key, value));
    }

    /// Gives a value that is too long for a record a key of its own.
    pub(crate) fn payload(
        &mut self,
        hub: &TaskHub,
        key: &InstanceKey,
        record: &mut Record,
        payload: &mut Payload,
    ) {
        let (execution, runs) = (&record.head.execution, &mut record.control.payloads);
        self.payload_of(hub, key, execution, runs, payload);
    }

    /// The same, for a value of `execution`, whose name is added to `runs`.
    pub(crate) fn payload_of(
        &mut self,
        hub: &TaskHub,
        key: &InstanceKey,
        execution: &ExecutionId,
        runs: &mut Vec<Run>,
        payload: &mut Payload,
    ) {
        if payload.is_too_long() {
            self.store(hub, key, execution, runs, payload);
        }
    }

    /// Gives a value a key of its own, unless it is no longer than what would refer to it.
    pub(crate) fn set_aside(
        &mut self,
        hub: &TaskHub,
        key: &InstanceKey,
        record: &mut Record,
        payload: &mut Payload,
    ) {
        if payload.size() > SMALL {
            self.store(hub, key, &record.head.execution, &mut record.control.payloads, payload);
        }
    }

    fn store(
        &mut self,
        hub: &TaskHub,
        key: &InstanceKey,
        execution: &ExecutionId,
        runs: &mut Vec<Run>,
        payload: &mut Payload,
    ) {
        let Some(value) = payload.inline() else { return };
        let number = self.number();
        let name = format!("{}.{number}", self.writer);
        let text = value.text();
        self.writes.push((hub.payload(key, execution, &name), text.as_bytes().to_vec()));
        Run::add(runs, &self.writer, number);
        *payload = Payload::Stored(StoredPayload::of(name, text));
    }

    /// Moves the record's own values out of it, where they are too long.
    pub(crate) fn head(&mut self, hub: &TaskHub, key: &InstanceKey, record: &mut Record) {
        let Record { head, control, .. } = record;
        for payload in std::iter::once(&mut head.input).chain(head.output.as_mut()) {
            self.payload_of(hub, key, &head.execution, &mut control.payloads, payload);
        }
    }

    /// Appends events to the history, and seals its tail when it is long enough.
    pub(crate) fn events(
        &mut self,
        hub: &TaskHub,
        key: &InstanceKey,
        record: &mut Record,
        mut events: Vec<Event>,
        segment: usize,
    ) {
        for event in &mut events {
            if let Some(payload) = event.event.payload_mut() {
                self.payload(hub, key, record, payload);
            }
        }
        record.control.events += events.len() as u64;
        encode_events(&mut record.tail, &events);
        if record.tail.len() < segment {
            return;
        }
        let tail = std::mem::take(&mut record.tail);
        let mut rest = &tail[..];
        while !rest.is_empty() {
            // Whole lines, as many as make a segment.
            let enough = rest.get(segment..).and_then(|more| more.iter().position(|byte| *byte == b'\n'));
            let (sealed, later) = rest.split_at(enough.map_or(rest.len(), |end| segment + end + 1));
            let number = self.number();
            let stem = hub.segments(key, &record.head.execution, &self.writer);
            self.writes.push((format!("{stem}{number}"), sealed.to_vec()));
            Run::add(&mut record.control.segments, &self.writer, number);
            rest = later;
        }
    }

    fn number(&mut self) -> u64 {
        self.next += 1;
        self.next - 1
    }

    /// Writes everything. It may be repeated: the same bytes under the same names.
    pub(crate) async fn flush<P: Platform>(&mut self, engine: &Engine<P>) -> Result<(), StoreError> {
        while !self.writes.is_empty() {
            let mut size = 0;
            let upto = self.writes.iter().take_while(|(_, value)| {
                let more = size == 0 || size + value.len() <= BATCH;
                size += value.len();
                more
            });
            let upto = upto.count();
            let watch = Stopwatch::start(&engine.platform);
            while let Err(error) = engine.platform.store().set_many(self.writes[..upto].to_vec()).await {
                engine.pause_unless_over(&watch, error).await?;
            }
            self.writes.drain(..upto);
        }
        Ok(())
    }

    /// Takes the writes, for a caller that makes them itself.
    pub(crate) fn take(&mut self) -> Vec<(String, Vec<u8>)> {
        std::mem::take(&mut self.writes)
    }
}

/// The values and segments of the record's execution, which are needed no more when that is over.
pub(crate) fn belongings(hub: &TaskHub, key: &InstanceKey, record: &Record) -> Vec<Run> {
    let execution = &record.head.execution;
    let renamed = |run: &Run, stem| Run { stem, ..run.clone() };
    let segments = record.control.segments.iter();
    let segments = segments.map(|run| renamed(run, hub.segments(key, execution, &run.stem)));
    let payloads = record.control.payloads.iter();
    let payloads = payloads.map(|run| renamed(run, hub.payload(key, execution, &format!("{}.", run.stem))));
    let saved = record.control.tasks.iter().filter_map(|(id, task)| Some((id, task.checkpoint.as_ref()?)));
    let saved = saved.flat_map(|(id, saved)| {
        saved.segments.iter().map(move |run| renamed(run, hub.checkpoint(key, execution, *id, &run.stem)))
    });
    segments.chain(payloads).chain(saved).chain(record.control.later.iter().cloned()).collect()
}

/// The keys of `runs`, whose stems are whole but for the numbers.
pub(crate) fn keys(runs: &[Run]) -> Vec<String> {
    runs.iter().flat_map(|run| run.numbers().map(move |number| format!("{}{number}", run.stem))).collect()
}
