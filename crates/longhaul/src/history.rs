//! The history of an execution: what has happened, in order. Replaying it rebuilds the orchestrator's state.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::entity::{EntityId, EntityRequest};
use crate::failure::Failure;
use crate::id::{InstanceId, TaskId};
use crate::payload::Payload;

/// One event.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Event {
    /// When it happened, by the clock of the process that recorded it.
    pub at: Timestamp,
    /// What happened.
    pub event: EventKind,
}

/// What can happen. The [names](EventKind::name) are those of Azure Durable Functions.
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
        input: Payload,
        /// How often the orchestrator's retry policy has repeated it before.
        #[serde(default, skip_serializing_if = "is_zero")]
        retry: u32,
    },
    /// An activity ended well.
    TaskCompleted {
        /// The task.
        id: TaskId,
        /// Its output.
        output: Payload,
    },
    /// An activity failed.
    TaskFailed {
        /// The task.
        id: TaskId,
        /// How.
        failure: Failure,
    },
    /// The orchestrator asked for a timer.
    TimerCreated {
        /// The timer.
        id: TaskId,
        /// When it fires.
        fire_at: Timestamp,
    },
    /// A timer fired.
    TimerFired {
        /// The timer.
        id: TaskId,
        /// When it was to fire.
        fire_at: Timestamp,
    },
    /// The orchestrator asked for another orchestration.
    SubOrchestrationInstanceCreated {
        /// The task.
        id: TaskId,
        /// What it asked for.
        child: Child,
        /// The child's input.
        input: Payload,
    },
    /// A sub-orchestration ended well.
    SubOrchestrationInstanceCompleted {
        /// The task.
        id: TaskId,
        /// Its output.
        output: Payload,
    },
    /// A sub-orchestration failed, was terminated, or could not be started.
    SubOrchestrationInstanceFailed {
        /// The task.
        id: TaskId,
        /// How.
        failure: Failure,
    },
    /// The orchestrator asked something of an entity.
    EntityAsked {
        /// The task.
        id: TaskId,
        /// Which entity.
        entity: EntityId,
        /// What.
        request: EntityRequest,
        /// The operation's input.
        #[serde(default)]
        input: Payload,
        /// On behalf of which critical section: the task with which that asked for its first lock.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        section: Option<TaskId>,
    },
    /// An operation of an entity ended well.
    EntityOperationCompleted {
        /// The task.
        id: TaskId,
        /// Its output.
        output: Payload,
    },
    /// An operation of an entity failed.
    EntityOperationFailed {
        /// The task.
        id: TaskId,
        /// How.
        failure: Failure,
    },
    /// An entity works for the orchestrator's critical section only.
    EntityLockGranted {
        /// The task.
        id: TaskId,
    },
    /// An external event arrived.
    EventRaised {
        /// Its name, as it was raised.
        name: String,
        /// Its data.
        data: Payload,
    },
    /// An operator suspended the instance.
    ExecutionSuspended {
        /// Why.
        reason: String,
    },
    /// An operator resumed it.
    ExecutionResumed {
        /// Why.
        reason: String,
    },
    /// An operator, or the parent's termination, ended it.
    ExecutionTerminated {
        /// Why.
        reason: String,
    },
    /// A failed execution goes on from before its failure.
    ExecutionRewound {
        /// Why.
        reason: String,
    },
    /// The orchestrator ended. Its output or failure stands in the record.
    ExecutionCompleted,
}

/// Another orchestration that an orchestrator asks for.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Child {
    /// The orchestrator function.
    pub name: String,
    /// Its instance id.
    pub instance: InstanceId,
    /// The version it is started with; none: the one of its parent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// Whether it goes on when its parent is terminated.
    #[serde(default, skip_serializing_if = "is_false")]
    pub detached: bool,
    /// Whether nobody waits for it: it is started, and that is all.
    #[serde(default, skip_serializing_if = "is_false")]
    pub forgotten: bool,
    /// How often the orchestrator's retry policy has repeated it before.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub retry: u32,
}

