//! What an orchestrator function is given: the context through which it asks for things and learns what happened.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::failure::{Failure, malformed};
use crate::id::{InstanceId, TaskId};
use crate::json::Json;

/// The context of one execution of an orchestrator function. Clones are the same context.
///
/// An orchestrator is replayed from its history whenever it must be rebuilt, so it has to do the same things in the
/// same order every time: it gets the time from here, awaits nothing but what the context returns (combined as it
/// likes with `futures` combinators), and leaves everything else to activities.
#[derive(Clone)]
pub struct OrchestrationContext {
    state: Rc<RefCell<State>>,
}

/// What the context knows, shared between the orchestrator's futures and the replay that drives them.
pub(crate) struct State {
    pub(crate) instance: InstanceId,
    pub(crate) now: Timestamp,
    pub(crate) replaying: bool,
    next_task: u64,
    /// What the orchestrator asked for since it was last looked at.
    pub(crate) requested: Vec<Request>,
    results: BTreeMap<TaskId, Result<Json, Failure>>,
    waiting: BTreeMap<TaskId, Option<Waker>>,
}

/// Something the orchestrator asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) id: TaskId,
    pub(crate) name: String,
    pub(crate) input: Json,
}

impl OrchestrationContext {
    pub(crate) fn new(instance: InstanceId, now: Timestamp) -> Self {
        Self {
            state: Rc::new(RefCell::new(State {
                instance,
                now,
                replaying: true,
                next_task: 0,
                requested: Vec::new(),
                results: BTreeMap::new(),
                waiting: BTreeMap::new(),
            })),
        }
    }

    /// The instance's id.
    pub fn instance_id(&self) -> InstanceId {
        self.state.borrow().instance.clone()
    }

    /// The orchestration's current time: the same in every replay.
    pub fn current_time(&self) -> Timestamp {
        self.state.borrow().now
    }

    /// Whether what runs now has run before. For side effects that should not be repeated, such as logging.
    pub fn is_replaying(&self) -> bool {
        self.state.borrow().replaying
    }

    /// Asks for the activity function `name`. It is scheduled by this call, not by the first poll of the future, so
    /// several can be asked for and then awaited together or one after the other.
    ///
    /// The future fails with the activity's failure; with a permanent failure of type `BadInput` if `input` has no
    /// JSON form, and `BadOutput` if the activity's output is not an `O`.
    pub fn call_activity<I, O>(&self, name: &str, input: I) -> ActivityCall<O>
    where
        I: Serialize,
        O: DeserializeOwned,
    {
        let refused = |error| malformed("BadInput", format!("the input of activity '{name}'"), &error);
        let task = Json::of(&input).map_err(refused).map(|input| {
            let mut state = self.state.borrow_mut();
            let id = TaskId(state.next_task);
            state.next_task += 1;
            state.requested.push(Request { id, name: name.to_owned(), input });
            state.waiting.insert(id, None);
            id
        });
        ActivityCall { state: self.state.clone(), name: name.to_owned(), task, output: PhantomData }
    }

    pub(crate) fn with<R>(&self, f: impl FnOnce(&mut State) -> R) -> R {
        f(&mut self.state.borrow_mut())
    }
}

impl State {
    /// Hands a task's result to whoever awaits it. False if nobody asked for that task, or it has a result already.
    pub(crate) fn deliver(&mut self, id: TaskId, result: Result<Json, Failure>) -> bool {
        let Some(waker) = self.waiting.remove(&id) else { return false };
        self.results.insert(id, result);
        if let Some(waker) = waker {
            waker.wake();
        }
        true
    }

    /// Whether any task that was asked for has no result yet.
    pub(crate) fn is_waiting(&self) -> bool {
        !self.waiting.is_empty()
    }
}

/// The future of an activity's output: see [`OrchestrationContext::call_activity`].
#[must_use = "the result is lost if the call is not awaited, and what is asked for in the last turn is not run"]
pub struct ActivityCall<O> {
    state: Rc<RefCell<State>>,
    name: String,
    task: Result<TaskId, Failure>,
    output: PhantomData<fn() -> O>,
}

impl<O: DeserializeOwned> Future for ActivityCall<O> {
    type Output = Result<O, Failure>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let id = match &self.task {
            Ok(id) => *id,
            Err(failure) => return Poll::Ready(Err(failure.clone())),
        };
        let mut state = self.state.borrow_mut();
        let Some(result) = state.results.remove(&id) else {
            let waker = state.waiting.get_mut(&id).expect("a call is not polled again after it was ready");
            *waker = Some(cx.waker().clone());
            return Poll::Pending;
        };
        Poll::Ready(result.and_then(|output| {
            output.to().map_err(|error| {
                malformed("BadOutput", format!("the output of activity '{}'", self.name), &error)
            })
        }))
    }
}
