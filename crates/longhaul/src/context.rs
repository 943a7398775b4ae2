//! What an orchestrator function is given: the context through which it asks for things and learns what happened.

mod call;
mod entities;
mod events;
mod http;
mod state;
mod timer;

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::failure::{Failure, malformed};
use crate::history::Child;
use crate::id::{InstanceId, TaskId};
use crate::json::Json;
use crate::payload::handed_on;
use crate::platform::after;

pub use call::{ActivityCall, SubOrchestrationCall};
pub use entities::{CriticalSection, EntityCall};
pub use events::{EventOrTimeout, EventWait};
pub use http::{HTTP_ACTIVITY, HttpRequest, HttpResponse};
pub use timer::Timer;

use call::Attempts;
pub(crate) use events::BufferedEvent;
use state::TaskFuture;
pub(crate) use state::{Action, EntityAsk, Identity, NewExecution, Request, State};

/// The context of one execution of an orchestrator function. Clones are the same context.
///
/// An orchestrator is replayed from its history whenever it must be rebuilt, so it has to do the same things in the
/// same order every time: it gets the time and its random ids from here, awaits nothing but what the context returns
/// (combined as it likes with `futures` combinators), and leaves everything else to activities.
///
/// What is asked for is scheduled by the call, not by the first poll of the future that it returns. Dropping the
/// future cancels a timer or a wait for an event; an activity or a sub-orchestration runs on, and its result is ignored.
#[derive(Clone)]
pub struct OrchestrationContext {
    state: Rc<RefCell<State>>,
}

/// The largest custom status, in bytes of JSON.
pub const MAX_CUSTOM_STATUS: usize = 16 * 1024;

/// What becomes of the events that nobody has taken when an orchestration continues as new.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum UnprocessedEvents {
    /// The next execution gets them, in the order in which they arrived.
    Keep,
    /// They are dropped.
    Drop,
}

impl OrchestrationContext {
    pub(crate) fn new(identity: Identity, now: Timestamp) -> Self {
        Self { state: Rc::new(RefCell::new(State::new(identity, now))) }
    }

    /// The instance's id.
    pub fn instance_id(&self) -> InstanceId {
        self.with(|state| state.identity.instance.clone())
    }

    /// The id of the instance that started this one, if an orchestration did.
    pub fn parent_instance_id(&self) -> Option<InstanceId> {
        self.with(|state| state.identity.parent.clone())
    }

    /// The version that the instance was started with. An orchestrator that is not registered for that very version
    /// goes by this to do what it did then.
    pub fn version(&self) -> Option<String> {
        self.with(|state| state.identity.version.clone())
    }

    /// The orchestration's current time: the same in every replay.
    pub fn current_time(&self) -> Timestamp {
        self.with(|state| state.now)
    }

    /// Whether what runs now has run before. `tracing` is silent then, by itself; this is for anything else that should
    /// not be repeated.
    pub fn is_replaying(&self) -> bool {
        self.with(|state| state.replaying)
    }

    /// A new GUID, the same in every replay.
    pub fn new_guid(&self) -> Uuid {
        self.with(State::new_guid)
    }

    /// Asks for the activity function `name`.
    ///
    /// The future fails with the activity's failure; with a permanent failure of type `BadInput` if `input` has no
    /// JSON form, `PayloadTooLarge` if it is too long, and `BadOutput` if the activity's output is not an `O`.
    pub fn call_activity<I, O>(&self, name: &str, input: I) -> ActivityCall<O>
    where
        I: Serialize,
        O: DeserializeOwned,
    {
        let action = self
            .input(&input, || format!("the input of activity '{name}'"))
            .map(|input| Action::Activity { name: name.to_owned(), input, retry: 0 });
        ActivityCall::new(Attempts::new(self, format!("activity '{name}'"), action))
    }

    /// Asks for another orchestration, and waits for its end. Its instance id is derived from this instance, unless
    /// [`SubOrchestrationCall::with_id`] chooses one. When this instance is terminated, so is the other, unless it is
    /// [`SubOrchestrationCall::detached`].
    ///
    /// The future fails with the other's failure, with `Terminated` when an operator ends it, with
    /// `OrchestrationAlreadyExists` when an instance of the chosen id has not finished, and with `InCriticalSection` in a
    /// critical section.
    pub fn call_sub_orchestration<I, O>(&self, name: &str, input: I) -> SubOrchestrationCall<O>
    where
        I: Serialize,
        O: DeserializeOwned,
    {
        let action = self
            .outside_critical_section(&format!("sub-orchestration '{name}'"))
            .and_then(|()| self.child(name, &input, false));
        SubOrchestrationCall::new(Attempts::new(self, format!("sub-orchestration '{name}'"), action))
    }

