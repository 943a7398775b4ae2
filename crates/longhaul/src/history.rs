//! The history of an execution: what has happened, in order. Replaying it rebuilds the orchestrator's state.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::id::TaskId;
use crate::json::Json;

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When it happened, by the clock of the process that recorded it.
    pub at: Timestamp,
    /// What happened.
    pub event: EventKind,
}

/// What can happen. The names are those of Azure Durable Functions.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub enum EventKind {
    /// A turn of the orchestrator began: what it is told follows, then what it asked for. Its time is the
    /// orchestration's current time throughout the turn.
    OrchestratorStarted,
    /// The execution began. Its input stands in the record.
    ExecutionStarted {
        /// The orchestrator function.
        name: String,
    },
    /// The orchestrator asked for an activity.
    TaskScheduled {
        /// The task.
        id: TaskId,
        /// The activity function.
        name: String,
        /// Its input.
        input: Json,
    },
    /// An activity ended well.
    TaskCompleted {
        /// The task.
        id: TaskId,
        /// Its output.
        output: Json,
    },
    /// An activity failed.
    TaskFailed {
        /// The task.
        id: TaskId,
        /// How.
        failure: Failure,
    },
    /// The orchestrator ended. Its output or failure stands in the record.
    ExecutionCompleted,
}

impl EventKind {
    /// The task whose result this is.
    pub fn result_of(&self) -> Option<TaskId> {
        match self {
            Self::TaskCompleted { id, .. } | Self::TaskFailed { id, .. } => Some(*id),
            _ => None,
        }
    }
}
