//! What a run gave, to be asserted on.

use std::collections::BTreeMap;
use std::ops::Deref;
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::hub::entity_id;
use super::mock::TestCall;
use crate::entity::EntityId;
use crate::failure::{Failure, malformed};
use crate::history::{Event, EventKind};
use crate::id::InstanceId;
use crate::json::Json;
use crate::platform::until;
use crate::status::RuntimeStatus;

/// What a run gave. It can be asked whatever the [`TestInstance`] that was started can be asked.
#[derive(Debug, Clone)]
pub struct TestRun {
    pub(super) instances: Vec<TestInstance>,
    pub(super) calls: Vec<TestCall<Json>>,
    pub(super) states: BTreeMap<EntityId, Option<Json>>,
}

/// An instance at the end of a run.
#[derive(Debug, Clone)]
pub struct TestInstance {
    pub(super) id: InstanceId,
    pub(super) name: String,
    pub(super) parent: Option<InstanceId>,
    pub(super) version: Option<String>,
    pub(super) status: RuntimeStatus,
    /// Unless it goes on.
    pub(super) end: Option<Result<Json, Failure>>,
    pub(super) custom_status: Option<Json>,
    pub(super) rounds: Vec<Round>,
    pub(super) waits_for: Vec<String>,
    pub(super) began: Timestamp,
    /// Its end, or that of the run.
    pub(super) seen: Timestamp,
}

/// One execution of an instance: from its start, or from where it continued as new, to its end or to the next.
#[derive(Debug, Clone)]
pub struct Round {
    /// What it began with.
    pub input: Json,
    /// What happened.
    pub history: Vec<Event>,
}

impl TestRun {
    /// All instances, in the order in which they began: first the one that was started, then sub-orchestrations.
    pub fn instances(&self) -> &[TestInstance] {
        &self.instances
    }

    /// The instance `id`; if it was started several times, the last.
    pub fn instance(&self, id: &str) -> Option<&TestInstance> {
        self.instances.iter().rev().find(|instance| instance.id.as_str() == id)
    }

    /// The inputs with which the activity `name` was called (or the sub-orchestration for which a closure stands), by
    /// any instance, in order.
    ///
    /// # Panics
    /// If an input is not an `I`.
    #[track_caller]
    pub fn calls<I: DeserializeOwned>(&self, name: &str) -> Vec<I> {
        let calls = self.calls.iter().filter(|call| call.name == name);
        calls.map(|call| typed(&call.input, &format!("an input of '{name}'"))).collect()
    }

    /// The state of an entity, such as `@counter@a`, at the end of the run. None: it has none, or nobody has sent it
    /// anything.
    ///
    /// # Panics
    /// If `entity` is no [entity id](EntityId), or its state is not an `S`.
    #[track_caller]
    pub fn entity_state<S: DeserializeOwned>(&self, entity: &str) -> Option<S> {
        let state = self.states.get(&entity_id(entity))?.as_ref()?;
        Some(typed(state, &format!("the state of {entity}")))
    }

    /// All calls that closures have answered, in order.
    pub fn all_calls(&self) -> &[TestCall<Json>] {
        &self.calls
    }
}

impl Deref for TestRun {
    type Target = TestInstance;

    fn deref(&self) -> &TestInstance {
        &self.instances[0]
    }
}

impl TestInstance {
    /// Its id.
    pub fn id(&self) -> &InstanceId {
        &self.id
    }

    /// Its orchestrator.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The id of the instance that asked for it, if it is a sub-orchestration.
    pub fn parent(&self) -> Option<&InstanceId> {
        self.parent.as_ref()
    }

    /// The version that it was started with.
    pub fn version(&self) -> Option<&str> {
        self.version.as_deref()
    }

    /// What has become of it: `Running` or `Suspended` if it has not ended.
    pub fn status(&self) -> RuntimeStatus {
        self.status
    }

    /// Its output.
    ///
    /// # Errors
    /// Its failure; a failure of type `Terminated` with the reason; `NotEnded`, which says what it waits for; or
    /// `BadOutput` if its output is not a `T`.
    pub fn output<T: DeserializeOwned>(&self) -> Result<T, Failure> {
        match &self.end {
            Some(Ok(output)) => {
                output.to().map_err(|error| malformed("BadOutput", "the output".to_owned(), &error))
            }
            Some(Err(failure)) => Err(failure.clone()),
            None => Err(Failure::new(
                "NotEnded",
                format!("instance '{}' has not ended: it waits for {}", self.id, self.waits_for.join(", ")),
            )),
        }
    }

    /// What it shows.
    ///
    /// # Panics
    /// If that is not a `T`.
    #[track_caller]
    pub fn custom_status<T: DeserializeOwned>(&self) -> Option<T> {
        self.custom_status.as_ref().map(|status| typed(status, "the custom status"))
    }

    /// Its executions: more than one if it has continued as new.
    pub fn rounds(&self) -> &[Round] {
        &self.rounds
    }

    /// The history of its last execution.
    pub fn history(&self) -> &[Event] {
        &self.rounds.last().expect("an instance has an execution").history
    }

    /// The [outline](Round::outline) of its last execution.
    pub fn outline(&self) -> Vec<String> {
        self.rounds.last().expect("an instance has an execution").outline()
    }

    /// What it waits for, if it has not ended; for people.
    pub fn waits_for(&self) -> &[String] {
        &self.waits_for
    }

    /// How long it took, or takes up to the end of the run, by the virtual clock.
    pub fn elapsed(&self) -> Duration {
        until(self.began, self.seen)
    }
}

impl Round {
    /// The history in words, one for each event: its name, and the name of the activity, sub-orchestration, event or
    /// orchestrator in it. The beginnings of turns are left out.
    pub fn outline(&self) -> Vec<String> {
        let mut names = BTreeMap::new();
        let mut lines = Vec::new();
        for Event { event, .. } in &self.history {
            let about = match event {
                EventKind::OrchestratorStarted => continue,
                EventKind::ExecutionStarted { name } | EventKind::EventRaised { name, .. } => {
                    Some(name.clone())
                }
                EventKind::TaskScheduled { id, name, .. } => {
                    names.insert(*id, name.clone());
                    Some(name.clone())
                }
                EventKind::SubOrchestrationInstanceCreated { id, child, .. } => {
                    names.insert(*id, child.name.clone());
                    Some(child.name.clone())
                }
                EventKind::EntityAsked { id, entity, request, .. } => {
                    let about = match request.operation() {
                        Some(operation) => format!("{operation} {entity}"),
                        None => entity.to_string(),
                    };
                    names.insert(*id, about.clone());
                    Some(about)
                }
                other => other.result_of().and_then(|id| names.get(&id).cloned()),
            };
            let name = event.name();
            lines.push(about.map_or_else(|| name.to_owned(), |about| format!("{name} {about}")));
        }
        lines
    }
}

#[track_caller]
fn typed<T: DeserializeOwned>(json: &Json, what: &str) -> T {
    match json.to() {
        Ok(value) => value,
        Err(error) => panic!("{what} does not have the expected shape: {error}: {json}"),
    }
}
