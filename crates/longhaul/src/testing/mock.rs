//! Closures that stand for activities and sub-orchestrations.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::context::BufferedEvent;
use crate::failure::{Failure, malformed};
use crate::id::InstanceId;
use crate::json::Json;

/// A call of an activity, or of a sub-orchestration for which a closure stands.
#[derive(Debug, Clone)]
pub struct TestCall<I> {
    /// What is called.
    pub name: String,
    /// Its input.
    pub input: I,
    /// How often the orchestrator's retry policy has repeated it before.
    pub retry: u32,
    /// The instance that asked for it.
    pub instance_id: InstanceId,
    /// When, by the virtual clock.
    pub at: Timestamp,
    effects: Rc<RefCell<Effects>>,
}

/// What a closure has said of its call, besides the result.
#[derive(Debug, Default)]
pub(super) struct Effects {
    pub(super) takes: Duration,
    pub(super) events: Vec<(Duration, BufferedEvent)>,
}

impl<I> TestCall<I> {
    /// Says how long this call takes, by the virtual clock.
    pub fn takes(&self, duration: Duration) {
        self.effects.borrow_mut().takes = duration;
    }

    /// Has an event raised for the instance that asked, so long after the call began.
    ///
    /// # Panics
    /// If `data` has no JSON form.
    #[track_caller]
    pub fn raise_event_after(&self, duration: Duration, name: &str, data: impl Serialize) {
        self.effects.borrow_mut().events.push((duration, event(name, data)));
    }

    fn map<J>(self, input: J) -> TestCall<J> {
        let Self { name, retry, instance_id, at, effects, .. } = self;
        TestCall { name, input, retry, instance_id, at, effects }
    }
}

impl TestCall<Json> {
    pub(super) fn new(name: &str, input: Json, retry: u32, instance_id: InstanceId, at: Timestamp) -> Self {
        Self { name: name.to_owned(), input, retry, instance_id, at, effects: Rc::default() }
    }
}

type Function<'a> = Box<dyn FnMut(TestCall<Json>) -> Result<Json, Failure> + 'a>;

/// A closure with JSON in and out.
pub(super) struct Mock<'a>(RefCell<Function<'a>>);

impl<'a> Mock<'a> {
    /// `kind` is what it stands for.
    pub(super) fn new<I, O>(
        kind: &'static str,
        mut function: impl FnMut(TestCall<I>) -> Result<O, Failure> + 'a,
    ) -> Self
    where
        I: DeserializeOwned,
        O: Serialize,
    {
        Self(RefCell::new(Box::new(move |call| {
            let name = call.name.clone();
            // The failures are those of a real activity.
            let input = call
                .input
                .to()
                .map_err(|error| malformed("BadInput", format!("the input of {kind} '{name}'"), &error))?;
            let output = function(call.map(input))?;
            Json::of(&output)
                .map_err(|error| malformed("BadOutput", format!("the output of {kind} '{name}'"), &error))
        })))
    }

    pub(super) fn call(&self, call: &TestCall<Json>) -> (Result<Json, Failure>, Effects) {
        let result = (self.0.borrow_mut())(call.clone());
        (result, call.effects.take())
    }
}

/// An event with this data.
#[track_caller]
pub(super) fn event(name: &str, data: impl Serialize) -> BufferedEvent {
    BufferedEvent { name: name.to_owned(), data: json(&data, "the data of an event") }
}

/// `value` as JSON, as the author of a test expects it to be.
#[track_caller]
pub(super) fn json(value: &impl Serialize, what: &str) -> Json {
    match Json::of(value) {
        Ok(json) => json,
        Err(error) => panic!("{what} has no JSON form: {error}"),
    }
}
