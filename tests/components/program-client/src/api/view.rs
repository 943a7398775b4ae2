//! What is shown of an instance.

use jiff::Timestamp;
use longhaul::{Details, Event, ExecutionId, Failure, Head, InstanceId, Json, RuntimeStatus};
use serde::Serialize;

#[derive(Serialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct View<'a> {
    id: &'a InstanceId,
    name: &'a str,
    execution_id: &'a ExecutionId,
    status: RuntimeStatus,
    created: Timestamp,
    updated: Timestamp,
    failure: Option<&'a Failure>,
    custom_status: Option<&'a Json>,
    progress: Option<&'a Json>,
    version: Option<&'a str>,
    scheduled: Option<Timestamp>,
    parent: Option<&'a InstanceId>,
    input: Option<&'a Json>,
    output: Option<&'a Json>,
    #[serde(skip_serializing_if = "Option::is_none")]
    history: Option<&'a [Event]>,
}

impl<'a> View<'a> {
    /// Without what may stand elsewhere.
    pub(super) fn of(head: &'a Head) -> Self {
        Self {
            id: &head.id,
            name: &head.name,
            execution_id: &head.execution,
            status: head.status,
            created: head.created,
            updated: head.updated,
            failure: head.failure.as_ref(),
            custom_status: head.custom_status.as_ref(),
            progress: head.progress.as_ref(),
            version: head.version.as_deref(),
            scheduled: head.scheduled,
            parent: head.parent.as_ref(),
            input: None,
            output: None,
            history: None,
        }
    }
    /// With its values, and its history if that was asked for.
    pub(super) fn of_details(details: &'a Details) -> Self {
        let Details { head, input, output, history, .. } = details;
        Self { input: input.as_ref(), output: output.as_ref(), history: history.as_deref(), ..Self::of(head) }
    }
}
