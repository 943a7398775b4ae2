//! Reading what a record refers to: the history, and long values.

use futures::stream::{self, StreamExt};
use serde_json::value::RawValue;

use crate::context::Identity;
use crate::engine::Engine;
use crate::execution::{Beginning, Execution};
use crate::history::Event;
use crate::id::{ExecutionId, InstanceKey};
use crate::json::Json;
use crate::lookup::ReadError;
use crate::orchestrators::Orchestrators;
use crate::payload::{Payload, StoredPayload};
use crate::platform::Platform;
use crate::record::{Head, Record, UnreadableRecord, decode_events};

/// How many segments are read ahead.
const AHEAD: usize = 8;

impl<P: Platform> Engine<P> {
    /// The value of `payload`.
    pub(crate) async fn value(
        &self,
        key: &InstanceKey,
        execution: &ExecutionId,
        payload: &Payload,
    ) -> Result<Json, ReadError> {
        match payload {
            Payload::Inline(value) => Ok(value.clone()),
            Payload::Stored(StoredPayload { name, .. }) => {
                let bytes = self.must_get(&self.hub.payload(key, execution, name)).await?;
                let text = String::from_utf8(bytes).map_err(|error| malformed(&error))?;
                let raw = RawValue::from_string(text).map_err(|error| malformed(&error))?;
                Ok(Json::from(raw))
            }
        }
    }

    async fn must_get(&self, key: &str) -> Result<Vec<u8>, ReadError> {
        let found = self.get_patiently(key).await?;
        found.ok_or_else(|| UnreadableRecord::Missing(key.to_owned()).into())
    }

    /// Goes through the history of the record's execution. `hydrate`: long values are read, but for what was asked for.
    pub(crate) async fn each_event(
        &self,
        key: &InstanceKey,
        record: &Record,
        hydrate: bool,
        mut each: impl FnMut(Event),
    ) -> Result<(), ReadError> {
        let execution = &record.head.execution;
        let names = record.control.segments.iter().flat_map(|run| {
            let stem = self.hub.segments(key, execution, &run.stem);
            run.numbers().map(move |number| format!("{stem}{number}"))
        });
        let sealed =
            stream::iter(names).map(|name| async move { self.must_get(&name).await }).buffered(AHEAD);
        let segments = sealed.chain(stream::once(async { Ok(record.tail.clone()) }));
        futures::pin_mut!(segments);
        while let Some(segment) = segments.next().await {
            for mut event in decode_events(&segment?)? {
                let told = hydrate && event.event.asks_for().is_none();
                if let Some(payload) = event.event.payload_mut().filter(|_| told)
                    && payload.stored().is_some()
                {
                    *payload = Payload::Inline(self.value(key, execution, payload).await?);
                }
                each(event);
            }
        }
        Ok(())
    }

    /// The execution of `record`, before anything has happened in it.
    pub(crate) async fn beginning(&self, key: &InstanceKey, record: &Record) -> Result<Beginning, ReadError> {
        let head = &record.head;
        let input = self.value(key, &head.execution, &head.input).await?;
        Ok(self.beginning_with(head, input))
    }

    pub(crate) fn beginning_with(&self, head: &Head, input: Json) -> Beginning {
        let identity = Identity {
            instance: head.id.clone(),
            execution: head.execution.clone(),
            version: head.version.clone(),
            parent: head.parent.clone(),
            max_payload: self.limits.max_payload,
        };
        Beginning { identity, name: head.name.clone(), input, at: head.created }
    }

    /// Rebuilds the execution that `record` describes. `orchestrators` has its function.
    pub(crate) async fn replay(
        &self,
        key: &InstanceKey,
        record: &Record,
        orchestrators: &Orchestrators,
    ) -> Result<Execution, ReadError> {
        let beginning = self.beginning(key, record).await?;
        let mut execution = Execution::begin(beginning, orchestrators).map_err(|error| malformed(&error))?;
        self.each_event(key, record, true, |event| execution.follow(event)).await?;
        execution.caught_up();
        Ok(execution)
    }
}

fn malformed(error: &impl std::fmt::Display) -> ReadError {
    UnreadableRecord::Malformed(error.to_string()).into()
}
