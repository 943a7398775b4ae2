//! From the shown events back to the history.

use std::collections::BTreeMap;

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Deserializer};
use thiserror::Error;

use crate::entity::{EntityId, EntityRequest};
use crate::failure::Failure;
use crate::history::{Child, Event, EventKind};
use crate::id::{InstanceId, TaskId};
use crate::json::Json;

/// So many turns in which nothing happened a history may have.
const MOST_EMPTY_TURNS: u64 = 100_000;

/// Why a projection cannot be made a history.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
pub enum ProjectionError {
    /// It was given without an option that a replay needs.
    #[error(
        "the history was given without {option}=true: {event} has no {member}. Ask for it with showHistory, \
         showHistoryOutput, showInput and showEventIds"
    )]
    WithoutOption {
        /// The event, by its place among those shown.
        event: String,
        /// What it lacks.
        member: &'static str,
        /// The option of the management API that adds it.
        option: &'static str,
    },
    /// It is not an array of events.
    #[error("the history is not an array of events: {0}")]
    NotEvents(String),
    /// An event lacks something, or has something that it cannot have.
    #[error("{event} of the history is not one of Longhaul's: {why}")]
    Malformed {
        /// The event, by its place among those shown.
        event: String,
        /// What is wrong with it.
        why: String,
    },
    /// Two events have the same number.
    #[error("the history has two events with the EventId {0}, or another's TaskScheduledId is the same")]
    Twice(u64),
    /// Events are missing.
    #[error("the history lacks events: after the EventId {after} comes {next}")]
    Gap {
        /// The last number before the gap.
        after: u64,
        /// The first after it.
        next: u64,
    },
}

/// The history of which `historyEvents` were shown with all of [`Options`](super::Options).
///
/// # Errors
/// When an option was not set, or they are not the events of a Longhaul history.
pub fn history_from_projection(shown: &Json) -> Result<Vec<Event>, ProjectionError> {
    let shown: Vec<Shown> = shown.to().map_err(|error| ProjectionError::NotEvents(error.to_string()))?;
    let mut events = BTreeMap::new();
    for (place, shown) in shown.into_iter().enumerate() {
        for (number, event) in (Reader { place, shown }).events()? {
            if events.insert(number, event).is_some() {
                return Err(ProjectionError::Twice(number));
            }
        }
    }
    with_turns(events)
}

/// Every number that is missing is that of the mark of a turn, whose time is that of all its events.
fn with_turns(events: BTreeMap<u64, Event>) -> Result<Vec<Event>, ProjectionError> {
    let most = events.len() as u64 * 2 + MOST_EMPTY_TURNS;
    let mut history = Vec::new();
    for (next, event) in events {
        let missing = next - history.len() as u64;
        if next > most {
            return Err(ProjectionError::Gap { after: (history.len() as u64).saturating_sub(1), next });
        }
        let turn = Event { at: event.at, event: EventKind::OrchestratorStarted };
        history.extend(std::iter::repeat_n(
            turn,
            usize::try_from(missing).expect("it is below a limit that fits"),
        ));
        history.push(event);
    }
    Ok(history)
}

/// An event with whatever members it has.
#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Shown {
    event_type: String,
    event_id: Option<u64>,
    timestamp: Timestamp,
    #[serde(default)]
    timestamp_nanoseconds: u8,
    function_name: Option<String>,
    name: Option<String>,
    /// Null is a value.
    #[serde(default, deserialize_with = "present")]
    input: Option<Json>,
    #[serde(default, deserialize_with = "present")]
    result: Option<Json>,
    details: Option<Json>,
    failure_details: Option<FailureDetails>,
    reason: Option<String>,
    scheduled_time: Option<Timestamp>,
    #[serde(default)]
    scheduled_time_nanoseconds: u8,
    fire_at: Option<Timestamp>,
    #[serde(default)]
    fire_at_nanoseconds: u8,
    task_scheduled_id: Option<u64>,
    task_id: Option<TaskId>,
    #[serde(default)]
    retry: u32,
    instance_id: Option<InstanceId>,
    version: Option<String>,
    #[serde(default)]
    detached: bool,
    #[serde(default)]
    forgotten: bool,
    entity_id: Option<EntityId>,
    operation: Option<String>,
    due_time: Option<Timestamp>,
    #[serde(default)]
    due_time_nanoseconds: u8,
    section: Option<TaskId>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct FailureDetails {
    error_type: String,
    error_message: String,
    #[serde(default)]
    is_non_retriable: bool,
}

