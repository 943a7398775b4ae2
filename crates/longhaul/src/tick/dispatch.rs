//! What a tick sets going, once it is committed: activities, sub-orchestrations, messages to others.

use std::cell::Cell;
use std::rc::Rc;
use std::time::Duration;

use futures::future::{self, Either};
use futures::{FutureExt, pin_mut};

use super::{Call, Reports, Tick};
use crate::activity::{Activities, ActivityOutcome, ActivityReport, ActivityRequest, Checkpoint, NoAnswer};
use crate::child::{ChildStart, Order};
use crate::context::Action;
use crate::engine::Engine;
use crate::failure::Failure;
use crate::id::{ExecutionId, InstanceKey, TaskId};
use crate::json::Json;
use crate::kick::Kicks;
use crate::outbox::Delivery;
use crate::platform::Platform;
use crate::record::{Record, SavedCheckpoint};

/// What came of something that was set going.
pub(super) enum Answer {
    Activity {
        task: TaskId,
        execution: ExecutionId,
        attempt: u32,
        outcome: Result<ActivityOutcome, NoAnswer>,
    },
    Child {
        task: TaskId,
        execution: ExecutionId,
        start: Result<ChildStart, Failure>,
    },
    Posted {
        number: u64,
        delivery: Delivery,
    },
}

impl<'a, P: Platform, A: Activities, K: Kicks> Tick<'a, P, A, K> {
    /// Sets going what the record says is dispatched, and is not under way here.
    pub(super) fn dispatch_committed(&mut self) {
        let control = &self.held.record().control;
        if self.execution.is_some() && !control.suspended {
            let tasks = control.tasks.iter().filter(|(_, task)| task.retry_at.is_none());
            let tasks: Vec<_> = tasks.map(|(id, _)| *id).collect();
            for id in tasks {
                self.dispatch(id);
            }
        }
        self.post();
    }

    /// Has an activity run, or a sub-orchestration started. It is committed that this is to happen.
    pub(super) fn dispatch(&mut self, id: TaskId) {
        if self.calls.contains_key(&id) || self.starting.contains(&id) {
            return;
        }
        let Some(action) = self.execution.as_ref().and_then(|execution| execution.action(id)) else { return };
        match action.clone() {
            Action::Activity { name, input, retry } => self.call(id, name, input, retry),
            Action::Child { child, input } => {
                self.starting.insert(id);
                let (record, around) = (self.held.record(), self.around);
                let rewinds = id < record.control.rewound_below;
                let execution = record.head.execution.clone();
                let order = Order {
                    parent: (record.head.id.clone(), self.held.key.clone()),
                    version: record.head.version.clone(),
                    execution: execution.clone(),
                    task: id,
                    step: record.control.step,
                    child,
                    input,
                    rewinds,
                };
                let started = async move {
                    let start = around.engine.start_child(order, around.kicks).await;
                    Answer::Child { task: id, execution, start }
                };
                self.running.push(started.boxed_local());
            }
            Action::Timer { .. } | Action::Entity(_) => {}
        }
    }

    fn call(&mut self, id: TaskId, name: String, input: Json, retry: u32) {
        let record = self.held.record();
        let Some(task) = record.control.tasks.get(&id) else { return };
        let (attempt, saved, around) = (task.attempt, task.checkpoint.clone(), self.around);
        let mut request = ActivityRequest {
            instance_id: record.head.id.clone(),
            execution_id: record.head.execution.clone(),
            task_id: id,
            attempt,
            retry,
            input,
            checkpoint: None,
            budget_ms: around.engine.limits.activity_budget.map(|budget| budget.as_millis() as u64),
        };
        let heard = Rc::new(Cell::new(around.engine.platform.monotonic()));
        let (give_up, given_up) = futures::channel::oneshot::channel();
        self.calls.insert(id, Call { attempt, heard: heard.clone(), give_up: Some(give_up) });
        let (key, reports) = (self.held.key.clone(), self.reports.clone());
        let call = async move {
            let execution = request.execution_id.clone();
            let work = async {
                if let Some(saved) = saved {
                    request.checkpoint = Some(around.engine.checkpoint(&key, &request, saved).await?);
                }
                let report = |report| {
                    heard.set(around.engine.platform.monotonic());
                    reports.add(id, attempt, report);
                };
                around.activities.call(&name, &request, &report).await
            };
            pin_mut!(work);
            let outcome = match future::select(work, given_up).await {
                Either::Left((outcome, _)) => outcome,
                Either::Right((why, _)) => Err(why.unwrap_or_else(|_| NoAnswer("it was cancelled".into()))),
            };
            Answer::Activity { task: id, execution, attempt, outcome }
        };
        self.running.push(call.boxed_local());
    }

