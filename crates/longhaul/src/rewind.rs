//! Rewinding a failed instance, and restarting a finished one.

use std::collections::BTreeSet;

use crate::commit::WakeEntry;
use crate::create::{Creation, Reuse, Start, StartError, Started};
use crate::engine::Engine;
use crate::history::{Event, EventKind};
use crate::id::{InstanceId, InstanceKey, TaskId};
use crate::inbox::{Message, MessageKind};
use crate::lookup::{Found, ReadError, Stored};
use crate::operations::{OperationError, Told};
use crate::platform::Platform;
use crate::query::{Details, Wanted};
use crate::record::{Run, Task};
use crate::stage::Stage;
use crate::status::RuntimeStatus;

/// The attempts of a task are numbered from here on after the first rewind, and so on: no two calls are alike.
const ATTEMPTS: u32 = 1_000_000;

impl<P: Platform> Engine<P> {
    /// Takes the failure of a failed instance back: the failed activities and sub-orchestrations that led to it run
    /// again, and nothing else does. Allowed for instances that have failed.
    ///
    /// A failure that the orchestrator had dealt with (tried again, or done something else instead) stays.
    ///
    /// # Errors
    /// When there is no such instance, or it has not failed.
    pub async fn rewind(&self, id: &InstanceId, reason: &str) -> Result<Told, OperationError> {
        let found = self.existing(id).await?;
        let wrong =
            |status| OperationError::WrongState { id: id.clone(), status, wanted: RuntimeStatus::Failed };
        if found.head.status != RuntimeStatus::Failed {
            return Err(wrong(found.head.status));
        }
        let Some(stored) = self.read_patiently(&found.key).await? else {
            return Err(OperationError::NotFound(id.clone()));
        };
        match self.rewind_stored(&found.key, &stored, reason).await? {
            true => Ok(self.told(found.key)),
            false => Err(wrong(stored.record.head.status)),
        }
    }

    /// False: the record was not that of a failed instance, or somebody else was faster.
    pub(crate) async fn rewind_stored(
        &self,
        key: &InstanceKey,
        stored: &Stored,
        reason: &str,
    ) -> Result<bool, ReadError> {
        let old = &stored.record;
        // What the parent is told of the failure cannot be taken back while it is under way.
        if old.head.status != RuntimeStatus::Failed || old.head.purging || !old.control.outbox.is_empty() {
            return Ok(false);
        }
        let mut history = Vec::new();
        self.each_event(key, old, false, |event| history.push(event)).await?;
        let now = self.platform.now();
        let Rewound { mut history, later, open } = Rewound::from(history);
        let mut carried = Vec::new();
        for event in later {
            let what = match event.event {
                EventKind::EventRaised { name, data } => MessageKind::Event { name, data },
                EventKind::ExecutionResumed { reason } => MessageKind::Resume { reason },
                EventKind::TaskCompleted { id, output }
                | EventKind::SubOrchestrationInstanceCompleted { id, output } => MessageKind::Completed {
                    execution: old.head.execution.clone(),
                    task: id,
                    output: self.value(key, &old.head.execution, &output).await?,
                },
                _ => continue,
            };
            carried.push(Message { at: event.at, again: Vec::new(), what });
        }
        if !history.is_empty() {
            let event = |event| Event { at: now, event };
            history.push(event(EventKind::OrchestratorStarted));
            history.push(event(EventKind::ExecutionRewound { reason: reason.to_owned() }));
        }

        let owner = self.nonce();
        let mut new = old.clone();
        new.head.status = RuntimeStatus::Running;
        new.head.failure = None;
        new.head.updated = now;
        let stem =
            |run: &Run| Run { stem: self.hub.segments(key, &old.head.execution, &run.stem), ..run.clone() };
        new.control.garbage.extend(old.control.segments.iter().map(stem));
        new.control.segments.clear();
        new.control.events = 0;
        new.tail.clear();
        let mut stage = Stage::new(&owner);
        stage.events(&self.hub, key, &mut new, history, self.limits.segment);
        stage.flush(self).await?;
        new.control.rewinds += 1;
        // What has a result that is told once more is not done again; what was never dispatched still is not.
        let told = |id: &TaskId| {
            carried
                .iter()
                .any(|message| matches!(&message.what, MessageKind::Completed { task, .. } if task == id))
        };
        new.control.rewound_below = open.last().map_or(TaskId(0), |id| TaskId(id.0 + 1));
        let again: Vec<_> =
            open.into_iter().filter(|id| !told(id) && *id < old.control.undispatched).collect();
        let attempt = new.control.rewinds.saturating_mul(ATTEMPTS);
        let mut saved = std::mem::take(&mut new.control.tasks);
        new.control.tasks = again
            .into_iter()
            .map(|id| {
                let checkpoint = saved.remove(&id).and_then(|task| task.checkpoint);
                (id, Task { attempt, retry_at: Some(now), checkpoint, ..Task::default() })
            })
            .collect();
        for (id, task) in saved {
            let runs = task.checkpoint.into_iter().flat_map(|saved| saved.segments);
            new.control.garbage.extend(runs.map(|run| Run {
                stem: self.hub.checkpoint(key, &old.head.execution, id, &run.stem),
                ..run
            }));
        }
        carried.append(&mut new.control.carried);
        new.control.carried = carried;
        // Whatever there is to do, somebody must look.
        new.control.timer = Some(now);
        new.control.epoch += 1;
        new.control.owner = owner.clone();
        new.control.strikes = 0;
        new.control.lease = None;
        // Messages that came since are for what failed, and yet nobody has seen them: they are kept.
        Ok(self.overwrite(key, stored, new, WakeEntry::Fresh, &owner).await?.is_some())
    }

