//! Calls of activities and sub-orchestrations: tried once, or as often as a policy says.

use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::task::{Context, Poll};
use std::time::Duration;

use jiff::Timestamp;
use serde::de::DeserializeOwned;

use super::state::{Action, TaskFuture};
use super::{OrchestrationContext, Timer};
use crate::failure::{Failure, malformed};
use crate::history::Child;
use crate::id::InstanceId;
use crate::json::Json;
use crate::retry::RetryPolicy;

/// Something that is asked for, and asked for again after failures.
pub(super) struct Attempts {
    context: OrchestrationContext,
    what: String,
    phase: Phase,
    policy: Option<RetryPolicy>,
    timeout: Option<Duration>,
    failures: u32,
    since: Timestamp,
}

enum Phase {
    /// It cannot be asked for.
    Refused(Failure),
    Running {
        action: Action,
        task: TaskFuture,
        timeout: Option<Timer>,
    },
    /// Until it is asked for again.
    Pausing {
        action: Action,
        timer: Timer,
    },
}

impl Attempts {
    pub(super) fn new(context: &OrchestrationContext, what: String, action: Result<Action, Failure>) -> Self {
        let phase = match action {
            Ok(action) => Phase::Running { task: context.ask(action.clone()), action, timeout: None },
            Err(failure) => Phase::Refused(failure),
        };
        let since = context.current_time();
        Self { context: context.clone(), what, phase, policy: None, timeout: None, failures: 0, since }
    }

    fn set_timeout(&mut self, duration: Duration) {
        self.timeout = Some(duration);
        if let Phase::Running { timeout, .. } = &mut self.phase {
            *timeout = Some(self.context.create_timer(duration));
        }
    }

    /// Changes what was just asked for, before anybody has looked at it.
    fn change_child(&mut self, change: impl Fn(&mut Child)) {
        if let Phase::Running { action, task, .. } = &mut self.phase {
            let id = task.id;
            self.context.with(|state| {
                let requested = state.requested_mut(id);
                for action in requested.into_iter().chain([action]) {
                    if let Action::Child { child, .. } = action {
                        change(child);
                    }
                }
            });
        }
    }

    fn poll(&mut self, cx: &mut Context<'_>) -> Poll<Result<Json, Failure>> {
        loop {
            let failure = match &mut self.phase {
                Phase::Refused(failure) => return Poll::Ready(Err(failure.clone())),
                Phase::Pausing { action, timer } => {
                    if Pin::new(timer).poll(cx).is_pending() {
                        return Poll::Pending;
                    }
                    let action = repeated(action.clone(), self.failures);
                    let task = self.context.ask(action.clone());
                    let timeout = self.timeout.map(|duration| self.context.create_timer(duration));
                    self.phase = Phase::Running { action, task, timeout };
                    continue;
                }
                Phase::Running { task, timeout, .. } => match Pin::new(task).poll(cx) {
                    Poll::Ready(Ok(output)) => {
                        *timeout = None;
                        return Poll::Ready(Ok(output));
                    }
                    Poll::Ready(Err(failure)) => failure,
                    Poll::Pending => match timeout.as_mut().map(|timer| Pin::new(timer).poll(cx)) {
                        Some(Poll::Ready(())) => self.timed_out(),
                        _ => return Poll::Pending,
                    },
                },
            };
            self.failures += 1;
            let now = self.context.current_time();
            let policy = self.policy.as_ref();
            let pause = policy.and_then(|policy| policy.pause(self.failures, &failure, self.since, now));
            let (Phase::Running { action, .. }, Some(pause)) = (&self.phase, pause) else {
                self.phase = Phase::Refused(failure.clone());
                return Poll::Ready(Err(failure));
            };
            let action = action.clone();
            self.phase = Phase::Pausing { action, timer: self.context.create_timer(pause) };
        }
    }

    fn timed_out(&self) -> Failure {
        let limit = self.timeout.unwrap_or_default();
        Failure::new("Timeout", format!("{} has not ended within {limit:?}", self.what))
    }
}

/// `action`, to be asked for after so many failures.
fn repeated(action: Action, failures: u32) -> Action {
    match action {
        Action::Activity { name, input, .. } => Action::Activity { name, input, retry: failures },
        Action::Child { child, input } => Action::Child { child: Child { retry: failures, ..child }, input },
        other => other,
    }
}

/// A call of an activity: see [`OrchestrationContext::call_activity`].
#[must_use = "the result is lost if the call is not awaited"]
pub struct ActivityCall<O> {
    attempts: Attempts,
    output: PhantomData<fn() -> O>,
}

impl<O: DeserializeOwned> ActivityCall<O> {
    pub(super) fn new(attempts: Attempts) -> Self {
        Self { attempts, output: PhantomData }
    }

    /// Repeats the activity when it fails.
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.attempts.policy = Some(policy);
        self
    }

    /// Waits for each attempt no longer than this: it then fails with `Timeout`, and what it still does is ignored. The
    /// time runs from the call, also while the activity waits for room among those of its instance.
    pub fn with_timeout(mut self, duration: Duration) -> Self {
        self.attempts.set_timeout(duration);
        self
    }
}

/// A call of a sub-orchestration: see [`OrchestrationContext::call_sub_orchestration`].
#[must_use = "the result is lost if the call is not awaited"]
pub struct SubOrchestrationCall<O> {
    attempts: Attempts,
    output: PhantomData<fn() -> O>,
}

impl<O: DeserializeOwned> SubOrchestrationCall<O> {
    pub(super) fn new(attempts: Attempts) -> Self {
        Self { attempts, output: PhantomData }
    }

    /// Gives the sub-orchestration this instance id.
    pub fn with_id(mut self, id: InstanceId) -> Self {
        self.attempts.change_child(|child| child.instance = id.clone());
        self
    }

    /// Starts it with this version, not with that of its parent.
    pub fn with_version(mut self, version: &str) -> Self {
        self.attempts.change_child(|child| child.version = Some(version.to_owned()));
        self
    }

    /// Lets it go on when its parent is terminated.
    pub fn detached(mut self) -> Self {
        self.attempts.change_child(|child| child.detached = true);
        self
    }

    /// Repeats the sub-orchestration when it fails, under the same instance id.
    pub fn with_retry(mut self, policy: RetryPolicy) -> Self {
        self.attempts.policy = Some(policy);
        self
    }

    /// Waits for each attempt no longer than this: it then fails with `Timeout`, and what it still does is ignored.
    pub fn with_timeout(mut self, duration: Duration) -> Self {
        self.attempts.set_timeout(duration);
        self
    }
}

impl<O: DeserializeOwned> Future for ActivityCall<O> {
    type Output = Result<O, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.attempts.poll(cx).map(|result| typed(result, &self.attempts.what))
    }
}

impl<O: DeserializeOwned> Future for SubOrchestrationCall<O> {
    type Output = Result<O, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        self.attempts.poll(cx).map(|result| typed(result, &self.attempts.what))
    }
}

fn typed<O: DeserializeOwned>(result: Result<Json, Failure>, what: &str) -> Result<O, Failure> {
    result?.to().map_err(|error| malformed("BadOutput", format!("the output of {what}"), &error))
}
