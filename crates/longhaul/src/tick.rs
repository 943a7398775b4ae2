//! The tick: one run of the orchestrator component over one instance.
//!
//! A tick takes the instance's lease, replays the orchestrator once, and stays with it while activities run: it commits
//! their results together with what the orchestrator asks for next, and only then dispatches that.

use std::collections::BTreeMap;
use std::time::Duration;

use futures::future::{self, Either, LocalBoxFuture};
use futures::stream::{FuturesUnordered, StreamExt};
use futures::{FutureExt, pin_mut};
use jiff::Timestamp;
use thiserror::Error;

use crate::activity::{Activities, ActivityOutcome, ActivityRequest, NoAnswer};
use crate::commit::{CommitError, Held, WakeEntry};
use crate::engine::Engine;
use crate::failure::Failure;
use crate::id::{InstanceKey, TaskId};
use crate::json::Json;
use crate::kick::TickKick;
use crate::lookup::{ReadError, Stored};
use crate::orchestrators::Orchestrators;
use crate::platform::{Platform, after, until};
use crate::record::{Record, Task};
use crate::replay::{Execution, Turn};
use crate::status::RuntimeStatus;

/// How a tick ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Ticked {
    /// There is nothing to do, and there will not be: no such instance, or it has finished.
    Nothing,
    /// Another tick holds the lease.
    Busy,
    /// It is not time yet.
    NotDue,
    /// This version of the application has no such orchestrator function. The instance waits for one that has.
    NotRegistered,
    /// Another tick took the lease over; nothing was done after that.
    Lost,
    /// The instance waits for a later time.
    Waiting,
    /// The orchestrator has ended.
    Finished,
}

/// Why a tick gave up. The instance goes on when its lease expires.
#[derive(Debug, Clone, PartialEq, Error)]
pub enum TickError {
    /// The record could not be read, or the store failed for too long.
    #[error(transparent)]
    Read(#[from] ReadError),
}

/// An activity's answer, or that it gave none.
type Answer = Result<ActivityOutcome, NoAnswer>;

/// What may happen with an instance that is to be ticked.
enum Hold {
    Ours(Box<Held>),
    Not(Ticked),
}

impl<P: Platform> Engine<P> {
    /// Advances the instance at `key` as far as it goes.
    ///
    /// # Errors
    /// When the store fails for too long, or the record is unreadable.
    pub async fn tick(
        &self,
        key: &InstanceKey,
        kick: &TickKick,
        orchestrators: &Orchestrators,
        activities: &impl Activities,
    ) -> Result<Ticked, TickError> {
        let owner = self.nonce();
        let held = match self.hold(key, kick, &owner, orchestrators).await? {
            Hold::Ours(held) => *held,
            Hold::Not(ticked) => return Ok(ticked),
        };
        let Ok(execution) = Execution::replay(held.record(), orchestrators) else {
            return Ok(Ticked::NotRegistered);
        };
        let mut tick =
            Tick { engine: self, activities, owner, held, execution, running: FuturesUnordered::new() };
        match tick.run().await {
            Ok(ticked) => Ok(ticked),
            Err(CommitError::Lost) => Ok(Ticked::Lost),
            Err(CommitError::Unknown(error)) => Err(error.into()),
        }
    }

    /// Gets hold of the instance, if it is time and nobody else has it.
    async fn hold(
        &self,
        key: &InstanceKey,
        kick: &TickKick,
        owner: &str,
        orchestrators: &Orchestrators,
    ) -> Result<Hold, ReadError> {
        let Some(stored) = self.read_patiently(key).await? else { return Ok(Hold::Not(Ticked::Nothing)) };
        if stored.record.head.status.is_finished() || !self.is_chosen(key, &stored.record).await? {
            return Ok(Hold::Not(Ticked::Nothing));
        }
        if !orchestrators.contains(&stored.record.head.name) {
            return Ok(Hold::Not(Ticked::NotRegistered));
        }
        let now = self.platform.now();
        match self.standing(&stored, kick, now) {
            Standing::Granted => Ok(Hold::Ours(Box::new(Held { key: key.clone(), stored }))),
            Standing::Busy => Ok(Hold::Not(Ticked::Busy)),
            Standing::NotDue => Ok(Hold::Not(Ticked::NotDue)),
            Standing::Free => {
                let lease = self.lease(self.timing.lease);
                // Of an instance that was never ticked nobody knows whether its creator was in time.
                let wake = match stored.record.head.status {
                    RuntimeStatus::Pending => WakeEntry::Fresh,
                    _ => WakeEntry::Keep,
                };
                let held = self.takeover(key, &stored, owner, lease, wake).await?;
                Ok(held.map_or(Hold::Not(Ticked::Busy), |held| Hold::Ours(Box::new(held))))
            }
        }
    }