fn present<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Json>, D::Error> {
    Json::deserialize(deserializer).map(Some)
}

/// Takes one event apart.
struct Reader {
    place: usize,
    shown: Shown,
}

impl Reader {
    /// The event with its number; and, if it ends what another asked for that is not shown, that one too.
    fn events(mut self) -> Result<Vec<(u64, Event)>, ProjectionError> {
        let number = self.with_ids("EventId", self.shown.event_id)?;
        let at = exact(self.shown.timestamp, self.shown.timestamp_nanoseconds);
        let mut events = Vec::new();
        let event = match self.shown.event_type.as_str() {
            "ExecutionStarted" => {
                // It stands in the record; but without it there is nothing to begin with.
                self.input()?;
                EventKind::ExecutionStarted { name: self.function_name()? }
            }
            "TaskScheduled" => {
                let name = self.shown.name.take();
                self.task_scheduled(name, "Name")?
            }
            "SubOrchestrationInstanceCreated" => {
                let name = self.shown.name.take();
                self.child_created(name, "Name")?
            }
            "TaskCompleted" => {
                let (id, output) = (self.task()?, self.result()?.into());
                let name = self.shown.function_name.take();
                events.push(self.asked(Self::task_scheduled, name)?);
                EventKind::TaskCompleted { id, output }
            }
            "TaskFailed" => {
                let (id, failure) = (self.task()?, self.failure()?);
                let name = self.shown.function_name.take();
                events.push(self.asked(Self::task_scheduled, name)?);
                EventKind::TaskFailed { id, failure }
            }
            "SubOrchestrationInstanceCompleted" => {
                let (id, output) = (self.task()?, self.result()?.into());
                let name = self.shown.function_name.take();
                events.push(self.asked(Self::child_created, name)?);
                EventKind::SubOrchestrationInstanceCompleted { id, output }
            }
            "SubOrchestrationInstanceFailed" => {
                let (id, failure) = (self.task()?, self.failure()?);
                let name = self.shown.function_name.take();
                events.push(self.asked(Self::child_created, name)?);
                EventKind::SubOrchestrationInstanceFailed { id, failure }
            }
            "EntityOperationCalled" => {
                let operation = self.operation()?;
                self.entity_asked(EntityRequest::Call { operation })?
            }
            "EntityOperationSignaled" => {
                let due = self.shown.due_time.map(|due| exact(due, self.shown.due_time_nanoseconds));
                let operation = self.operation()?;
                self.entity_asked(EntityRequest::Signal { operation, due })?
            }
            "EntityLockRequested" => self.entity_asked(EntityRequest::Lock)?,
            "EntityUnlockSent" => self.entity_asked(EntityRequest::Unlock)?,
            "EntityOperationCompleted" => {
                EventKind::EntityOperationCompleted { id: self.task()?, output: self.result()?.into() }
            }
            "EntityOperationFailed" => {
                EventKind::EntityOperationFailed { id: self.task()?, failure: self.failure()? }
            }
            "EntityLockGranted" => EventKind::EntityLockGranted { id: self.task()? },
            "TimerCreated" => EventKind::TimerCreated { id: self.task()?, fire_at: self.fire_at()? },
            "TimerFired" => EventKind::TimerFired { id: self.task()?, fire_at: self.fire_at()? },
            "EventRaised" => {
                let name = self.shown.name.take();
                EventKind::EventRaised { name: self.has("Name", name)?, data: self.input()?.into() }
            }
            "ExecutionSuspended" => EventKind::ExecutionSuspended { reason: self.reason()? },
            "ExecutionResumed" => EventKind::ExecutionResumed { reason: self.reason()? },
            "ExecutionRewound" => EventKind::ExecutionRewound { reason: self.reason()? },
            "ExecutionTerminated" => {
                let reason = self.input()?.to();
                let reason = reason.map_err(|_| self.malformed("its Input is not a text".into()))?;
                EventKind::ExecutionTerminated { reason }
            }
            "ExecutionCompleted" => EventKind::ExecutionCompleted,
            other => return Err(self.malformed(format!("there are no events of type '{other}'"))),
        };
        events.push((number, Event { at, event }));
        Ok(events)
    }

