//! Taking in what is new: answers of activities, children that are started, messages, reports.

use jiff::Timestamp;

use super::Tick;
use super::dispatch::Answer;
use super::step::Plan;
use crate::activity::{Activities, ActivityOutcome, ActivityReport, Checkpoint, NoAnswer};
use crate::child::ChildStart;
use crate::context::BufferedEvent;
use crate::execution::News;
use crate::failure::Failure;
use crate::id::{ExecutionId, TaskId};
use crate::inbox::{Message, MessageKind};
use crate::json::Json;
use crate::kick::Kicks;
use crate::payload::{Payload, too_large};
use crate::platform::{Platform, after};
use crate::record::{Record, Run, SavedCheckpoint, Task};
use crate::status::RuntimeStatus;

impl<P: Platform, A: Activities, K: Kicks> Tick<'_, P, A, K> {
    /// Sorts an answer into news for the orchestrator, tasks to repeat, and messages that are delivered.
    pub(super) fn take_answer(&mut self, answer: Answer, plan: &mut Plan) {
        // After the end nobody minds how anything ended.
        if self.execution.is_none() && !matches!(answer, Answer::Posted { .. }) {
            return;
        }
        match answer {
            Answer::Activity { task, execution, attempt, outcome } => {
                let current = self.calls.get(&task).is_some_and(|call| call.attempt == attempt);
                // What an earlier execution asked for is nothing to this one.
                if execution != plan.next.head.execution || !current {
                    return;
                }
                self.calls.remove(&task);
                plan.changed = true;
                if let Some(result) = self.outcome(task, outcome, plan) {
                    plan.news.push(News::Result(task, result));
                }
            }
            Answer::Child { task, execution, start } => {
                if execution == plan.next.head.execution {
                    self.starting.remove(&task);
                }
                if execution != plan.next.head.execution || !plan.next.control.tasks.contains_key(&task) {
                    return;
                }
                plan.changed = true;
                match start {
                    Ok(ChildStart::Started) => drop(plan.next.control.tasks.remove(&task)),
                    Ok(ChildStart::Ended(result)) => plan.news.push(News::Result(task, result)),
                    Err(error) => self.repeat(task, &error.to_string(), plan),
                }
            }
            Answer::Posted { number, delivery } => self.posting.heard(number, delivery),
        }
    }

    /// The result in an activity's outcome, if it is one.
    fn outcome(
        &mut self,
        task: TaskId,
        outcome: Result<ActivityOutcome, NoAnswer>,
        plan: &mut Plan,
    ) -> Option<Result<crate::json::Json, Failure>> {
        let (size, limit) = match &outcome {
            Ok(ActivityOutcome::Completed(output)) => {
                (output.text().len(), self.around.engine.limits.max_payload)
            }
            _ => (0, u64::MAX),
        };
        match outcome {
            Ok(_) if size as u64 > limit => Some(Err(too_large("the activity's output", size, limit))),
            Ok(ActivityOutcome::Completed(output)) => Some(Ok(output)),
            Ok(ActivityOutcome::Failed(failure)) => Some(Err(failure.bounded())),
            Ok(ActivityOutcome::Continue { checkpoint, progress }) => {
                let attempt = plan.next.control.tasks.get(&task).map_or(0, |task| task.attempt);
                self.save(task, attempt, checkpoint, plan);
                if progress.is_some() {
                    plan.next.head.progress = progress.and_then(Json::unless_null);
                }
                let now = plan.now;
                if let Some(task) = plan.next.control.tasks.get_mut(&task) {
                    task.failures = 0;
                    // At once, unless an operator holds the instance.
                    task.retry_at = Some(now);
                }
                plan.progressed = true;
                None
            }
            Err(NoAnswer(why)) => {
                let failures = plan.next.control.tasks.get(&task).map_or(0, |task| task.failures) + 1;
                if failures < self.around.engine.timing.max_failures {
                    self.repeat(task, &why, plan);
                    return None;
                }
                Some(Err(Failure::new(
                    "ActivityUnavailable",
                    format!("the activity gave no answer {failures} times, the last time: {why}"),
                )))
            }
        }
    }

    /// Has a task that gave no answer dispatched again, after a while.
    fn repeat(&self, id: TaskId, why: &str, plan: &mut Plan) {
        let timing = &self.around.engine.timing;
        let Some(task) = plan.next.control.tasks.get_mut(&id) else { return };
        task.failures += 1;
        let pause = timing.pause_after(task.failures);
        tracing::warn!(task = id.0, failures = task.failures, ?pause, "no answer: {why}");
        task.retry_at = Some(after(plan.now, pause));
    }

    /// Takes in what running activities have said.
    pub(super) fn take_reports(&mut self, plan: &mut Plan) {
        for (task, attempt, report) in self.reports.said.take() {
            if self.calls.get(&task).is_none_or(|call| call.attempt != attempt) {
                continue;
            }
            match report {
                ActivityReport::Heartbeat => {}
                ActivityReport::Progress(progress) => self.progress = Some(progress),
                ActivityReport::Checkpoint(checkpoint) => {
                    self.save(task, attempt, checkpoint, plan);
                    plan.changed = true;
                    plan.progressed = true;
                }
            }
        }
    }

    fn save(&mut self, id: TaskId, attempt: u32, checkpoint: Checkpoint, plan: &mut Plan) {
        let Record { head, control, .. } = &mut plan.next;
        let Some(task) = control.tasks.get_mut(&id) else { return };
        // Whatever keeps it from answering, it gets on.
        task.failures = 0;
        let saved = task
            .checkpoint
            .get_or_insert_with(|| SavedCheckpoint { cursor: Default::default(), segments: Vec::new() });
        saved.cursor = checkpoint.cursor;
        // A name contains this tick's own name, its attempt notwithstanding: an attempt's number may be dispatched by
        // a tick whose commit was its last.
        let stem = format!("{attempt}-{}", self.owner);
        let stem_key = self.around.engine.hub.checkpoint(&self.held.key, &head.execution, id, &stem);
        for segment in checkpoint.segments {
            let number =
                saved.segments.last().filter(|run| run.stem == stem).map_or(0, |run| run.first + run.count);
            self.stage.write(format!("{stem_key}{number}"), segment.text().as_bytes().to_vec());
            Run::add(&mut saved.segments, &stem, number);
        }
    }

    /// Sorts messages into news. What concerns another execution is dropped.
    pub(super) fn take_messages(&mut self, messages: Vec<Message>, plan: &mut Plan) {
        if messages.is_empty() {
            return;
        }
        plan.changed = true;
        // Of a record that is to begin later only the end is decided now.
        let begun = self.has_begun(self.held.record(), plan.now);
        for message in messages {
            match message.what {
                _ if begun => plan.news.extend(news_of(message, &plan.next)),
                MessageKind::Terminate { .. } => plan.news.extend(news_of(message, &plan.next)),
                MessageKind::Suspend { .. } => {
                    plan.next.control.suspended = true;
                    plan.next.head.status = RuntimeStatus::Suspended;
                }
                MessageKind::Resume { .. } => {
                    plan.next.control.suspended = false;
                    plan.next.head.status = RuntimeStatus::Pending;
                }
                _ => plan.next.control.carried.push(message),
            }
        }
    }

    /// Whether the execution is to begin now: it has continued as new.
    pub(super) fn is_about_to_begin(&self, record: &Record, now: Timestamp) -> bool {
        self.execution.as_ref().is_some_and(|execution| execution.is_new()) && self.has_begun(record, now)
    }

    /// Whether the execution is not to begin later.
    pub(super) fn has_begun(&self, record: &Record, now: Timestamp) -> bool {
        let Record { head, control, .. } = record;
        match &self.execution {
            // One that was scheduled, and has not begun.
            Some(execution) if execution.is_new() && control.rounds == 0 => {
                !control.suspended && head.scheduled.is_none_or(|at| at <= now)
            }
            _ => true,
        }
    }
}

