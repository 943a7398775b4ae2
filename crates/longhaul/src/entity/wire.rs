//! What a tick and an entities component say to each other.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use super::EntityId;
use crate::activity::NoAnswer;
use crate::failure::Failure;
use crate::history::is_false;
use crate::id::InstanceId;
use crate::json::Json;

/// Operations on one entity, to be carried out one after the other: the body of `POST /entities/{name}`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityBatch {
    /// The entity.
    pub entity_id: EntityId,
    /// Its state. None: it has none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Json>,
    /// The operations, in order.
    pub operations: Vec<EntityOperation>,
    /// Random, and new with each batch: what ids of started orchestrations are made of.
    pub seed: String,
    /// The longest value that may be handed on, in bytes of JSON.
    pub max_payload: u64,
}

/// One operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityOperation {
    /// Its name.
    pub operation: String,
    /// Its input.
    #[serde(default)]
    pub input: Json,
    /// Whether nobody waits for its result.
    #[serde(default, skip_serializing_if = "is_false")]
    pub is_signal: bool,
}

/// What came of a batch: the answer.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct EntityOutcome {
    /// The state after the last operation. None: there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<Json>,
    /// The results, one for each operation, in order.
    pub results: Vec<OperationResult>,
    /// What the operations that succeeded asked for, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<EntityAction>,
}

/// What came of one operation.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum OperationResult {
    /// Its output.
    Output(Json),
    /// It failed, and has changed nothing.
    Error(Failure),
}

/// What an entity asks for: done once the state that came with it is stored.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub enum EntityAction {
    /// Another entity is to be signalled.
    #[serde(rename_all = "camelCase")]
    Signal {
        /// Which.
        entity_id: EntityId,
        /// With which operation.
        operation: String,
        /// Its input.
        #[serde(default)]
        input: Json,
        /// When it is to be carried out. None: now.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        due: Option<Timestamp>,
    },
    /// An orchestration is to be started.
    #[serde(rename_all = "camelCase")]
    Start {
        /// The orchestrator function.
        name: String,
        /// Its instance id.
        instance_id: InstanceId,
        /// Its input.
        #[serde(default)]
        input: Json,
    },
}

impl EntityOutcome {
    /// Reads the answer of an entities component to `batch`.
    ///
    /// # Errors
    /// When it is not an answer to it.
    pub fn decode(status: u16, body: &[u8], batch: &EntityBatch) -> Result<Self, NoAnswer> {
        let shown = || String::from_utf8_lossy(&body[..body.len().min(200)]).into_owned();
        if status != 200 {
            return Err(NoAnswer(format!("the entities component answered {status}: {}", shown())));
        }
        let outcome: Self = serde_json::from_slice(body)
            .map_err(|error| NoAnswer(format!("the entities component's answer is no outcome: {error}")))?;
        match outcome.results.len() == batch.operations.len() {
            true => Ok(outcome),
            false => Err(NoAnswer(format!(
                "the entities component answered {} results to {} operations",
                outcome.results.len(),
                batch.operations.len()
            ))),
        }
    }
}
