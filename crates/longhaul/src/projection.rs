//! The history of an instance as the management API shows it: the `historyEvents` of Azure Durable Functions, and back.
//!
//! Azure shows a history to people: turns are left out, and an activity or a sub-orchestration that has ended is one
//! event that says when it was asked for, with what, and what came of it. With [`Options::show_event_ids`], which is
//! ours, nothing is lost that a replay needs, and [`history_from_projection`] makes the history of it again.
//!
//! What that adds to Azure's members:
//!
//! | member | of | what it is |
//! | --- | --- | --- |
//! | `EventId` | every event | its number in the whole history, from 0, as the messages of replays give it |
//! | `TaskScheduledId` | what ends an activity or a sub-orchestration | the `EventId` of what asked for it, shown or not |
//! | `TimerId` | `TimerFired` | the `EventId` of its `TimerCreated` |
//! | `TaskId` | whatever belongs to a task | the task's number, as activities are told it |
//! | `Retry` | activities, sub-orchestrations | how often a retry policy has repeated it before; left out when 0 |
//! | `InstanceId` | sub-orchestrations that have ended | the child's id |
//! | `Version`, `Detached`, `Forgotten` | sub-orchestrations | how it was asked for; left out when nothing was said |
//! | `Section` | what is asked of entities in a critical section | the `TaskId` of its first lock |
//! | `TimestampNanoseconds`, … | whatever has a time | what seven digits leave out of it; left out when 0 |
//!
//! What is asked of entities has the names of events that Microsoft's engine gives it, and is always shown:
//! `EntityOperationCalled`, `EntityOperationSignaled`, `EntityLockRequested` and `EntityUnlockSent` with `EntityId`,
//! `Operation`, `DueTime` and `Input`; `EntityOperationCompleted`, `EntityOperationFailed` and `EntityLockGranted` with what
//! came of it.
//!
//! Lost in any case: the times of turns in which nothing happened (a rewound history has some), and such turns at its end.

mod document;
mod members;
mod read;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};

use crate::entity::{EntityId, EntityRequest};
use crate::history::{Child, Event, EventKind};
use crate::id::TaskId;
use crate::json::Json;
use crate::payload::Payload;
use crate::query::Details;
use crate::status::RuntimeStatus;

pub use document::{Recorded, StatusDocument};
pub use read::{ProjectionError, history_from_projection};

use members::Members;

/// How much of a history to show: the flags of the management API, with its defaults.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Options {
    /// `showHistoryOutput`: the results.
    pub show_history_output: bool,
    /// `showInput`: the inputs, of the instance and of everything that it asked for.
    pub show_input: bool,
    /// `showEventIds`: all that a replay needs.
    pub show_event_ids: bool,
}

impl Default for Options {
    fn default() -> Self {
        Self { show_history_output: false, show_input: true, show_event_ids: false }
    }
}

impl Options {
    /// Everything: what [`history_from_projection`] wants.
    pub fn all() -> Self {
        Self { show_history_output: true, show_input: true, show_event_ids: true }
    }
}

/// The `historyEvents` of an instance: an array. None if its history is not at hand, and while it is pending: then there
/// is none.
///
/// A value that is not at hand, since it has a key of its own in the store, is shown as null.
pub fn project(details: &Details, options: Options) -> Option<Json> {
    let history = details.history.as_ref().filter(|_| details.head.status != RuntimeStatus::Pending)?;
    let projection = Projection { details, options, tasks: Tasks::of(history) };
    let shown: Vec<_> =
        history.iter().enumerate().filter_map(|(number, event)| projection.shown(number, event)).collect();
    Some(Json::of(&shown).expect("members are JSON"))
}

/// Who asked for what, and what has ended.
struct Tasks<'a> {
    asked: BTreeMap<TaskId, (usize, &'a Event)>,
    ended: BTreeSet<TaskId>,
}

impl<'a> Tasks<'a> {
    fn of(history: &'a [Event]) -> Self {
        let numbered = history.iter().enumerate();
        let asked = numbered.filter_map(|(number, event)| Some((event.event.asks_for()?, (number, event))));
        let ended = history.iter().filter_map(|event| event.event.result_of());
        Self { asked: asked.collect(), ended: ended.collect() }
    }
}

struct Projection<'a> {
    details: &'a Details,
    options: Options,
    tasks: Tasks<'a>,
}

