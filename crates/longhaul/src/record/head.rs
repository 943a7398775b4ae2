//! The first line of a record: what there is to report of an instance.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::failure::Failure;
use crate::history::is_false;
use crate::id::{ExecutionId, InstanceId};
use crate::json::Json;
use crate::payload::Payload;
use crate::status::RuntimeStatus;

/// What there is to report of an instance.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Head {
    /// The format of the record. First, so that a reader of another format sees it.
    pub format: u32,
    /// The public name.
    pub id: InstanceId,
    /// The orchestrator function.
    pub name: String,
    /// The present execution.
    pub execution: ExecutionId,
    /// The runtime status.
    pub status: RuntimeStatus,
    /// When the instance was created.
    pub created: Timestamp,
    /// When the record last changed otherwise than by a renewed lease.
    pub updated: Timestamp,
    /// The orchestrator's input.
    pub input: Payload,
    /// The orchestrator's output when it is `Completed`, the reason when it is `Terminated`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Payload>,
    /// Why it failed, when it is `Failed`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<Failure>,
    /// What the orchestrator shows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub custom_status: Option<Json>,
    /// What an activity of it showed last, while one runs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub progress: Option<Json>,
    /// Why it cannot go on, if it waits for another version of the application.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub waits_for: Option<String>,
    /// The version that it was started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// When it is to begin, if that was chosen.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub scheduled: Option<Timestamp>,
    /// The instance that it is a sub-orchestration of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<InstanceId>,
    /// Whatever whoever started it has attached to it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub tags: BTreeMap<String, String>,
    /// Its slot of the creation log.
    pub created_slot: u64,
    /// Whether it is being deleted: to its users it is gone.
    #[serde(default, skip_serializing_if = "is_false")]
    pub purging: bool,
    /// When somebody must have looked at the instance at the latest: see [`Record::need`](super::Record::need).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub need: Option<Timestamp>,
}
