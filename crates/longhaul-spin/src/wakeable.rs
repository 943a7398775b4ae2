//! Futures that other requests of the same component instance may wake.
//!
//! To the component model each request, with the work that goes on after its answer, is a task of its own, and
//! `wit-bindgen` 0.57 panics when one task wakes a future of another. (Its feature `inter-task-wakeup` does not help:
//! wasmtime 48 traps at how it cancels a read.) So such a wake-up is sent through a stream, which the host delivers.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::task::{Context, Poll, Wake, Waker};

use futures::FutureExt;
use spin_sdk::wasip3::wit_bindgen::{StreamReader, StreamResult, StreamWriter};
use spin_sdk::wasip3::wit_stream;

/// Names a future for as long as it runs; 0 names none.
type Id = u64;

thread_local! {
    static LAST: Cell<Id> = const { Cell::new(0) };
    /// The future that is being polled.
    static POLLED: Cell<Id> = const { Cell::new(0) };
    static SIGNALS: RefCell<BTreeMap<Id, Signal>> = const { RefCell::new(BTreeMap::new()) };
}

/// How a future is woken from outside its task.
struct Signal {
    writer: StreamWriter<u8>,
    /// Whether that has been done, and the future has not been polled since.
    sent: bool,
}

/// Runs `work`, which other futures that run here may wake.
pub(crate) async fn wakeable<T>(work: impl Future<Output = T>) -> T {
    let id = LAST.get() + 1;
    LAST.set(id);
    let mut work = pin!(work);
    let mut waker = None;
    // Much of it never waits for anything, and needs no stream then.
    let at_once = poll_fn(|cx| {
        let waker = AnyTask::of(&mut waker, id, cx);
        Poll::Ready(poll_as(id, work.as_mut(), &mut Context::from_waker(waker)))
    });
    if let Poll::Ready(done) = at_once.await {
        return done;
    }
    // It is polled once more right away, so that nothing is lost of what wakes it before it is registered.
    let (_registered, reader) = Registered::new(id);
    let mut signals = pin!(receive(id, reader));
    poll_fn(|cx| {
        // First, so that there is always a read under way when others run.
        let Poll::Pending = signals.as_mut().poll(cx);
        let waker = AnyTask::of(&mut waker, id, cx);
        poll_as(id, work.as_mut(), &mut Context::from_waker(waker))
    })
    .await
}

fn poll_as<T>(id: Id, work: Pin<&mut impl Future<Output = T>>, cx: &mut Context<'_>) -> Poll<T> {
    let before = POLLED.replace(id);
    let polled = work.poll(cx);
    POLLED.set(before);
    polled
}

/// Takes signals for ever: each has the task polled.
async fn receive(id: Id, mut reader: StreamReader<u8>) -> std::convert::Infallible {
    while let (StreamResult::Complete(_), _) = reader.read(Vec::with_capacity(1)).await {
        SIGNALS.with_borrow_mut(|signals| {
            if let Some(signal) = signals.get_mut(&id) {
                signal.sent = false;
            }
        });
    }
    // The writer lives as long as this does.
    std::future::pending().await
}

fn send(id: Id) {
    SIGNALS.with_borrow_mut(|signals| {
        // None: it has ended.
        if let Some(signal) = signals.get_mut(&id).filter(|signal| !signal.sent) {
            signal.sent = true;
            // It is read at once.
            let written = signal.writer.write(vec![0]).now_or_never();
            debug_assert!(written.is_some(), "a read is under way");
        }
    });
}

/// A future's entry among those that can be signalled.
struct Registered(Id);

impl Registered {
    fn new(id: Id) -> (Self, StreamReader<u8>) {
        let (writer, reader) = wit_stream::new();
        SIGNALS.with_borrow_mut(|signals| signals.insert(id, Signal { writer, sent: false }));
        (Self(id), reader)
    }
}

impl Drop for Registered {
    fn drop(&mut self) {
        SIGNALS.with_borrow_mut(|signals| signals.remove(&self.0));
    }
}

/// A waker for any task to call.
struct AnyTask {
    id: Id,
    /// For the future's own task.
    own: Waker,
}

impl AnyTask {
    /// The waker for a future that is polled with `cx`, made anew only when that has changed.
    fn of<'a>(waker: &'a mut Option<(Waker, Waker)>, id: Id, cx: &Context<'_>) -> &'a Waker {
        let is_current = waker.as_ref().is_some_and(|(own, _)| own.will_wake(cx.waker()));
        if !is_current {
            let own = cx.waker().clone();
            *waker = Some((own.clone(), Arc::new(Self { id, own }).into()));
        }
        &waker.as_ref().expect("it was just set").1
    }
}

impl Wake for AnyTask {
    fn wake(self: Arc<Self>) {
        match POLLED.get() {
            // The host has something for the task, which is then not polled yet.
            0 => self.own.wake_by_ref(),
            polled if polled == self.id => self.own.wake_by_ref(),
            _ => send(self.id),
        }
    }
}