impl Projection<'_> {
    fn shown(&self, number: usize, event: &Event) -> Option<Members> {
        let Event { at, event } = event;
        let mut members = Members::new(self.options);
        members.add("EventType", event.name());
        members.add_id("EventId", Some(number));
        members.time("Timestamp", *at);
        match event {
            EventKind::OrchestratorStarted => return None,
            EventKind::ExecutionStarted { name } => self.started(&mut members, name),
            EventKind::TaskScheduled { id, .. } | EventKind::SubOrchestrationInstanceCreated { id, .. }
                if self.tasks.ended.contains(id) =>
            {
                return None;
            }
            EventKind::TaskScheduled { id, name, input, retry } => {
                members.add("Name", name);
                members.input(|| value(input));
                members.null("ParentTraceContext");
                members.null("Tags");
                task(&mut members, *id, *retry);
            }
            EventKind::SubOrchestrationInstanceCreated { id, child, input } => {
                members.add("Name", &child.name);
                members.add("InstanceId", &child.instance);
                members.input(|| value(input));
                members.null("ClientSpanId");
                members.null("Tags");
                task(&mut members, *id, child.retry);
                how_asked(&mut members, child);
            }
            EventKind::TaskCompleted { id, output }
            | EventKind::SubOrchestrationInstanceCompleted { id, output } => {
                members.result(|| value(output));
                self.ended(&mut members, *id);
            }
            EventKind::TaskFailed { id, failure }
            | EventKind::SubOrchestrationInstanceFailed { id, failure } => {
                members.add("Reason", &failure.message);
                members.add("Details", &failure.details);
                members.failure(Some(failure));
                self.ended(&mut members, *id);
            }
            EventKind::EntityAsked { id, entity, request, input, section } => {
                asked_entity(&mut members, entity, request);
                members.input(|| value(input));
                members.add_id("TaskId", Some(id));
                members.add_id("Section", section.as_ref());
            }
            EventKind::EntityOperationCompleted { id, output } => {
                members.result(|| value(output));
                self.answered(&mut members, *id);
            }
            EventKind::EntityOperationFailed { id, failure } => {
                members.add("Reason", &failure.message);
                members.add("Details", &failure.details);
                members.failure(Some(failure));
                self.answered(&mut members, *id);
            }
            EventKind::EntityLockGranted { id } => self.answered(&mut members, *id),
            EventKind::TimerCreated { id, fire_at } => {
                members.time("FireAt", *fire_at);
                members.add_id("TaskId", Some(id));
            }
            EventKind::TimerFired { id, fire_at } => {
                members.time("FireAt", *fire_at);
                members.add_id("TimerId", self.tasks.asked.get(id).map(|(number, _)| number));
                members.add_id("TaskId", Some(id));
            }
            EventKind::EventRaised { name, data } => {
                members.add("Name", name);
                members.input(|| value(data));
                members.null("ParentTraceContext");
            }
            EventKind::ExecutionSuspended { reason } | EventKind::ExecutionResumed { reason } => {
                members.add("Reason", reason);
            }
            EventKind::ExecutionTerminated { reason } => members.input(|| Json::text_of(reason)),
            EventKind::ExecutionRewound { reason } => {
                members.add("Reason", reason);
                for none in ["ParentExecutionId", "InstanceId", "ParentTraceContext"] {
                    members.null(none);
                }
            }
            EventKind::ExecutionCompleted => self.completed(&mut members),
        }
        Some(members)
    }

    fn started(&self, members: &mut Members, name: &str) {
        members.add("FunctionName", name);
        members.input(|| self.details.input.clone().unwrap_or_default());
        members.null("Correlation");
        members.null("ParentTraceContext");
        match self.details.head.scheduled {
            Some(at) => members.time("ScheduledStartTime", at),
            None => members.null("ScheduledStartTime"),
        }
        members.null("Generation");
        members.add("GenerateNewTrace", &false);
    }

    /// What is told of the event that asked for the task `id` when the task has ended, for then it is not shown itself.
    fn ended(&self, members: &mut Members, id: TaskId) {
        let Some((number, Event { at, event })) = self.tasks.asked.get(&id) else { return };
        members.time("ScheduledTime", *at);
        match event {
            EventKind::TaskScheduled { name, input, retry, .. } => {
                members.add("FunctionName", name);
                members.input(|| value(input));
                members.add_id("TaskScheduledId", Some(number));
                task(members, id, *retry);
            }
            EventKind::SubOrchestrationInstanceCreated { child, input, .. } => {
                members.add("FunctionName", &child.name);
                members.input(|| value(input));
                members.add_id("TaskScheduledId", Some(number));
                members.add_id("InstanceId", Some(&child.instance));
                task(members, id, child.retry);
                how_asked(members, child);
            }
            _ => {}
        }
    }

    /// What is told of the event with which an entity was asked that has answered.
    fn answered(&self, members: &mut Members, id: TaskId) {
        if let Some((number, Event { event: EventKind::EntityAsked { entity, request, .. }, .. })) =
            self.tasks.asked.get(&id)
        {
            asked_entity(members, entity, request);
            members.add_id("TaskScheduledId", Some(number));
        }
        members.add_id("TaskId", Some(id));
    }

    fn completed(&self, members: &mut Members) {
        let head = &self.details.head;
        members.add("OrchestrationStatus", &head.status);
        members.result(|| match &head.failure {
            Some(failure) => Json::text_of(&failure.message),
            None => self.details.output.clone().unwrap_or_default(),
        });
        members.failure(head.failure.as_ref());
    }
}

fn asked_entity(members: &mut Members, entity: &EntityId, request: &EntityRequest) {
    members.add("EntityId", entity);
    if let Some(operation) = request.operation() {
        members.add("Operation", operation);
    }
    if let EntityRequest::Signal { due: Some(due), .. } = request {
        members.time("DueTime", *due);
    }
}

fn value(payload: &Payload) -> Json {
    payload.inline().cloned().unwrap_or_default()
}

fn task(members: &mut Members, id: TaskId, retry: u32) {
    members.add_id("TaskId", Some(id));
    members.add_id("Retry", Some(retry).filter(|retry| *retry > 0));
}

fn how_asked(members: &mut Members, child: &Child) {
    members.add_id("Version", child.version.as_ref());
    members.add_id("Detached", Some(child.detached).filter(|detached| *detached));
    members.add_id("Forgotten", Some(child.forgotten).filter(|forgotten| *forgotten));
}
