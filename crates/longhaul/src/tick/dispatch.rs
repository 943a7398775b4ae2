//! What a tick sets going, once it is committed: activities, sub-orchestrations, messages to others.

use std::collections::BTreeSet;
use std::rc::Rc;

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
use crate::kick::{Kicks, TickKick};
use crate::lookup::ReadError;
use crate::platform::Platform;
use crate::record::{Outgoing, SavedCheckpoint};

/// How many messages to others are under way at once.
const POSTS: usize = 64;

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
        delivered: bool,
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
            Action::Timer { .. } => {}
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
        let (cancel, cancelled) = futures::channel::oneshot::channel();
        self.calls.insert(id, Call { attempt, _cancel: cancel });
        let (key, reports) = (self.held.key.clone(), self.reports.clone());
        let call = async move {
            let execution = request.execution_id.clone();
            let work = async {
                if let Some(saved) = saved {
                    request.checkpoint = Some(around.engine.checkpoint(&key, &request, saved).await?);
                }
                around.call(&name, &request, &reports).await
            };
            pin_mut!(work);
            let outcome = match future::select(work, cancelled).await {
                Either::Left((outcome, _)) => outcome,
                Either::Right(_) => Err(NoAnswer("it was cancelled".into())),
            };
            Answer::Activity { task: id, execution, attempt, outcome }
        };
        self.running.push(call.boxed_local());
    }

    /// Sends what is in the outbox, in order as far as one waits for another.
    pub(super) fn post(&mut self) {
        let record = self.held.record();
        let undelivered =
            record.control.outbox.iter().filter(|posted| !self.delivered.contains(&posted.number));
        let being_started: BTreeSet<_> = undelivered
            .filter_map(|posted| match &posted.what {
                Outgoing::Start { child, .. } => Some(child.instance.clone()),
                _ => None,
            })
            .collect();
        for posted in &record.control.outbox {
            if self.posting.len() >= POSTS {
                break;
            }
            // A sub-orchestration is ended after it is started.
            let waits = |what: &Outgoing| matches!(what, Outgoing::Terminate { instance, .. } if being_started.contains(instance));
            if self.posting.contains(&posted.number)
                || self.delivered.contains(&posted.number)
                || waits(&posted.what)
            {
                continue;
            }
            self.posting.insert(posted.number);
            let (number, what) = (posted.number, posted.what.clone());
            let (around, key, head) = (self.around, self.held.key.clone(), record.head.clone());
            let parent = record.control.parent.clone();
            let delivery = async move {
                let delivered = around.engine.deliver(&key, &head, parent, what, around.kicks).await;
                if let Err(error) = &delivered {
                    tracing::warn!("instance {key}: a message to another waits: {error}");
                    around.engine.platform.sleep(around.engine.timing.poll).await;
                }
                Answer::Posted { number, delivered: delivered.is_ok() }
            };
            self.running.push(delivery.boxed_local());
        }
    }
}

impl<P: Platform, A: Activities, K: Kicks> super::Surroundings<'_, P, A, K> {
    /// Calls an activity, and waits for as long as it says something now and then.
    async fn call(
        &self,
        name: &str,
        request: &ActivityRequest,
        reports: &Rc<Reports>,
    ) -> Result<ActivityOutcome, NoAnswer> {
        let (task, attempt) = (request.task_id, request.attempt);
        let platform = &self.engine.platform;
        let heard = std::cell::Cell::new(platform.monotonic());
        let report = |report| {
            heard.set(platform.monotonic());
            reports.add(task, attempt, report);
        };
        let outcome = self.activities.call(name, request, &report);
        let silence = async {
            let limit = self.engine.timing.activity_silence;
            loop {
                let silent = platform.monotonic().saturating_sub(heard.get());
                if silent >= limit {
                    return;
                }
                platform.sleep(limit - silent).await;
            }
        };
        pin_mut!(outcome, silence);
        match future::select(outcome, silence).await {
            Either::Left((outcome, _)) => outcome,
            Either::Right(_) => {
                Err(NoAnswer(format!("silence for {:?}", self.engine.timing.activity_silence)))
            }
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

    /// Delivers a message to another instance. What it was for may be gone; then there is nothing to deliver.
    async fn deliver(
        &self,
        key: &InstanceKey,
        head: &crate::record::Head,
        parent: Option<crate::record::Parent>,
        what: Outgoing,
        kicks: &impl Kicks,
    ) -> Result<(), Failure> {
        let failed = |error: ReadError| Failure::new("StoreFailed", error.to_string());
        match what {
            Outgoing::Start { execution, task, step, child, input } => {
                let input = self.value(key, &execution, &input).await.map_err(failed)?;
                let order = Order {
                    parent: (head.id.clone(), key.clone()),
                    version: head.version.clone(),
                    execution,
                    task,
                    step,
                    child,
                    input,
                    rewinds: false,
                };
                // Whether there was one already: nobody waits for it.
                self.start_child(order, kicks).await.map(|_| ())
            }
            Outgoing::Terminate { instance, execution, reason } => {
                self.terminate_child(&instance, execution, reason, kicks).await.map_err(failed)
            }
            Outgoing::Result => match parent {
                Some(parent) => self.report_to_parent(key, head, parent, kicks).await.map_err(failed),
                None => Ok(()),
            },
        }
    }

    /// Has an instance ticked that was just sent something. If the kick is lost, the scheduler finds the message.
    pub(crate) async fn kick(&self, key: &InstanceKey, kick: &TickKick, kicks: &impl Kicks) {
        // It may run right here.
        self.ticking.ring(key);
        if let Err(error) = kicks.tick(key, kick).await {
            tracing::warn!("instance {key} waits for the scheduler: {error}");
        }
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
