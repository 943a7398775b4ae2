//! What a context knows, shared between the orchestrator's futures and the replay that drives them.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::future::Future;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};

use jiff::Timestamp;
use uuid::Uuid;

use super::entities::Entered;
use super::events::Events;
use crate::entity::{EntityId, EntityRequest};
use crate::failure::Failure;
use crate::history::Child;
use crate::id::{ExecutionId, InstanceId, TaskId};
use crate::json::Json;

/// Who an execution is.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) instance: InstanceId,
    pub(crate) execution: ExecutionId,
    pub(crate) version: Option<String>,
    pub(crate) parent: Option<InstanceId>,
    /// The longest value that may be handed on, in bytes.
    pub(crate) max_payload: u64,
}

/// See the module.
pub(crate) struct State {
    pub(crate) identity: Identity,
    pub(crate) now: Timestamp,
    pub(crate) replaying: bool,
    pub(crate) events: Events,
    pub(crate) custom_status: Option<Json>,
    /// Set once the orchestrator wants to continue as new.
    pub(crate) continue_as_new: Option<NewExecution>,
    /// The critical section in which it is, or which it enters.
    pub(super) section: Option<Entered>,
    next_task: u64,
    guids: u64,
    requested: Vec<Request>,
    /// What somebody waits for, or has yet to take.
    awaited: BTreeMap<TaskId, Awaited>,
    /// Timers that nobody waits for any more.
    cancelled: Vec<TaskId>,
}

/// How an execution goes on after continue-as-new.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct NewExecution {
    pub(crate) input: Json,
    pub(crate) keeps_events: bool,
}

/// Something the orchestrator asked for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Request {
    pub(crate) id: TaskId,
    pub(crate) action: Action,
}

/// What an orchestrator can ask for.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Action {
    Activity { name: String, input: Json, retry: u32 },
    Timer { fire_at: Timestamp },
    Child { child: Child, input: Json },
    Entity(EntityAsk),
}

/// Something that is asked of an entity.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct EntityAsk {
    pub(crate) entity: EntityId,
    pub(crate) request: EntityRequest,
    pub(crate) input: Json,
    /// On behalf of which critical section: the task with which it asked for its first lock.
    pub(crate) section: Option<TaskId>,
}

#[derive(Default)]
struct Awaited {
    result: Option<Result<Json, Failure>>,
    waker: Option<Waker>,
}

impl State {
    pub(crate) fn new(identity: Identity, now: Timestamp) -> Self {
        Self {
            identity,
            now,
            replaying: true,
            events: Events::default(),
            custom_status: None,
            continue_as_new: None,
            section: None,
            next_task: 0,
            guids: 0,
            requested: Vec::new(),
            awaited: BTreeMap::new(),
            cancelled: Vec::new(),
        }
    }

    /// Asks for `action`.
    pub(crate) fn request(&mut self, action: Action) -> TaskId {
        let id = TaskId(self.next_task);
        self.next_task += 1;
        self.requested.push(Request { id, action });
        id
    }

    /// What the next thing that is asked for will be.
    pub(crate) fn next_task(&self) -> TaskId {
        TaskId(self.next_task)
    }

    /// What was asked for as `id`, if nobody has looked at it yet.
    pub(crate) fn requested_mut(&mut self, id: TaskId) -> Option<&mut Action> {
        self.requested.iter_mut().rev().find(|request| request.id == id).map(|request| &mut request.action)
    }

    /// Everything that was asked for since this was last called.
    pub(crate) fn take_requests(&mut self) -> Vec<Request> {
        std::mem::take(&mut self.requested)
    }

    /// The timers that nobody waits for any more, since this was last called.
    pub(crate) fn take_cancelled(&mut self) -> Vec<TaskId> {
        std::mem::take(&mut self.cancelled)
    }

    /// Hands a result to whoever waits for it, if anybody still does.
    pub(crate) fn deliver(&mut self, id: TaskId, result: Result<Json, Failure>) {
        if let Some(awaited) = self.awaited.get_mut(&id)
            && awaited.result.is_none()
        {
            awaited.result = Some(result);
            if let Some(waker) = awaited.waker.take() {
                waker.wake();
            }
        }
    }

    /// Whether the orchestrator waits for anything that can come.
    pub(crate) fn is_waiting(&self) -> bool {
        self.awaited.values().any(|awaited| awaited.result.is_none()) || self.events.is_waiting()
    }

    /// The instance id of a sub-orchestration that is about to be asked for: unique to this execution and task.
    pub(crate) fn derived_id(&self) -> InstanceId {
        let id = format!("{}:{:04}", self.identity.execution, self.next_task);
        InstanceId::new(id).expect("hex digits, a colon and digits are an instance id")
    }

    pub(crate) fn new_guid(&mut self) -> Uuid {
        let name = format!("{}:{}", self.identity.execution, self.guids);
        self.guids += 1;
        Uuid::new_v5(&Uuid::NAMESPACE_OID, name.as_bytes())
    }
}

/// The result of something that was asked for.
pub(crate) struct TaskFuture {
    state: Rc<RefCell<State>>,
    pub(crate) id: TaskId,
}

impl TaskFuture {
    pub(crate) fn new(state: Rc<RefCell<State>>, id: TaskId) -> Self {
        state.borrow_mut().awaited.insert(id, Awaited::default());
        Self { state, id }
    }
}

impl Future for TaskFuture {
    type Output = Result<Json, Failure>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let mut state = self.state.borrow_mut();
        let awaited = state.awaited.get_mut(&self.id).expect("a task is not polled again after it was ready");
        match awaited.result.take() {
            Some(result) => {
                state.awaited.remove(&self.id);
                Poll::Ready(result)
            }
            None => {
                awaited.waker = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }
}

impl Drop for TaskFuture {
    fn drop(&mut self) {
        let mut state = self.state.borrow_mut();
        if state.awaited.remove(&self.id).is_some() {
            state.cancelled.push(self.id);
        }
    }
}
