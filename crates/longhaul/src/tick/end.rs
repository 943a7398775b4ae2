//! The end of an execution: what becomes of the instance, and who is to be told.

use super::Tick;
use super::Ticked;
use super::entities::release_locks;
use super::step::Plan;
use crate::activity::Activities;
use crate::commit::CommitError;
use crate::context::{Action, BufferedEvent};
use crate::engine::Engine;
use crate::execution::{End, Execution};
use crate::failure::Failure;
use crate::history::{Child, EventKind};
use crate::id::{ExecutionId, InstanceKey, TaskId};
use crate::inbox::{Message, MessageKind};
use crate::json::Json;
use crate::kick::Kicks;
use crate::lookup::ReadError;
use crate::payload::Payload;
use crate::platform::Platform;
use crate::record::{Outgoing, Posted, Record, encode_events};
use crate::stage::belongings;
use crate::status::RuntimeStatus;

/// So many messages to others may carry their values with them.
pub(super) const FEW: usize = 64;

impl<P: Platform, A: Activities, K: Kicks> Tick<'_, P, A, K> {
    /// Writes the end of the execution into the record, and with continue-as-new the beginning of the next.
    pub(super) async fn end(&mut self, plan: &mut Plan, end: End) -> Result<(), CommitError> {
        let engine = self.around.engine;
        let execution = self.execution.take().expect("only an execution ends");
        let terminated = match &end {
            End::Terminated(reason) => Some(reason.as_str()),
            _ => None,
        };
        let children = execution.open_from(TaskId(0)).filter_map(|(id, action)| match action {
            Action::Child { child, input } => Some((id, child.clone(), input.clone())),
            _ => None,
        });
        let children: Vec<_> = children.collect();
        for (id, child, input) in children {
            let pending = Pending {
                is_dispatched: plan.next.control.tasks.contains_key(&id),
                is_started: id < plan.next.control.undispatched && !plan.next.control.tasks.contains_key(&id),
                id,
                child,
            };
            let mut input = Payload::Inline(input);
            if plan.next.control.outbox.len() >= FEW {
                // The record is not to grow with all that is yet to be started.
                self.stage.set_aside(&engine.hub, &self.held.key, &mut plan.next, &mut input);
            }
            self.stage.payload(&engine.hub, &self.held.key, &mut plan.next, &mut input);
            leave_child(&mut plan.next, pending, input, terminated);
        }
        match end {
            End::ContinuedAsNew { input, events } => return self.continue_as_new(plan, input, events).await,
            End::Terminated(reason) => {
                // They learn of it at their next report.
                self.calls.clear();
                finish(&self.held.key, &mut plan.next, RuntimeStatus::Terminated);
                plan.next.head.output = Some(Payload::Inline(Json::text_of(&reason)));
            }
            End::Completed(output) => match output.text().len() as u64 <= engine.limits.max_payload {
                true => {
                    finish(&self.held.key, &mut plan.next, RuntimeStatus::Completed);
                    plan.next.head.output = Some(Payload::Inline(output));
                }
                false => {
                    let (size, limit) = (output.text().len(), engine.limits.max_payload);
                    let failure = crate::payload::too_large("the orchestrator's output", size, limit);
                    engine.fail_unreplayed(&self.held.key, &mut plan.next, failure);
                }
            },
            End::Failed(failure) => engine.fail_unreplayed(&self.held.key, &mut plan.next, failure.bounded()),
        }
        self.stage.head(&engine.hub, &self.held.key, &mut plan.next);
        plan.end = Some(Ticked::Finished);
        Ok(())
    }

    async fn continue_as_new(
        &mut self,
        plan: &mut Plan,
        input: Json,
        events: Vec<BufferedEvent>,
    ) -> Result<(), CommitError> {
        let engine = self.around.engine;
        let key = self.held.key.clone();
        self.calls.clear();
        let next = &mut plan.next;
        release_locks(&key, next);
        let gone = belongings(&engine.hub, &key, next);
        // What is still to be sent may refer to values of the execution that is over.
        match next.control.outbox.is_empty() {
            true => next.control.garbage.extend(gone),
            false => next.control.later = gone,
        }
        next.control.rounds = next.control.rounds.saturating_add(1);
        next.control.rewound_below = TaskId(0);
        self.starting.clear();
        next.control.segments.clear();
        next.control.payloads.clear();
        next.control.tasks.clear();
        next.control.undispatched = TaskId(0);
        next.control.timer = None;
        next.control.events = 0;
        next.tail.clear();
        next.head.execution = ExecutionId::random(engine.platform.random());
        next.head.input = Payload::Inline(input.clone());
        next.head.custom_status = None;
        next.head.progress = None;
        self.stage.head(&engine.hub, &key, next);
        for BufferedEvent { name, data } in events {
            let mut data = Payload::Inline(data);
            self.stage.payload(&engine.hub, &key, next, &mut data);
            let what = MessageKind::Event { name, data };
            next.control.carried.push(Message { at: plan.now, again: Vec::new(), what });
        }
        let beginning = engine.beginning_with(&next.head, input);
        let begun = Execution::begin(beginning, self.around.orchestrators);
        self.execution = Some(begun.expect("the function that continues as new is registered"));
        Ok(())
    }
}