    /// How long until an activity has been silent for too long, if it stays silent. None: there is none.
    pub(super) fn silent_in(&self) -> Option<Duration> {
        let waited_for = self.calls.values().filter(|call| call.give_up.is_some());
        let heard = waited_for.map(|call| call.heard.get()).min()?;
        let Engine { platform, timing, .. } = self.around.engine;
        Some((heard + timing.activity_silence).saturating_sub(platform.monotonic()))
    }

    /// Waits no longer for activities that have been silent for too long.
    pub(super) fn give_up_silent_calls(&mut self) {
        let Engine { platform, timing, .. } = self.around.engine;
        let (now, limit) = (platform.monotonic(), timing.activity_silence);
        for call in self.calls.values_mut() {
            if now.saturating_sub(call.heard.get()) >= limit
                && let Some(give_up) = call.give_up.take()
            {
                let _ = give_up.send(NoAnswer(format!("silence for {limit:?}")));
            }
        }
    }

    /// Sends what is in the outbox.
    pub(super) fn post(&mut self) {
        let Record { head, control, .. } = self.held.record();
        for letter in self.posting.next(&control.outbox, &self.owner) {
            let (around, number) = (self.around, letter.number);
            let (key, head, parent) = (self.held.key.clone(), head.clone(), control.parent.clone());
            let sent = async move {
                let delivery = around.engine.send_letter(&key, &head, parent, letter, around.kicks).await;
                Answer::Posted { number, delivery }
            };
            self.running.push(sent.boxed_local());
        }
    }
}

impl<P: Platform> Engine<P> {
    /// What an activity has saved, with all its segments.
    async fn checkpoint(
        &self,
        key: &InstanceKey,
        request: &ActivityRequest,
        saved: SavedCheckpoint,
    ) -> Result<Checkpoint, NoAnswer> {
        let failed =
            |error: &dyn std::fmt::Display| NoAnswer(format!("its checkpoint cannot be read: {error}"));
        let mut segments = Vec::new();
        for run in &saved.segments {
            let stem = self.hub.checkpoint(key, &request.execution_id, request.task_id, &run.stem);
            let names: Vec<_> = run.numbers().map(|number| format!("{stem}{number}")).collect();
            let values = future::try_join_all(names.iter().map(|name| self.get_patiently(name))).await;
            for (name, value) in names.iter().zip(values.map_err(|error| failed(&error))?) {
                let text = value.and_then(|bytes| String::from_utf8(bytes).ok());
                let segment = text.and_then(|text| Json::parse(&text).ok());
                segments.push(segment.ok_or_else(|| failed(&format!("{name} is missing or damaged")))?);
            }
        }
        Ok(Checkpoint { cursor: saved.cursor, segments })
    }
}

impl Reports {
    /// Nobody reads what is said from now on.
    pub(super) fn close(&self) {
        self.closed.set(true);
        self.said.borrow_mut().clear();
    }

    fn add(&self, task: TaskId, attempt: u32, report: ActivityReport) {
        if self.closed.get() {
            return;
        }
        let wakes = matches!(report, ActivityReport::Checkpoint(_));
        self.said.borrow_mut().push((task, attempt, report));
        if wakes {
            self.checkpoints.set(true);
            if let Some(waker) = self.waker.take() {
                waker.wake();
            }
        }
    }
}