    /// The event that asked for what this one ends.
    fn asked(
        &mut self,
        event: fn(&mut Self, Option<String>, &'static str) -> Result<EventKind, ProjectionError>,
        name: Option<String>,
    ) -> Result<(u64, Event), ProjectionError> {
        let number = self.with_ids("TaskScheduledId", self.shown.task_scheduled_id)?;
        let at = self.has("ScheduledTime", self.shown.scheduled_time)?;
        let at = exact(at, self.shown.scheduled_time_nanoseconds);
        Ok((number, Event { at, event: event(self, name, "FunctionName")? }))
    }

    fn task_scheduled(
        &mut self,
        name: Option<String>,
        named: &'static str,
    ) -> Result<EventKind, ProjectionError> {
        Ok(EventKind::TaskScheduled {
            id: self.task()?,
            name: self.has(named, name)?,
            input: self.input()?.into(),
            retry: self.shown.retry,
        })
    }

    fn child_created(
        &mut self,
        name: Option<String>,
        named: &'static str,
    ) -> Result<EventKind, ProjectionError> {
        let instance = self.shown.instance_id.take();
        let child = Child {
            name: self.has(named, name)?,
            instance: self.with_ids("InstanceId", instance)?,
            version: self.shown.version.take(),
            detached: self.shown.detached,
            forgotten: self.shown.forgotten,
            retry: self.shown.retry,
        };
        Ok(EventKind::SubOrchestrationInstanceCreated {
            id: self.task()?,
            child,
            input: self.input()?.into(),
        })
    }

    fn entity_asked(&mut self, request: EntityRequest) -> Result<EventKind, ProjectionError> {
        let entity = self.shown.entity_id.take();
        Ok(EventKind::EntityAsked {
            id: self.task()?,
            entity: self.has("EntityId", entity)?,
            request,
            input: self.input()?.into(),
            section: self.shown.section,
        })
    }

    fn operation(&mut self) -> Result<String, ProjectionError> {
        let operation = self.shown.operation.take();
        self.has("Operation", operation)
    }

    fn failure(&mut self) -> Result<Failure, ProjectionError> {
        let failure = self.shown.failure_details.take();
        let FailureDetails { error_type, error_message, is_non_retriable } =
            self.has("FailureDetails", failure)?;
        Ok(Failure {
            kind: error_type,
            message: error_message,
            retriable: !is_non_retriable,
            details: self.shown.details.take(),
        })
    }

    fn task(&self) -> Result<TaskId, ProjectionError> {
        self.with_ids("TaskId", self.shown.task_id)
    }

    fn function_name(&mut self) -> Result<String, ProjectionError> {
        let name = self.shown.function_name.take();
        self.has("FunctionName", name)
    }

    fn fire_at(&self) -> Result<Timestamp, ProjectionError> {
        Ok(exact(self.has("FireAt", self.shown.fire_at)?, self.shown.fire_at_nanoseconds))
    }

    fn reason(&mut self) -> Result<String, ProjectionError> {
        let reason = self.shown.reason.take();
        self.has("Reason", reason)
    }

    fn input(&mut self) -> Result<Json, ProjectionError> {
        let input = self.shown.input.take();
        input.ok_or_else(|| self.without("Input", "showInput"))
    }

    fn result(&mut self) -> Result<Json, ProjectionError> {
        let result = self.shown.result.take();
        result.ok_or_else(|| self.without("Result", "showHistoryOutput"))
    }

    fn with_ids<T>(&self, member: &'static str, value: Option<T>) -> Result<T, ProjectionError> {
        value.ok_or_else(|| self.without(member, "showEventIds"))
    }

    fn has<T>(&self, member: &'static str, value: Option<T>) -> Result<T, ProjectionError> {
        value.ok_or_else(|| self.malformed(format!("it has no {member}")))
    }

    fn without(&self, member: &'static str, option: &'static str) -> ProjectionError {
        ProjectionError::WithoutOption { event: self.event(), member, option }
    }

    fn malformed(&self, why: String) -> ProjectionError {
        ProjectionError::Malformed { event: self.event(), why }
    }

    fn event(&self) -> String {
        format!("the event {} at [{}]", self.shown.event_type, self.place)
    }
}

/// The time with what seven digits leave out of it.
fn exact(at: Timestamp, nanoseconds: u8) -> Timestamp {
    at.saturating_add(SignedDuration::from_nanos(nanoseconds.into())).unwrap_or(Timestamp::MAX)
}
