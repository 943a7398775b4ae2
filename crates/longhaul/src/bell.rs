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
    /// How many ticks are still refused so that one that must run alone gets its turn.
    wanted: Cell<Option<u32>>,
}

/// How many ticks are refused for the sake of one that must run alone: it comes again within a minute, or is not to be
/// waited for.
const REFUSED_FOR_ONE: u32 = 200;

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

    /// Whether it was rung, if nobody was told so yet.
    pub(crate) fn was_rung(&self) -> bool {
        self.rung.take()
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
    /// Rings the bell of the tick that runs the instance in this process, and answers whether one does.
    pub(crate) fn ring(&self, key: &InstanceKey) -> bool {
        let bells = self.bells.borrow();
        let bell = bells.get(key);
        bell.inspect(|bell| bell.ring()).is_some()
    }

    /// Whether a tick may run beside those that run.
    pub(crate) fn admits(&self) -> bool {
        !self.alone.get()
    }

    /// Whether one that must run alone waits for those that run to end: then others come again. It is not waited for for
    /// ever.
    fn makes_room(&self) -> bool {
        let left = self.wanted.get().and_then(|left| left.checked_sub(1));
        self.wanted.set(left);
        left.is_some()
    }

    /// Counts a tick in, which is to run `alone` or beside others. None: it cannot, now.
    pub(crate) fn enter(self: &Rc<Self>, key: &InstanceKey, alone: bool) -> Option<Entered> {
        if !self.admits() || (!alone && self.makes_room()) {
            return None;
        }
        if alone && self.running.get() > 0 {
            self.wanted.set(Some(REFUSED_FOR_ONE));
            return None;
        }
        self.running.set(self.running.get() + 1);
        self.alone.set(alone);
        self.wanted.set(None);
        let bell = Rc::new(Bell::default());
        self.bells.borrow_mut().insert(key.clone(), bell.clone());
        Some(Entered { ticking: self.clone(), key: key.clone(), bell, is_alone: Cell::new(alone) })
    }
}

/// A tick that runs in this process.
pub(crate) struct Entered {
    ticking: Rc<Ticking>,
    key: InstanceKey,
    pub(crate) bell: Rc<Bell>,
    is_alone: Cell<bool>,
}

impl Entered {
    /// Others may run beside it from now on.
    pub(crate) fn run_beside_others(&self) {
        if self.is_alone.take() {
            self.ticking.alone.set(false);
        }
    }
}

impl Drop for Entered {
    fn drop(&mut self) {
        self.ticking.running.set(self.ticking.running.get() - 1);
        self.run_beside_others();
        let mut bells = self.ticking.bells.borrow_mut();
        if bells.get(&self.key).is_some_and(|bell| Rc::ptr_eq(bell, &self.bell)) {
            bells.remove(&self.key);
        }
    }
}
