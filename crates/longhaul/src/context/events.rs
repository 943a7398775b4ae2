//! External events: those that have arrived and were not taken, and those who wait for them.

use std::cell::RefCell;
use std::collections::{BTreeMap, VecDeque};
use std::future::Future;
use std::marker::PhantomData;
use std::pin::Pin;
use std::rc::Rc;
use std::task::{Context, Poll, Waker};
use std::time::Duration;

use serde::de::DeserializeOwned;

use super::{OrchestrationContext, State, Timer};
use crate::failure::{Failure, malformed};
use crate::json::Json;

/// An event that has arrived and was not taken.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct BufferedEvent {
    pub(crate) name: String,
    pub(crate) data: Json,
}

/// Both sides, by the event's name in lower case.
#[derive(Default)]
pub(crate) struct Events {
    arrived: u64,
    waits: u64,
    queues: BTreeMap<String, Queue>,
}

/// The first waiter gets the first event, the second the second: whoever is polled takes the one at its own place.
/// A waiter that leaves makes room, and the others move up.
#[derive(Default)]
struct Queue {
    events: VecDeque<(u64, BufferedEvent)>,
    waiters: VecDeque<(u64, Option<Waker>)>,
}

impl Queue {
    fn place(&self, waiter: u64) -> Option<usize> {
        self.waiters.iter().position(|(each, _)| *each == waiter)
    }

    /// Wakes the last waiter for whom there is an event.
    fn wake_last_served(&mut self) {
        let served = self.events.len().min(self.waiters.len());
        if let Some(waker) = served.checked_sub(1).and_then(|last| self.waiters[last].1.take()) {
            waker.wake();
        }
    }
}

impl Events {
    /// An event arrives.
    pub(crate) fn arrive(&mut self, event: BufferedEvent) {
        let queue = self.queues.entry(event.name.to_lowercase()).or_default();
        queue.events.push_back((self.arrived, event));
        self.arrived += 1;
        if queue.events.len() <= queue.waiters.len() {
            queue.wake_last_served();
        }
    }

    /// What nobody took, in the order of arrival.
    pub(crate) fn take_unprocessed(&mut self) -> Vec<BufferedEvent> {
        let mut events: Vec<_> =
            self.queues.values_mut().flat_map(|queue| std::mem::take(&mut queue.events)).collect();
        events.sort_by_key(|(number, _)| *number);
        events.into_iter().map(|(_, event)| event).collect()
    }

    pub(crate) fn is_waiting(&self) -> bool {
        self.queues.values().any(|queue| !queue.waiters.is_empty())
    }

    /// The names for which somebody waits, in lower case.
    #[cfg(feature = "testing")]
    pub(crate) fn awaited(&self) -> impl Iterator<Item = &str> {
        let queues = self.queues.iter().filter(|(_, queue)| !queue.waiters.is_empty());
        queues.map(|(name, _)| name.as_str())
    }

    fn wait(&mut self, name: &str) -> u64 {
        let waiter = self.waits;
        self.waits += 1;
        self.queues.entry(name.to_owned()).or_default().waiters.push_back((waiter, None));
        waiter
    }

    fn is_ready(&self, name: &str, waiter: u64) -> bool {
        let queue = self.queues.get(name);
        queue.is_some_and(|queue| queue.place(waiter).is_some_and(|place| place < queue.events.len()))
    }

    fn poll(&mut self, name: &str, waiter: u64, cx: &Context<'_>) -> Poll<Json> {
        let queue = self.queues.get_mut(name).expect("whoever waits has a queue");
        let place = queue.place(waiter).expect("a wait is not polled again after it was ready");
        match queue.events.remove(place) {
            Some((_, event)) => {
                queue.waiters.remove(place);
                Poll::Ready(event.data)
            }
            None => {
                queue.waiters[place].1 = Some(cx.waker().clone());
                Poll::Pending
            }
        }
    }

    fn leave(&mut self, name: &str, waiter: u64) {
        let Some(queue) = self.queues.get_mut(name) else { return };
        let Some(place) = queue.place(waiter) else { return };
        queue.waiters.remove(place);
        if place < queue.events.len() {
            queue.wake_last_served();
        }
    }
}

/// A wait for an external event: see [`OrchestrationContext::wait_for_event`]. Dropping it ends the wait, and takes no
/// event.
#[must_use = "a wait that is dropped takes no event"]
pub struct EventWait<T> {
    state: Rc<RefCell<State>>,
    name: String,
    waiter: u64,
    data: PhantomData<fn() -> T>,
}

impl<T: DeserializeOwned> EventWait<T> {
    pub(super) fn new(state: Rc<RefCell<State>>, name: &str) -> Self {
        let name = name.to_lowercase();
        let waiter = state.borrow_mut().events.wait(&name);
        Self { state, name, waiter, data: PhantomData }
    }

    /// Waits no longer than `duration`: the result is then `None`. When the event comes in the same moment as the end of
    /// the wait, the event counts.
    pub fn with_timeout(self, duration: Duration) -> EventOrTimeout<T> {
        // What is there already needs no timer.
        let ready = self.state.borrow().events.is_ready(&self.name, self.waiter);
        let context = OrchestrationContext { state: self.state.clone() };
        EventOrTimeout { wait: self, timer: (!ready).then(|| context.create_timer(duration)) }
    }
}

impl<T: DeserializeOwned> Future for EventWait<T> {
    type Output = Result<T, Failure>;

    fn poll(self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        let data = self.state.borrow_mut().events.poll(&self.name, self.waiter, cx);
        data.map(|data| {
            data.to().map_err(|error| {
                malformed("BadEvent", format!("the data of the event '{}'", self.name), &error)
            })
        })
    }
}

impl<T> EventWait<T> {
    fn leave(&self) {
        self.state.borrow_mut().events.leave(&self.name, self.waiter);
    }
}

impl<T> Drop for EventWait<T> {
    fn drop(&mut self) {
        self.leave();
    }
}

/// A wait for an external event that may end without one: see [`EventWait::with_timeout`].
#[must_use = "a wait that is dropped takes no event"]
pub struct EventOrTimeout<T> {
    wait: EventWait<T>,
    timer: Option<Timer>,
}

impl<T: DeserializeOwned> Future for EventOrTimeout<T> {
    type Output = Result<Option<T>, Failure>;

    fn poll(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<Self::Output> {
        if let Poll::Ready(event) = Pin::new(&mut self.wait).poll(cx) {
            self.timer = None;
            return Poll::Ready(event.map(Some));
        }
        match self.timer.as_mut().map(|timer| Pin::new(timer).poll(cx)) {
            Some(Poll::Ready(())) => {
                self.timer = None;
                // Whoever keeps this future must not stand in the way of later waits.
                self.wait.leave();
                Poll::Ready(Ok(None))
            }
            _ => Poll::Pending,
        }
    }
}
