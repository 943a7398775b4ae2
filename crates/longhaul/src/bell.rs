//! What the ticks of one process know of each other.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::poll_fn;
use std::rc::Rc;
use std::task::{Poll, Waker};

use crate::id::InstanceKey;

/// The ticks that run in this process.
#[derive(Default)]
pub(crate) struct Ticking {
    bells: RefCell<BTreeMap<InstanceKey, Rc<Bell>>>,
    running: Cell<usize>,
    alone: Cell<bool>,
}

/// Tells a tick that somebody has kicked its instance: there may be messages.
#[derive(Default)]
pub(crate) struct Bell {
    rung: Cell<bool>,
    waker: RefCell<Option<Waker>>,
}

impl Bell {
    fn ring(&self) {
        self.rung.set(true);
        if let Some(waker) = self.waker.take() {
            waker.wake();
        }
    }

    /// Waits until it is rung.
    pub(crate) async fn rung(&self) {
        poll_fn(|cx| match self.rung.take() {
            true => Poll::Ready(()),
            false => {
                self.waker.replace(Some(cx.waker().clone()));
                Poll::Pending
            }
        })
        .await;
    }
}

impl Ticking {
    /// Rings the bell of the tick that runs the instance in this process, if one does.
    pub(crate) fn ring(&self, key: &InstanceKey) {
        if let Some(bell) = self.bells.borrow().get(key) {
            bell.ring();
        }
    }

    /// Whether a tick may run beside those that run.
    pub(crate) fn admits(&self) -> bool {
        !self.alone.get()
    }

    /// Counts a tick in, which is to run `alone` or beside others. None: it cannot, now.
    pub(crate) fn enter(self: &Rc<Self>, key: &InstanceKey, alone: bool) -> Option<Entered> {
        if !self.admits() || (alone && self.running.get() > 0) {
            return None;
        }
        self.running.set(self.running.get() + 1);
        self.alone.set(alone);
        let bell = Rc::new(Bell::default());
        self.bells.borrow_mut().insert(key.clone(), bell.clone());
        Some(Entered { ticking: self.clone(), key: key.clone(), bell })
    }
}

/// A tick that runs in this process.
pub(crate) struct Entered {
    ticking: Rc<Ticking>,
    key: InstanceKey,
    pub(crate) bell: Rc<Bell>,
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.ticking.running.set(self.ticking.running.get() - 1);
        self.ticking.alone.set(false);
        let mut bells = self.ticking.bells.borrow_mut();
        if bells.get(&self.key).is_some_and(|bell| Rc::ptr_eq(bell, &self.bell)) {
            bells.remove(&self.key);
        }
    }
}