    fn standing(&self, stored: &Stored, kick: &TickKick, now: Timestamp) -> Standing {
        let control = &stored.record.control;
        match &control.lease {
            Some(lease) if lease.is_live(now) => {
                if kick.token.as_ref() == Some(&control.owner) {
                    Standing::Granted
                } else if kick.abandoned_before.is_some_and(|start| lease.granted < start) {
                    Standing::Free
                } else {
                    Standing::Busy
                }
            }
            Some(_) => Standing::Free,
            None if stored.record.need().is_some_and(|need| need > now) => Standing::NotDue,
            None => Standing::Free,
        }
    }
}

enum Standing {
    /// The lease was granted to the bearer of this kick.
    Granted,
    /// The lease may be taken over.
    Free,
    Busy,
    NotDue,
}

struct Tick<'a, P, A> {
    engine: &'a Engine<P>,
    activities: &'a A,
    /// What this tick calls itself in the record, from its first commit on.
    owner: String,
    held: Held,
    execution: Execution,
    running: FuturesUnordered<LocalBoxFuture<'a, (TaskId, Answer)>>,
}

impl<'a, P: Platform, A: Activities> Tick<'a, P, A> {
    async fn run(&mut self) -> Result<Ticked, CommitError> {
        if self.held.record().history.is_empty() || self.execution.has_ended() {
            if let Some(end) = self.advance(Vec::new(), true).await? {
                return Ok(end);
            }
        } else {
            // Taken over from another: what it had running runs again, under the attempts that the takeover counted.
            for (id, task) in self.held.record().control.tasks.clone() {
                if task.retry_at.is_none() {
                    self.dispatch(id, task.attempt);
                }
            }
        }
        loop {
            let answers = self.wait().await;
            if let Some(end) = self.advance(answers, false).await? {
                return Ok(end);
            }
        }
    }

    /// Waits for answers, and takes all that are there; none when it is time to renew the lease or to retry.
    async fn wait(&mut self) -> Vec<(TaskId, Answer)> {
        let pause = self.next_pause();
        let sleep = self.engine.platform.sleep(pause);
        pin_mut!(sleep);
        let first = if self.running.is_empty() {
            sleep.await;
            None
        } else {
            match future::select(self.running.next(), sleep).await {
                Either::Left((answer, _)) => answer,
                Either::Right(_) => None,
            }
        };
        let mut answers: Vec<_> = first.into_iter().collect();
        while let Some(Some(answer)) = self.running.next().now_or_never() {
            answers.push(answer);
        }
        answers
    }

    /// Until the lease is to be renewed, or the next task to be repeated.
    fn next_pause(&self) -> Duration {
        let now = self.engine.platform.now();
        let record = self.held.record();
        let renew =
            record.control.lease.as_ref().map_or(Duration::ZERO, |lease| {
                until(now, after(lease.granted, self.engine.timing.lease / 3))
            });
        earliest_retry(&record.control.tasks).map_or(renew, |at| renew.min(until(now, at)))
    }