    /// Starts the orchestrator of an instance once more with its input: under a new id, whatever has become of the
    /// instance, or as the same instance, if it has finished.
    ///
    /// # Errors
    /// When there is no such instance, or it is to be the same and has not finished.
    pub async fn restart(&self, id: &InstanceId, new_id: bool) -> Result<Started, OperationError> {
        if new_id {
            let start = self.start_again(self.existing(id).await?, None).await?;
            return self.start(start).await.map_err(not_restarted);
        }
        let start = self.start_again(self.finished(id).await?, None).await?;
        self.restart_under(id, start).await
    }

    /// Starts the orchestrator of an instance once more with its input, as the instance `target`, which does not exist
    /// or has finished; in `version`, if there is one, or else in that of the instance.
    ///
    /// # Errors
    /// When there is no instance `id`, or `target` has not finished.
    pub async fn restart_as(
        &self,
        id: &InstanceId,
        target: &InstanceId,
        version: Option<String>,
    ) -> Result<Started, OperationError> {
        let start = self.start_again(self.existing(id).await?, version).await?;
        self.restart_under(target, start).await
    }

    async fn start_again(&self, found: Found, version: Option<String>) -> Result<Start, OperationError> {
        let id = found.head.id.clone();
        let wanted = Wanted { input: true, ..Wanted::default() };
        let Details { head, input, .. } =
            self.reveal(found, wanted).await?.ok_or(OperationError::NotFound(id))?;
        Ok(Start {
            version: version.or(head.version),
            tags: head.tags,
            ..Start::new(&head.name, input.unwrap_or_default())
        })
    }

    async fn restart_under(&self, id: &InstanceId, start: Start) -> Result<Started, OperationError> {
        match self.start_with_id(id, start, Reuse::Finished).await.map_err(not_restarted)? {
            Creation::Created(started) => Ok(started),
            Creation::Exists { found, .. } => {
                Err(OperationError::NotFinished { id: id.clone(), status: found.head.status })
            }
        }
    }
}

fn not_restarted(error: StartError) -> OperationError {
    match error {
        StartError::TooLarge(failure) => OperationError::TooLarge(failure),
        StartError::NotStored(error) | StartError::Unknown(error) => error.into(),
    }
}

/// A history, taken back to where the orchestrator last asked for something.
///
/// What it was told before that may be why it asked, and must be the same in a replay. What it was told later is told
/// once more, in a new turn, in which other code may ask for something else; but for failures.
struct Rewound {
    history: Vec<Event>,
    later: Vec<Event>,
    /// What was asked for and has no result in the history.
    open: Vec<TaskId>,
}

impl From<Vec<Event>> for Rewound {
    fn from(mut history: Vec<Event>) -> Self {
        let last_request = history.iter().rposition(|event| event.event.asks_for().is_some());
        let later = history.split_off(last_request.map_or(0, |at| at + 1));
        let done: BTreeSet<_> = history.iter().filter_map(|event| event.event.result_of()).collect();
        let open = history.iter().filter_map(|event| match &event.event {
            EventKind::TaskScheduled { id, .. } => Some(*id),
            EventKind::SubOrchestrationInstanceCreated { id, child, .. } if !child.forgotten => Some(*id),
            _ => None,
        });
        let open = open.filter(|id| !done.contains(id)).collect();
        Self { history, later, open }
    }
}

#[cfg(test)]
mod tests {
    use jiff::Timestamp;

    use super::*;
    use crate::failure::Failure;
    use crate::payload::Payload;

    fn scheduled(id: u64) -> EventKind {
        EventKind::TaskScheduled { id: TaskId(id), name: "a".into(), input: Payload::default(), retry: 0 }
    }

    fn completed(id: u64) -> EventKind {
        EventKind::TaskCompleted { id: TaskId(id), output: Payload::default() }
    }

    fn failed(id: u64) -> EventKind {
        EventKind::TaskFailed { id: TaskId(id), failure: Failure::new("F", "f") }
    }

    fn rewound(history: Vec<EventKind>) -> (Vec<EventKind>, Vec<EventKind>, Vec<u64>) {
        let at = Timestamp::UNIX_EPOCH;
        let events: Vec<_> = history.into_iter().map(|event| Event { at, event }).collect();
        let Rewound { history, later, open } = Rewound::from(events);
        let kinds = |events: Vec<Event>| events.into_iter().map(|event| event.event).collect();
        (kinds(history), kinds(later), open.into_iter().map(|id| id.0).collect())
    }

    #[test]
    fn what_came_after_the_last_request_is_told_once_more_and_what_was_dealt_with_stays() {
        use EventKind::{ExecutionCompleted, OrchestratorStarted as Turn};
        // All of a fan-out are waited for, and then it fails.
        let (history, later, open) = rewound(vec![
            Turn,
            scheduled(0),
            scheduled(1),
            Turn,
            failed(0),
            Turn,
            completed(1),
            ExecutionCompleted,
        ]);
        assert_eq!(history, [Turn, scheduled(0), scheduled(1)]);
        assert_eq!(later, [Turn, failed(0), Turn, completed(1), ExecutionCompleted]);
        assert_eq!(open, [0, 1]);
        // A failure that was dealt with stays.
        let (history, _, open) = rewound(vec![
            Turn,
            scheduled(0),
            Turn,
            failed(0),
            scheduled(1),
            Turn,
            failed(1),
            ExecutionCompleted,
        ]);
        assert_eq!(history, [Turn, scheduled(0), Turn, failed(0), scheduled(1)]);
        assert_eq!(open, [1]);
        // It failed by itself: it begins anew.
        assert_eq!(rewound(vec![Turn, ExecutionCompleted]).0, vec![]);
    }
}
