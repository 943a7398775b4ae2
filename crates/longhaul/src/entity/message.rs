//! What an entity can be told, and by whom.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::id::{ExecutionId, InstanceKey, TaskId};
use crate::payload::Payload;

/// What is asked of an entity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub enum EntityRequest {
    /// An operation, whose result somebody waits for.
    Call {
        /// Its name.
        operation: String,
    },
    /// An operation, whose result nobody learns.
    Signal {
        /// Its name.
        operation: String,
        /// When it is to be carried out. None: as soon as it is its turn.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Timestamp>,
    },
    /// To work for the asking critical section only, until it lets go.
    Lock,
    /// To let go of it.
    Unlock,
}

impl EntityRequest {
    /// The operation, if it is one.
    pub fn operation(&self) -> Option<&str> {
        match self {
            Self::Call { operation } | Self::Signal { operation, .. } => Some(operation),
            Self::Lock | Self::Unlock => None,
        }
    }

    /// Whether somebody waits for an answer.
    pub(crate) fn is_answered(&self) -> bool {
        matches!(self, Self::Call { .. } | Self::Lock)
    }
}

/// A message to an entity.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct EntityMessage {
    /// What is asked.
    pub request: EntityRequest,
    /// The operation's input.
    #[serde(default)]
    pub input: Payload,
    /// Who waits for the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub caller: Option<Caller>,
    /// On behalf of which critical section.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub section: Option<Section>,
}

/// An orchestrator that waits for an answer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Caller {
    /// Where its instance is stored.
    pub key: InstanceKey,
    /// The execution that asked.
    pub execution: ExecutionId,
    /// The task within it.
    pub task: TaskId,
}

/// A critical section of an orchestrator.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Section {
    /// Where the orchestrator's instance is stored.
    pub key: InstanceKey,
    /// The execution.
    pub execution: ExecutionId,
    /// The task with which it asked for the first of its locks.
    pub task: TaskId,
}
