//! Activities: how a tick has them run, and how an activity component answers.

mod context;
mod functions;
mod wire;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::entity::{EntityBatch, EntityOutcome};
use crate::failure::Failure;
use crate::history::is_zero;
use crate::id::{ExecutionId, InstanceId, TaskId};
use crate::json::Json;

pub use context::{ActivityContext, Cancelled, ReportSink};
pub use functions::{ActivityFunctions, Step};
pub use wire::{ActivityLine, NDJSON, decode_answer};

/// What an activity is called with: the body of `POST /activities/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct ActivityRequest {
    /// The instance that waits for it.
    pub instance_id: InstanceId,
    /// The execution of that instance.
    pub execution_id: ExecutionId,
    /// The task within the execution.
    pub task_id: TaskId,
    /// How often this task has been dispatched, this time included: after each time that it gave no answer, and after
    /// each time that it asked to be continued. With the three ids it names the call: no two are alike.
    pub attempt: u32,
    /// How often the orchestrator's retry policy has repeated the activity before, each time as a task of its own.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retry: u32,
    /// The activity's input.
    pub input: Json,
    /// What an earlier attempt has saved.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub checkpoint: Option<Checkpoint>,
    /// How long this call should take at most, in milliseconds; then the activity answers *continue*. None: as long as
    /// it likes.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget_ms: Option<u64>,
}

/// How far an activity has come.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub struct Checkpoint {
    /// Where to go on: small, and new with each checkpoint.
    #[serde(default)]
    pub cursor: Json,
    /// What it has gathered. In a request all of it, in the order in which it was saved; in an answer what is new.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub segments: Vec<Json>,
}

/// What an activity says while it runs.
#[derive(Debug, Clone, PartialEq)]
pub enum ActivityReport {
    /// It is alive.
    Heartbeat,
    /// How far it is, for people.
    Progress(Json),
    /// How far it is, for the next attempt if this one dies.
    Checkpoint(Checkpoint),
}

/// What an activity answers.
#[derive(Debug, Clone, PartialEq)]
pub enum ActivityOutcome {
    /// It has ended well, with this output.
    Completed(Json),
    /// It has failed.
    Failed(Failure),
    /// Its time is up, and this is how far it got: it is to be called again.
    Continue {
        /// For the next call.
        checkpoint: Checkpoint,
        /// For people.
        progress: Option<Json>,
    },
}

/// An activity that gave no answer: its component trapped, could not be reached, or answered something else. It will be
/// called again.
#[derive(Debug, Clone, PartialEq, Eq, Error)]
#[error("{0}")]
pub struct NoAnswer(pub String);

/// How a tick reaches the components that do the work: of activities and of entities.
#[allow(async_fn_in_trait)]
pub trait Activities {
    /// Has a batch of operations on an entity carried out. It may be carried out again, and then has not been before,
    /// as far as anybody can tell.
    async fn entity(&self, batch: &EntityBatch) -> Result<EntityOutcome, NoAnswer> {
        Err(NoAnswer(format!("this application has no entities component for {}", batch.entity_id)))
    }

    /// Runs the activity function `name` and waits for its outcome, however long that takes; what it says meanwhile goes
    /// to `report`. When the future is dropped, the activity has been cancelled, and should learn of it.
    async fn call(
        &self,
        name: &str,
        request: &ActivityRequest,
        report: &dyn Fn(ActivityReport),
    ) -> Result<ActivityOutcome, NoAnswer>;
}