impl EventKind {
    /// The task whose result this is.
    pub fn result_of(&self) -> Option<TaskId> {
        match self {
            Self::TaskCompleted { id, .. }
            | Self::TaskFailed { id, .. }
            | Self::SubOrchestrationInstanceCompleted { id, .. }
            | Self::SubOrchestrationInstanceFailed { id, .. }
            | Self::EntityOperationCompleted { id, .. }
            | Self::EntityOperationFailed { id, .. }
            | Self::EntityLockGranted { id }
            | Self::TimerFired { id, .. } => Some(*id),
            _ => None,
        }
    }

    /// The task that the orchestrator asks for with it.
    pub fn asks_for(&self) -> Option<TaskId> {
        match self {
            Self::TaskScheduled { id, .. }
            | Self::TimerCreated { id, .. }
            | Self::EntityAsked { id, .. }
            | Self::SubOrchestrationInstanceCreated { id, .. } => Some(*id),
            _ => None,
        }
    }

    /// The value in it, if it has one.
    pub fn payload(&self) -> Option<&Payload> {
        match self {
            Self::TaskScheduled { input, .. }
            | Self::SubOrchestrationInstanceCreated { input, .. }
            | Self::EntityAsked { input, .. } => Some(input),
            Self::TaskCompleted { output, .. }
            | Self::SubOrchestrationInstanceCompleted { output, .. }
            | Self::EntityOperationCompleted { output, .. } => Some(output),
            Self::EventRaised { data, .. } => Some(data),
            _ => None,
        }
    }

    /// The value in it, to be changed.
    pub(crate) fn payload_mut(&mut self) -> Option<&mut Payload> {
        match self {
            Self::TaskScheduled { input, .. }
            | Self::SubOrchestrationInstanceCreated { input, .. }
            | Self::EntityAsked { input, .. } => Some(input),
            Self::TaskCompleted { output, .. }
            | Self::SubOrchestrationInstanceCompleted { output, .. }
            | Self::EntityOperationCompleted { output, .. } => Some(output),
            Self::EventRaised { data, .. } => Some(data),
            _ => None,
        }
    }

    /// The name that Azure Durable Functions gives it.
    pub fn name(&self) -> &'static str {
        match self {
            Self::OrchestratorStarted => "OrchestratorStarted",
            Self::ExecutionStarted { .. } => "ExecutionStarted",
            Self::TaskScheduled { .. } => "TaskScheduled",
            Self::TaskCompleted { .. } => "TaskCompleted",
            Self::TaskFailed { .. } => "TaskFailed",
            Self::TimerCreated { .. } => "TimerCreated",
            Self::TimerFired { .. } => "TimerFired",
            Self::SubOrchestrationInstanceCreated { .. } => "SubOrchestrationInstanceCreated",
            Self::SubOrchestrationInstanceCompleted { .. } => "SubOrchestrationInstanceCompleted",
            Self::SubOrchestrationInstanceFailed { .. } => "SubOrchestrationInstanceFailed",
            Self::EntityAsked { request, .. } => match request {
                EntityRequest::Call { .. } => "EntityOperationCalled",
                EntityRequest::Signal { .. } => "EntityOperationSignaled",
                EntityRequest::Lock => "EntityLockRequested",
                EntityRequest::Unlock => "EntityUnlockSent",
            },
            Self::EntityOperationCompleted { .. } => "EntityOperationCompleted",
            Self::EntityOperationFailed { .. } => "EntityOperationFailed",
            Self::EntityLockGranted { .. } => "EntityLockGranted",
            Self::EventRaised { .. } => "EventRaised",
            Self::ExecutionSuspended { .. } => "ExecutionSuspended",
            Self::ExecutionResumed { .. } => "ExecutionResumed",
            Self::ExecutionTerminated { .. } => "ExecutionTerminated",
            Self::ExecutionRewound { .. } => "ExecutionRewound",
            Self::ExecutionCompleted => "ExecutionCompleted",
        }
    }
}

/// Whether a number need not be written.
pub(crate) fn is_zero(n: &u32) -> bool {
    *n == 0
}

/// Whether a flag need not be written.
pub(crate) fn is_false(flag: &bool) -> bool {
    !*flag
}