    /// Starts another orchestration, and waits for nothing: it is on its own. Answers its instance id, which is `id`, or
    /// derived from this instance.
    ///
    /// # Errors
    /// When `input` has no JSON form, or is too long. That an instance of that id exists and has not finished is no
    /// error: it stays as it is.
    pub fn start_orchestration<I: Serialize>(
        &self,
        name: &str,
        input: I,
        id: Option<InstanceId>,
    ) -> Result<InstanceId, Failure> {
        let mut action = self.child(name, &input, true)?;
        let Action::Child { child, .. } = &mut action else { unreachable!("it was just made") };
        if let Some(id) = id {
            child.instance = id;
        }
        let id = child.instance.clone();
        self.with(|state| state.request(action));
        Ok(id)
    }

    /// A durable timer: ready once `duration` is over, however long that is. Dropping it cancels it.
    pub fn create_timer(&self, duration: Duration) -> Timer {
        self.create_timer_at(after(self.current_time(), duration))
    }

    /// A durable timer that is ready at `at`; at once if that is past.
    pub fn create_timer_at(&self, at: Timestamp) -> Timer {
        Timer(self.ask(Action::Timer { fire_at: at }))
    }

    /// Waits for the external event `name`, whose case does not matter. Events that arrive before anybody waits are
    /// kept, in order; of several waits for one name the oldest gets the first event.
    ///
    /// The future fails with a permanent failure of type `BadEvent` if the event's data is not a `T`.
    pub fn wait_for_event<T: DeserializeOwned>(&self, name: &str) -> EventWait<T> {
        EventWait::new(self.state.clone(), name)
    }

    /// Shows `status` to whoever looks at the instance.
    ///
    /// # Errors
    /// When it has no JSON form, or more than [`MAX_CUSTOM_STATUS`] bytes of it. The status is then as it was.
    pub fn set_custom_status<S: Serialize>(&self, status: S) -> Result<(), Failure> {
        let status =
            Json::of(&status).map_err(|error| malformed("BadStatus", "the custom status".into(), &error))?;
        if status.text().len() > MAX_CUSTOM_STATUS {
            return Err(Failure::permanent(
                "CustomStatusTooLarge",
                format!(
                    "the custom status has {} bytes, the limit is {MAX_CUSTOM_STATUS}",
                    status.text().len()
                ),
            ));
        }
        self.with(|state| state.custom_status = Some(status));
        Ok(())
    }

    /// Ends this execution, and begins the orchestrator anew with `input` and an empty history. Never returns, unless it
    /// fails: `return ctx.continue_as_new(next, UnprocessedEvents::Keep).await`.
    ///
    /// For orchestrations without end, whose history would grow without bound: do so every few thousand events.
    ///
    /// # Errors
    /// When `input` has no JSON form, or is too long.
    pub async fn continue_as_new<I, T>(&self, input: I, events: UnprocessedEvents) -> Result<T, Failure>
    where
        I: Serialize,
    {
        let input = self.input(&input, || "the input to continue with".into())?;
        self.with(|state| {
            state
                .continue_as_new
                .get_or_insert(NewExecution { input, keeps_events: events == UnprocessedEvents::Keep });
        });
        std::future::pending().await
    }

    /// Sends an HTTP request, once the future is first polled, from the activity component, as an activity does. With
    /// [`HttpRequest::asynchronous_pattern`] (which is the default) an answer 202 with a `Location` is followed: the
    /// orchestration waits as long as `Retry-After` says with a durable timer, and asks there, until the answer is
    /// another.
    ///
    /// # Errors
    /// When there is no answer at all. Any status is an answer.
    pub async fn call_http(&self, request: HttpRequest) -> Result<HttpResponse, Failure> {
        http::call(self, request).await
    }

    fn child(&self, name: &str, input: &impl Serialize, forgotten: bool) -> Result<Action, Failure> {
        let input = self.input(input, || format!("the input of orchestration '{name}'"))?;
        let child = Child {
            name: name.to_owned(),
            instance: self.with(|state| state.derived_id()),
            version: None,
            detached: forgotten,
            forgotten,
            retry: 0,
        };
        Ok(Action::Child { child, input })
    }

    fn input(&self, value: &impl Serialize, what: impl Fn() -> String) -> Result<Json, Failure> {
        handed_on(value, self.with(|state| state.identity.max_payload), "BadInput", what)
    }

    /// Asks for something that has a result.
    fn ask(&self, action: Action) -> TaskFuture {
        let id: TaskId = self.with(|state| state.request(action));
        TaskFuture::new(self.state.clone(), id)
    }

    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self.state.borrow_mut())
    }
}
