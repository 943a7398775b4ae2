//! An execution in memory: an orchestrator function driven through what has happened, and on from there.
//!
//! It is pure. History and news go in; events and requests come out.

mod follow;
mod mismatch;
#[cfg(test)]
mod tests;
#[cfg(feature = "testing")]
mod waiting;

use std::collections::BTreeMap;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};

use jiff::Timestamp;
use tracing::Dispatch;

use crate::context::{
    Action, BufferedEvent, EntityAsk, Identity, NewExecution, OrchestrationContext, Request,
};
use crate::entity::EntityRequest;
use crate::failure::Failure;
use crate::history::{Event, EventKind};
use crate::id::TaskId;
use crate::json::Json;
use crate::orchestrators::{NotRegistered, Orchestration, Orchestrators};
use crate::payload::Payload;

/// See the module. It waits where its history left it.
pub(crate) struct Execution {
    name: String,
    context: OrchestrationContext,
    orchestration: Option<Orchestration>,
    /// How many events there are.
    events: usize,
    /// Set when the orchestrator has ended; handed out by the turn in which it did.
    end: Option<End>,
    /// Activities, sub-orchestrations, calls of entities and locks that have no result.
    open: BTreeMap<TaskId, Action>,
    /// Timers that have not fired and were not cancelled.
    timers: BTreeMap<TaskId, Timestamp>,
    suspended: bool,
    /// While it follows a history: the turn that is not complete yet.
    turn: Vec<Event>,
    /// Whether the code may have ended by the end of the history that it follows: it says so, or was rewound.
    may_end: bool,
    mismatch: Option<Failure>,
}

/// What an execution begins with.
#[derive(Debug, Clone)]
pub(crate) struct Beginning {
    pub(crate) identity: Identity,
    pub(crate) name: String,
    pub(crate) input: Json,
    pub(crate) at: Timestamp,
}

/// Something that the orchestrator is told.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum News {
    /// An activity or a sub-orchestration has ended.
    Result(TaskId, Result<Json, Failure>),
    /// An external event.
    Event(BufferedEvent),
    Suspend(String),
    Resume(String),
    Terminate(String),
}

impl News {
    /// The task whose result this is.
    pub(crate) fn task(&self) -> Option<TaskId> {
        match self {
            Self::Result(task, _) => Some(*task),
            _ => None,
        }
    }
}

/// How an execution ends.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum End {
    Completed(Json),
    Failed(Failure),
    Terminated(String),
    /// It goes on anew, with these events.
    ContinuedAsNew {
        input: Json,
        events: Vec<BufferedEvent>,
    },
}

/// What a turn gave.
#[derive(Debug, PartialEq)]
pub(crate) struct Turn {
    /// To be appended to the history.
    pub(crate) events: Vec<Event>,
    /// What entities are to be told, in this order. It stands in the events too.
    pub(crate) messages: Vec<(TaskId, EntityAsk)>,
    /// The orchestrator's end, if this was it.
    pub(crate) end: Option<End>,
}

impl Execution {
    /// An execution of which nothing has happened.
    pub(crate) fn begin(beginning: Beginning, orchestrators: &Orchestrators) -> Result<Self, NotRegistered> {
        let Beginning { identity, name, input, at } = beginning;
        let version = identity.version.clone();
        let context = OrchestrationContext::new(identity, at);
        let orchestration = orchestrators.start(&name, version.as_deref(), context.clone(), input)?;
        Ok(Self {
            name,
            context,
            orchestration: Some(orchestration),
            events: 0,
            end: None,
            open: BTreeMap::new(),
            timers: BTreeMap::new(),
            suspended: false,
            turn: Vec::new(),
            may_end: false,
            mismatch: None,
        })
    }

    /// Whether nothing has happened yet.
    pub(crate) fn is_new(&self) -> bool {
        self.events == 0
    }

    /// Whether the replay alone has ended the orchestrator, so that a turn is due.
    pub(crate) fn has_ended(&self) -> bool {
        self.end.is_some()
    }

    pub(crate) fn is_suspended(&self) -> bool {
        self.suspended
    }