/// What a message tells the execution in `record`, if anything.
pub(super) fn news_of(message: Message, record: &Record) -> Option<News> {
    let is_for_us = |execution: &ExecutionId| *execution == record.head.execution;
    match message.what {
        MessageKind::Event { name, data: Payload::Inline(data) } => {
            Some(News::Event(BufferedEvent { name, data }))
        }
        MessageKind::Event { name, data: Payload::Stored(_) } => {
            unreachable!("the data of the event {name} was to be read before")
        }
        MessageKind::Suspend { reason } => Some(News::Suspend(reason)),
        MessageKind::Resume { reason } => Some(News::Resume(reason)),
        MessageKind::Terminate { reason, parent: None } => Some(News::Terminate(reason)),
        MessageKind::Terminate { reason, parent: Some(parent) } => {
            let ours = record.control.parent.as_ref().is_some_and(|ours| ours.execution == parent);
            ours.then_some(News::Terminate(reason))
        }
        MessageKind::Completed { execution, task, output } => {
            is_for_us(&execution).then_some(News::Result(task, Ok(output)))
        }
        MessageKind::Failed { execution, task, failure } => {
            is_for_us(&execution).then_some(News::Result(task, Err(failure)))
        }
        MessageKind::Entity(_) => None,
    }
}

impl Plan {
    /// A task has its result: what it has saved is needed no more.
    pub(super) fn drop_task(&mut self, hub: &crate::keys::TaskHub, key: &crate::id::InstanceKey, id: TaskId) {
        let Record { head, control, .. } = &mut self.next;
        let Some(Task { checkpoint: Some(saved), .. }) = control.tasks.remove(&id) else { return };
        control.garbage.extend(
            saved
                .segments
                .iter()
                .map(|run| Run { stem: hub.checkpoint(key, &head.execution, id, &run.stem), ..run.clone() }),
        );
    }
}