impl<P: Platform> Engine<P> {
    /// Ends `record` as failed, without its execution.
    pub(super) fn fail_unreplayed(&self, key: &InstanceKey, record: &mut Record, failure: Failure) {
        finish(key, record, RuntimeStatus::Failed);
        record.head.updated = self.platform.now();
        record.head.failure = Some(failure);
    }

    /// Ends `record` as terminated, without its execution.
    pub(super) async fn terminate_unreplayed(
        &self,
        key: &InstanceKey,
        record: &mut Record,
        reason: String,
    ) -> Result<(), ReadError> {
        let mut children = Vec::new();
        self.each_event(key, record, false, |event| match event.event {
            EventKind::SubOrchestrationInstanceCreated { id, child, input } => {
                children.push((id, child, input))
            }
            kind => children.retain(|(id, ..)| kind.result_of() != Some(*id)),
        })
        .await?;
        for (id, child, input) in children {
            let pending = Pending {
                is_dispatched: record.control.tasks.contains_key(&id),
                is_started: id < record.control.undispatched && !record.control.tasks.contains_key(&id),
                id,
                child,
            };
            leave_child(record, pending, input, Some(&reason));
        }
        let now = self.platform.now();
        let event = |event| crate::history::Event { at: now, event };
        let mut events = vec![event(EventKind::OrchestratorStarted)];
        if record.control.events == 0 {
            events.push(event(EventKind::ExecutionStarted { name: record.head.name.clone() }));
        }
        events.push(event(EventKind::ExecutionTerminated { reason: reason.clone() }));
        record.control.events += events.len() as u64;
        encode_events(&mut record.tail, &events);
        finish(key, record, RuntimeStatus::Terminated);
        record.head.output = Some(Payload::Inline(Json::text_of(&reason)));
        Ok(())
    }
}

/// A sub-orchestration without a result, at the end of its parent's execution.
struct Pending {
    id: TaskId,
    child: Child,
    is_dispatched: bool,
    is_started: bool,
}

/// Whatever was asked for is started; what belongs to an instance that is terminated ends with it.
fn leave_child(record: &mut Record, pending: Pending, input: Payload, terminated: Option<&str>) {
    let Pending { id, child, is_dispatched, is_started } = pending;
    let execution = record.head.execution.clone();
    let ends = terminated.is_some() && !child.detached;
    let instance = child.instance.clone();
    // One that is being started may be there already, or come to be: so it is started for certain, and then ended.
    if !is_started && (!ends || is_dispatched) {
        let step = record.control.step;
        post(record, Outgoing::Start { execution: execution.clone(), task: id, step, child, input });
    }
    if let Some(reason) = terminated.filter(|_| ends && (is_started || is_dispatched)) {
        post(record, Outgoing::Terminate { instance, execution, reason: reason.to_owned() });
    }
}

/// Puts something into the outbox.
pub(crate) fn post(record: &mut Record, what: Outgoing) {
    record.control.posted += 1;
    let number = record.control.posted;
    record.control.outbox.push(Posted { number, what });
}

/// Ends an instance.
fn finish(key: &InstanceKey, record: &mut Record, status: RuntimeStatus) {
    release_locks(key, record);
    record.head.status = status;
    record.head.progress = None;
    record.head.waits_for = None;
    let control = &mut record.control;
    control.suspended = false;
    control.timer = None;
    // What activities have saved stays listed until the instance is purged, or begins anew.
    control.tasks.retain(|_, task| task.checkpoint.is_some());
    if control.parent.as_ref().is_some_and(|parent| !parent.forgotten) {
        post(record, Outgoing::Result);
    }
}