    /// What the open task `id` is.
    pub(crate) fn action(&self, id: TaskId) -> Option<&Action> {
        self.open.get(&id)
    }

    /// Whether it waits for an entity's answer.
    pub(crate) fn awaits_entities(&self) -> bool {
        self.open.values().any(|action| matches!(action, Action::Entity(_)))
    }

    /// The open tasks from `first` on, in order.
    pub(crate) fn open_from(&self, first: TaskId) -> impl Iterator<Item = (TaskId, &Action)> {
        self.open.range(first..).map(|(id, action)| (*id, action))
    }

    /// When the next timer fires. None while it is suspended.
    pub(crate) fn next_timer(&self) -> Option<Timestamp> {
        self.timers.values().min().copied().filter(|_| !self.suspended)
    }

    /// What the orchestrator shows.
    pub(crate) fn custom_status(&self) -> Option<Json> {
        self.context.with(|state| state.custom_status.clone()).and_then(Json::unless_null)
    }

    /// Whether `news` changes anything: a second result of a task does not.
    pub(crate) fn minds(&self, news: &News) -> bool {
        match news {
            News::Result(id, _) => self.open.contains_key(id),
            News::Suspend(_) => !self.suspended,
            News::Resume(_) => self.suspended,
            News::Event(_) | News::Terminate(_) => true,
        }
    }

    /// Tells the orchestrator what is new, and which timers have fired by `now`, and runs it on.
    ///
    /// The first turn of an execution needs no news. A turn of a replayed one without news and timers is only useful to
    /// learn that it has ended by itself.
    pub(crate) fn turn(&mut self, now: Timestamp, news: Vec<News>) -> Turn {
        let event = |event| Event { at: now, event };
        let mut events = vec![event(EventKind::OrchestratorStarted)];
        if self.is_new() {
            events.push(event(EventKind::ExecutionStarted { name: self.name.clone() }));
        }
        self.context.with(|state| {
            state.now = now;
            // One that has just begun was never told that it has caught up.
            state.replaying = false;
        });
        for news in news {
            if self.minds(&news) {
                let kind = self.hear(news);
                events.push(event(kind));
            }
        }
        if !self.suspended && self.end.is_none() {
            let due: Vec<_> =
                self.timers.iter().filter(|(_, at)| **at <= now).map(|(id, at)| (*at, *id)).collect();
            for (fire_at, id) in sorted(due) {
                self.fire(id);
                events.push(event(EventKind::TimerFired { id, fire_at }));
            }
        }
        let requests = self.poll();
        events.extend(requests.iter().map(|request| event(described(request))));
        let messages = requests.iter().filter_map(|Request { id, action }| match action {
            Action::Entity(ask) => Some((*id, ask.clone())),
            _ => None,
        });
        let messages = messages.collect();
        self.note(requests);
        if matches!(self.end, Some(End::Completed(_) | End::Failed(_))) {
            events.push(event(EventKind::ExecutionCompleted));
        }
        self.events += events.len();
        Turn { events, messages, end: self.end.take() }
    }

    /// Takes news in, and answers the event that records it.
    fn hear(&mut self, news: News) -> EventKind {
        match news {
            News::Result(id, result) => {
                let action =
                    self.open.remove(&id).expect("whoever tells a result has asked whether it is minded");
                self.context.with(|state| state.deliver(id, result.clone()));
                match (action, result) {
                    (Action::Child { .. }, Ok(output)) => {
                        EventKind::SubOrchestrationInstanceCompleted { id, output: output.into() }
                    }
                    (Action::Child { .. }, Err(failure)) => {
                        EventKind::SubOrchestrationInstanceFailed { id, failure }
                    }
                    (Action::Entity(ask), Ok(_)) if ask.request == EntityRequest::Lock => {
                        EventKind::EntityLockGranted { id }
                    }
                    (Action::Entity(_), Ok(output)) => {
                        EventKind::EntityOperationCompleted { id, output: output.into() }
                    }
                    (Action::Entity(_), Err(failure)) => EventKind::EntityOperationFailed { id, failure },
                    (_, Ok(output)) => EventKind::TaskCompleted { id, output: output.into() },
                    (_, Err(failure)) => EventKind::TaskFailed { id, failure },
                }
            }
            News::Event(raised) => {
                self.context.with(|state| state.events.arrive(raised.clone()));
                EventKind::EventRaised { name: raised.name, data: raised.data.into() }
            }
            News::Suspend(reason) => {
                self.suspended = true;
                EventKind::ExecutionSuspended { reason }
            }
            News::Resume(reason) => {
                self.suspended = false;
                EventKind::ExecutionResumed { reason }
            }
            News::Terminate(reason) => {
                self.stop(End::Terminated(reason.clone()));
                EventKind::ExecutionTerminated { reason }
            }
        }
    }