    /// One step: takes in `answers`, lets the orchestrator take its turn if there is anything new for it or it has yet
    /// to `begin`, commits, and then dispatches. Answers how the tick ends, if it does.
    async fn advance(
        &mut self,
        answers: Vec<(TaskId, Answer)>,
        begin: bool,
    ) -> Result<Option<Ticked>, CommitError> {
        let now = self.engine.platform.now();
        let mut next = self.held.record().clone();
        next.control.owner.clone_from(&self.owner);
        let mut dispatch = Vec::new();

        let results = self.take_in(answers, &mut next.control.tasks, now);
        for (id, task) in &mut next.control.tasks {
            if task.retry_at.is_some_and(|at| at <= now) {
                task.attempt += 1;
                task.retry_at = None;
                dispatch.push((*id, task.attempt));
            }
        }
        let mut end = None;
        if begin || !results.is_empty() {
            let Turn { events, scheduled, end: ended } = self.execution.turn(now, results);
            next.history.extend(events);
            for id in scheduled {
                next.control.tasks.insert(id, Task { attempt: 1, ..Task::default() });
                dispatch.push((id, 1));
            }
            next.head.status = RuntimeStatus::Running;
            next.head.updated = now;
            end = ended.map(|result| finish(&mut next, result));
        }
        let waits = end.is_none() && self.running.is_empty() && dispatch.is_empty() && {
            earliest_retry(&next.control.tasks).is_some_and(|at| until(now, at) > self.engine.timing.hold)
        };
        next.control.lease = match end.is_some() || waits {
            true => None,
            false => Some(self.engine.lease(self.engine.timing.lease)),
        };
        self.engine.commit(&mut self.held, next, WakeEntry::Keep).await?;
        if end.is_none() {
            for (id, attempt) in dispatch {
                self.dispatch(id, attempt);
            }
        }
        Ok(end.or(waits.then_some(Ticked::Waiting)))
    }

    /// Sorts answers into results for the orchestrator and tasks to repeat.
    fn take_in(
        &self,
        answers: Vec<(TaskId, Answer)>,
        tasks: &mut BTreeMap<TaskId, Task>,
        now: Timestamp,
    ) -> Vec<(TaskId, Result<Json, Failure>)> {
        let timing = &self.engine.timing;
        let mut results = Vec::new();
        for (id, answer) in answers {
            let result = match answer {
                Ok(ActivityOutcome::Completed(output)) => Ok(output),
                Ok(ActivityOutcome::Failed(failure)) => Err(failure),
                Err(NoAnswer(why)) => {
                    let Some(task) = tasks.get_mut(&id) else { continue };
                    task.failures += 1;
                    if task.failures < timing.max_failures {
                        let doubled = 2_u32.saturating_pow(task.failures - 1);
                        let pause = timing.first_retry.saturating_mul(doubled).min(timing.max_retry);
                        tracing::warn!(task = id.0, failures = task.failures, ?pause, "no answer: {why}");
                        task.retry_at = Some(after(now, pause));
                        continue;
                    }
                    Err(Failure::new(
                        "ActivityUnavailable",
                        format!("the activity gave no answer {} times, the last time: {why}", task.failures),
                    ))
                }
            };
            tasks.remove(&id);
            results.push((id, result));
        }
        results
    }

    /// Has an activity run. Its attempt is committed.
    fn dispatch(&mut self, id: TaskId, attempt: u32) {
        let asked = self.execution.request(id).expect("a task in the record is open in the execution");
        let head = &self.held.record().head;
        let name = asked.name.clone();
        let request = ActivityRequest {
            instance_id: head.id.clone(),
            execution_id: head.execution.clone(),
            task_id: id,
            attempt,
            input: asked.input.clone(),
        };
        let activities = self.activities;
        self.running.push(Box::pin(async move { (id, activities.call(&name, &request).await) }));
    }
}

fn earliest_retry(tasks: &BTreeMap<TaskId, Task>) -> Option<Timestamp> {
    tasks.values().filter_map(|task| task.retry_at).min()
}

/// Writes the orchestrator's end into the record.
fn finish(record: &mut Record, result: Result<Json, Failure>) -> Ticked {
    match result {
        Ok(output) => {
            record.head.status = RuntimeStatus::Completed;
            record.head.output = Some(output);
        }
        Err(failure) => {
            record.head.status = RuntimeStatus::Failed;
            record.head.failure = Some(failure);
        }
    }
    record.control.tasks.clear();
    Ticked::Finished
}
