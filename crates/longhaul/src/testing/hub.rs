//! What orchestrators under test run in.

use std::collections::BTreeMap;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use super::mock::{Mock, TestCall, json};
use super::run::TestRun;
use super::start::TestStart;
use crate::entity::{EntityFunctions, EntityId};
use crate::failure::Failure;
use crate::json::Json;
use crate::orchestrators::Orchestrators;

/// Orchestrators, and closures for what they ask for: see [the guide](super).
pub struct TestHub<'a> {
    pub(super) orchestrators: Orchestrators,
    pub(super) activities: BTreeMap<String, Mock<'a>>,
    pub(super) children: BTreeMap<String, Mock<'a>>,
    pub(super) begin: Timestamp,
    pub(super) entities: EntityFunctions,
    pub(super) states: BTreeMap<EntityId, Json>,
}

impl<'a> TestHub<'a> {
    /// A hub without activities.
    pub fn new(orchestrators: Orchestrators) -> Self {
        let begin = "2000-01-01T00:00:00Z".parse().expect("it is a time");
        Self {
            orchestrators,
            activities: BTreeMap::new(),
            children: BTreeMap::new(),
            begin,
            entities: EntityFunctions::new(),
            states: BTreeMap::new(),
        }
    }

    /// The entity functions. Their operations must wait for nothing; each takes no time, by the virtual clock.
    #[must_use]
    pub fn entities(self, entities: EntityFunctions) -> Self {
        Self { entities, ..self }
    }

    /// Has an entity, such as `@counter@a`, begin each run with this state: with none unless it is set.
    ///
    /// # Panics
    /// If `entity` is no [entity id](EntityId), or `state` has no JSON form.
    #[must_use]
    #[track_caller]
    pub fn entity_state(mut self, entity: &str, state: impl Serialize) -> Self {
        self.states.insert(entity_id(entity), json(&state, "the state of an entity"));
        self
    }

    /// When runs begin, by their virtual clock: 2000-01-01T00:00:00Z unless it is set.
    #[must_use]
    pub fn starting_at(self, begin: Timestamp) -> Self {
        Self { begin, ..self }
    }

    /// Has the activity `name` answered by `function`, at once. An activity may be replaced by another of its name.
    ///
    /// An input that is not an `I` fails the activity with `BadInput`, as it does in production. To answer
    /// [`call_http`](crate::OrchestrationContext::call_http), give [`HTTP_ACTIVITY`](crate::HTTP_ACTIVITY) a function from
    /// [`HttpRequest`](crate::HttpRequest) to [`HttpResponse`](crate::HttpResponse).
    #[must_use]
    pub fn activity<I, O>(self, name: &str, function: impl FnMut(I) -> Result<O, Failure> + 'a) -> Self
    where
        I: DeserializeOwned,
        O: Serialize,
    {
        self.activity_taking(name, Duration::ZERO, function)
    }

    /// The same; and each call takes so long, by the virtual clock.
    #[must_use]
    pub fn activity_taking<I, O>(
        self,
        name: &str,
        duration: Duration,
        mut function: impl FnMut(I) -> Result<O, Failure> + 'a,
    ) -> Self
    where
        I: DeserializeOwned,
        O: Serialize,
    {
        self.activity_with(name, move |call: TestCall<I>| {
            call.takes(duration);
            function(call.input)
        })
    }

    /// Has the activity `name` answered by a function that is told all about the call, and can say how long it takes.
    #[must_use]
    pub fn activity_with<I, O>(
        mut self,
        name: &str,
        function: impl FnMut(TestCall<I>) -> Result<O, Failure> + 'a,
    ) -> Self
    where
        I: DeserializeOwned,
        O: Serialize,
    {
        self.activities.insert(name.to_owned(), Mock::new("activity", function));
        self
    }

    /// Has `function` answer for the sub-orchestration `name`, at once, whether it is registered or not.
    #[must_use]
    pub fn sub_orchestration<I, O>(
        self,
        name: &str,
        mut function: impl FnMut(I) -> Result<O, Failure> + 'a,
    ) -> Self
    where
        I: DeserializeOwned,
        O: Serialize,
    {
        self.sub_orchestration_with(name, move |call: TestCall<I>| function(call.input))
    }

    /// The same, with a function that is told all about the call, and can say how long it takes.
    #[must_use]
    pub fn sub_orchestration_with<I, O>(
        mut self,
        name: &str,
        function: impl FnMut(TestCall<I>) -> Result<O, Failure> + 'a,
    ) -> Self
    where
        I: DeserializeOwned,
        O: Serialize,
    {
        self.children.insert(name.to_owned(), Mock::new("sub-orchestration", function));
        self
    }

    /// Runs the orchestrator `name` to its end, or until it waits for something that does not come.
    ///
    /// # Panics
    /// With a [`TestError`](super::TestError), or if `input` has no JSON form.
    #[track_caller]
    pub fn run(&self, name: &str, input: impl Serialize) -> TestRun {
        self.start(name, input).run()
    }

    /// Prepares a run of the orchestrator `name`, to which things can happen from outside.
    ///
    /// # Panics
    /// If `input` has no JSON form.
    #[track_caller]
    pub fn start(&self, name: &str, input: impl Serialize) -> TestStart<'_, 'a> {
        TestStart::new(self, name, json(&input, "the input"))
    }
}

#[track_caller]
pub(super) fn entity_id(text: &str) -> EntityId {
    match text.parse() {
        Ok(id) => id,
        Err(error) => panic!("'{text}' is {error}"),
    }
}