    fn fire(&mut self, id: TaskId) {
        self.timers.remove(&id);
        self.context.with(|state| state.deliver(id, Ok(Json::null())));
    }

    /// Notes what the orchestrator has asked for, and what it has let go of.
    fn note(&mut self, requests: Vec<Request>) {
        for Request { id, action } in requests {
            match action {
                Action::Timer { fire_at } => drop(self.timers.insert(id, fire_at)),
                // Nobody answers it.
                Action::Entity(ask) if !ask.request.is_answered() => {}
                other => drop(self.open.insert(id, other)),
            }
        }
        for id in self.context.with(|state| state.take_cancelled()) {
            self.timers.remove(&id);
        }
    }

    /// Runs the orchestrator until nothing moves any more, and answers what it asked for. A suspended one does not run.
    fn poll(&mut self) -> Vec<Request> {
        if self.suspended || self.end.is_some() {
            return Vec::new();
        }
        let woken = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(woken.clone());
        let replaying = self.context.with(|state| state.replaying);
        while let Some(orchestration) = &mut self.orchestration
            && woken.0.swap(false, Ordering::Relaxed)
        {
            let mut run = || orchestration.as_mut().poll(&mut Context::from_waker(&waker));
            // What is replayed was logged when it ran.
            let polled = match replaying {
                true => tracing::dispatcher::with_default(&Dispatch::none(), run),
                false => run(),
            };
            match polled {
                Poll::Ready(Ok(output)) => self.stop(End::Completed(output)),
                Poll::Ready(Err(failure)) => self.stop(End::Failed(failure)),
                Poll::Pending => self.continue_as_new(),
            }
        }
        let (requests, waits) = self.context.with(|state| (state.take_requests(), state.is_waiting()));
        if self.orchestration.is_some() && !waits {
            self.stop(End::Failed(Failure::permanent(
                "StuckOrchestrator",
                format!(
                    "orchestrator '{}' waits for something that is not durable: it may await only what its context \
                     returns",
                    self.name
                ),
            )));
        }
        requests
    }

    fn continue_as_new(&mut self) {
        let wanted = self.context.with(|state| {
            let NewExecution { input, keeps_events } = state.continue_as_new.take()?;
            let events = state.events.take_unprocessed();
            Some((input, if keeps_events { events } else { Vec::new() }))
        });
        if let Some((input, events)) = wanted {
            self.stop(End::ContinuedAsNew { input, events });
        }
    }

    fn stop(&mut self, end: End) {
        // Outside of any borrow of the context: the orchestrator's futures let go of what they wait for.
        self.orchestration = None;
        self.end = Some(end);
    }
}

/// In the order in which they were due.
fn sorted(mut due: Vec<(Timestamp, TaskId)>) -> Vec<(Timestamp, TaskId)> {
    due.sort_unstable();
    due
}

/// The event that records a request.
fn described(Request { id, action }: &Request) -> EventKind {
    let id = *id;
    match action.clone() {
        Action::Activity { name, input, retry } => {
            EventKind::TaskScheduled { id, name, input: Payload::Inline(input), retry }
        }
        Action::Timer { fire_at } => EventKind::TimerCreated { id, fire_at },
        Action::Child { child, input } => {
            EventKind::SubOrchestrationInstanceCreated { id, child, input: Payload::Inline(input) }
        }
        Action::Entity(EntityAsk { entity, request, input, section }) => {
            EventKind::EntityAsked { id, entity, request, input: Payload::Inline(input), section }
        }
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}
