//! What an activity function is told about its call, and how it tells how far it is.

use std::rc::Rc;
use std::time::Duration;

use futures::future::LocalBoxFuture;
use jiff::Timestamp;
use serde::Serialize;
use thiserror::Error;

use super::{ActivityReport, ActivityRequest, Checkpoint};
use crate::failure::{Failure, malformed};
use crate::id::{ExecutionId, InstanceId, TaskId};
use crate::json::Json;
use crate::platform::{after, until};

/// Nobody waits for the activity any more: its orchestration was terminated, or another attempt runs. What it has done
/// stays done; it should end.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("nobody waits for this activity any more")]
pub struct Cancelled;

impl From<Cancelled> for Failure {
    fn from(cancelled: Cancelled) -> Self {
        Self::permanent("Cancelled", cancelled.to_string())
    }
}

/// Where an activity's reports go.
pub trait ReportSink {
    /// Sends a report. An error says that nobody listens any more.
    fn report(&self, report: ActivityReport) -> LocalBoxFuture<'_, Result<(), Cancelled>>;

    /// Whether nobody listens any more, as far as is known.
    fn is_cancelled(&self) -> bool;
}

/// What an activity function is told about its call.
#[derive(Clone)]
pub struct ActivityContext {
    /// The instance that waits for it.
    pub instance_id: InstanceId,
    /// The execution of that instance.
    pub execution_id: ExecutionId,
    /// The task within the execution.
    pub task_id: TaskId,
    /// How often this task has been dispatched, this time included. With the three ids it names the call. An idempotency
    /// key for what the activity does outside is made of the three ids alone: a repetition has another attempt.
    pub attempt: u32,
    /// How often the orchestrator's retry policy has repeated the activity before.
    pub retry: u32,
    /// What earlier attempts have saved.
    pub checkpoint: Option<Checkpoint>,
    /// When the time for this call is up: the activity then best answers *continue*
    /// ([`Step::Continue`](super::Step::Continue)).
    pub deadline: Option<Timestamp>,
    sink: Rc<dyn ReportSink>,
}

impl ActivityContext {
    /// The context of `request`, which came at `now`.
    pub(crate) fn new(request: &mut ActivityRequest, now: Timestamp, sink: Rc<dyn ReportSink>) -> Self {
        Self {
            instance_id: request.instance_id.clone(),
            execution_id: request.execution_id.clone(),
            task_id: request.task_id,
            attempt: request.attempt,
            retry: request.retry,
            checkpoint: request.checkpoint.take(),
            deadline: request.budget_ms.map(|budget| after(now, Duration::from_millis(budget))),
            sink,
        }
    }

    /// How much time is left at `now`; None when there is no limit.
    pub fn time_left(&self, now: Timestamp) -> Option<Duration> {
        self.deadline.map(|deadline| until(now, deadline))
    }

    /// Whether nobody waits for the activity any more, as far as is known: that shows at a heartbeat or checkpoint.
    pub fn is_cancelled(&self) -> bool {
        self.sink.is_cancelled()
    }

    /// Says that the activity is alive.
    ///
    /// # Errors
    /// When nobody waits for it any more.
    pub async fn heartbeat(&self) -> Result<(), Cancelled> {
        self.sink.report(ActivityReport::Heartbeat).await
    }

    /// Shows how far the activity is to whoever looks at the instance: any small JSON.
    ///
    /// # Errors
    /// When nobody waits for it any more, or `progress` has no JSON form.
    pub async fn progress(&self, progress: impl Serialize) -> Result<(), Failure> {
        let progress =
            Json::of(&progress).map_err(|error| malformed("BadProgress", "progress".into(), &error))?;
        Ok(self.sink.report(ActivityReport::Progress(progress)).await?)
    }

    /// Saves how far the activity is: the next attempt, if this one dies, has what has arrived, which is stored with the
    /// instance's next commit, at once as a rule. When this attempt dies, the next begins with the last checkpoint's cursor and all
    /// segments of all checkpoints: `segment` is only what has been gathered since the last one.
    ///
    /// # Errors
    /// When nobody waits for the activity any more, or a value has no JSON form.
    pub async fn save<C: Serialize, S: Serialize>(
        &self,
        cursor: C,
        segment: Option<S>,
    ) -> Result<(), Failure> {
        let checkpoint = Checkpoint::new(cursor, segment)?;
        Ok(self.sink.report(ActivityReport::Checkpoint(checkpoint)).await?)
    }
}

impl Checkpoint {
    /// A checkpoint with this cursor, and with what has been gathered since the last one.
    ///
    /// # Errors
    /// When a value has no JSON form.
    pub fn new<C: Serialize, S: Serialize>(cursor: C, segment: Option<S>) -> Result<Self, Failure> {
        let failed = |error| malformed("BadCheckpoint", "a checkpoint".into(), &error);
        let cursor = Json::of(&cursor).map_err(failed)?;
        let segments = segment.iter().map(Json::of).collect::<Result<_, _>>().map_err(failed)?;
        Ok(Self { cursor, segments })
    }
}
