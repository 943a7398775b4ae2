//! The status of an instance as the management API gives it, with its history.

use jiff::Timestamp;
use serde::{Deserialize, Serialize, Serializer};

use super::{Options, ProjectionError, history_from_projection, project};
use crate::history::Event;
use crate::id::{ExecutionId, InstanceId};
use crate::json::Json;
use crate::payload::Payload;
use crate::query::Details;
use crate::record::{FORMAT, Head};
use crate::status::RuntimeStatus;

/// The answer to `GET instances/{instanceId}?showHistory=true`: Azure's members in Azure's order, and then, with
/// [`Options::show_event_ids`], what else a replay needs to know of the instance: `executionId`, from which the ids of
/// sub-orchestrations and new GUIDs are derived, and, where there is one, `version` and `parentInstanceId`.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StatusDocument {
    /// The orchestrator function.
    pub name: String,
    /// The public name.
    pub instance_id: InstanceId,
    /// The runtime status.
    pub runtime_status: RuntimeStatus,
    /// The orchestrator's input; null when it was not asked for.
    #[serde(default)]
    pub input: Json,
    /// What the orchestrator shows, or else what an activity of it showed last, while one runs.
    #[serde(default)]
    pub custom_status: Json,
    /// The orchestrator's output, the message of its failure, or the reason of its termination.
    #[serde(default)]
    pub output: Json,
    /// When the instance was created.
    #[serde(serialize_with = "whole_seconds")]
    pub created_time: Timestamp,
    /// When it last changed.
    #[serde(serialize_with = "whole_seconds")]
    pub last_updated_time: Timestamp,
    /// See [`project`].
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub history_events: Option<Json>,
    /// The execution whose history this is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub execution_id: Option<ExecutionId>,
    /// The version that the instance was started with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub version: Option<String>,
    /// The instance that it is a sub-orchestration of.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent_instance_id: Option<InstanceId>,
}

fn whole_seconds<S: Serializer>(at: &Timestamp, serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{at:.0}"))
}

/// An execution as it was recorded: what [`Engine::check_history`](crate::Engine::check_history) checks.
#[derive(Debug, Clone, PartialEq)]
pub struct Recorded {
    /// Who it is. What a replay does not need is made up.
    pub head: Head,
    /// Its input.
    pub input: Json,
    /// Its output, if it is `Completed`.
    pub output: Option<Json>,
    /// Its history.
    pub history: Vec<Event>,
}

impl StatusDocument {
    /// What is to be said of an instance.
    pub fn of(details: &Details, options: Options) -> Self {
        let head = &details.head;
        let input = details.input.clone().filter(|_| options.show_input);
        let output = match &head.failure {
            Some(failure) => Json::text_of(&failure.message),
            None => details.output.clone().unwrap_or_default(),
        };
        let ids = options.show_event_ids;
        Self {
            name: head.name.clone(),
            instance_id: head.id.clone(),
            runtime_status: head.status,
            input: input.unwrap_or_default(),
            // What the orchestrator says goes before what an activity of it says.
            custom_status: head.custom_status.clone().or_else(|| head.progress.clone()).unwrap_or_default(),
            output,
            created_time: head.created,
            last_updated_time: head.updated,
            history_events: project(details, options),
            execution_id: ids.then(|| head.execution.clone()),
            version: head.version.clone().filter(|_| ids),
            parent_instance_id: head.parent.clone().filter(|_| ids),
        }
    }

    /// The execution that it tells of.
    ///
    /// # Errors
    /// When it was not given with the history and all of [`Options`].
    pub fn recorded(&self) -> Result<Recorded, ProjectionError> {
        let without = |member, option| ProjectionError::WithoutOption {
            event: format!("the status of '{}'", self.instance_id),
            member,
            option,
        };
        let history = match &self.history_events {
            Some(shown) => history_from_projection(shown)?,
            None if self.runtime_status == RuntimeStatus::Pending => Vec::new(),
            None => return Err(without("historyEvents", "showHistory")),
        };
        let execution = self.execution_id.clone().ok_or_else(|| without("executionId", "showEventIds"))?;
        let head = Head {
            format: FORMAT,
            id: self.instance_id.clone(),
            name: self.name.clone(),
            execution,
            status: self.runtime_status,
            created: self.created_time,
            updated: self.last_updated_time,
            input: Payload::Inline(self.input.clone()),
            output: None,
            failure: None,
            custom_status: None,
            progress: None,
            waits_for: None,
            version: self.version.clone(),
            scheduled: None,
            parent: self.parent_instance_id.clone(),
            tags: Default::default(),
            created_slot: 0,
            purging: false,
            need: None,
        };
        let completed = self.runtime_status == RuntimeStatus::Completed;
        Ok(Recorded {
            head,
            input: self.input.clone(),
            output: completed.then(|| self.output.clone()),
            history,
        })
    }
}
