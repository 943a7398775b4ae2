//! A platform in memory, for tests of what is built on the engine: a store that counts its operations and can be made
//! to fail, and time that passes only when somebody sleeps.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::future::{Future, poll_fn};
use std::pin::pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::task::{Context, Poll, Wake, Waker};
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::counter::{self, Encoding};
use crate::platform::Platform;
use crate::store::{Store, StoreError, Swapped};

/// See the module.
#[derive(Default)]
pub struct MemoryPlatform {
    data: RefCell<BTreeMap<String, Vec<u8>>>,
    operations: Cell<Operations>,
    failing: Cell<bool>,
    clock: Cell<Duration>,
    dice: Cell<u128>,
    /// Who sleeps until when. None: whoever sleeps lets the time pass at once.
    sleepers: Option<RefCell<BTreeMap<(Duration, u64), Waker>>>,
    slept: Cell<u64>,
}

/// How many operations there were.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Operations {
    /// Reads.
    pub reads: u32,
    /// Writes that a real store makes durable before it answers.
    pub writes: u32,
}

impl std::ops::Sub for Operations {
    type Output = Self;

    fn sub(self, earlier: Self) -> Self {
        Self { reads: self.reads - earlier.reads, writes: self.writes - earlier.writes }
    }
}

impl MemoryPlatform {
    /// An empty store.
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty store, and one time for all: it passes in [`MemoryPlatform::block_on`], when everybody waits.
    pub fn timed() -> Self {
        Self { sleepers: Some(RefCell::default()), ..Self::default() }
    }

    /// Runs `future` to its end, on a platform that was made by [`MemoryPlatform::timed`].
    ///
    /// # Panics
    /// When it waits for something that nobody will bring about.
    pub fn block_on<T>(&self, future: impl Future<Output = T>) -> T {
        let woken = Arc::new(Flag(AtomicBool::new(true)));
        let waker = Waker::from(woken.clone());
        let mut future = pin!(future);
        loop {
            while woken.0.swap(false, Ordering::Relaxed) {
                if let Poll::Ready(output) = future.as_mut().poll(&mut Context::from_waker(&waker)) {
                    return output;
                }
            }
            assert!(self.pass_time(), "nothing will ever happen");
        }
    }

    /// Lets the time pass until the first sleeper wakes up. False if nobody sleeps.
    fn pass_time(&self) -> bool {
        let sleepers = self.sleepers.as_ref().expect("the platform is a timed one");
        let Some(((at, _), waker)) = sleepers.borrow_mut().pop_first() else { return false };
        self.clock.set(at.max(self.clock.get()));
        waker.wake();
        true
    }

    /// The keys that there are.
    pub fn keys(&self) -> Vec<String> {
        self.data.borrow().keys().cloned().collect()
    }

    /// The length of the value of `key`, in bytes.
    pub fn size(&self, key: &str) -> Option<usize> {
        self.data.borrow().get(key).map(Vec::len)
    }

    async fn sleep_until(&self, at: Duration, sleepers: &RefCell<BTreeMap<(Duration, u64), Waker>>) {
        let number = self.slept.get();
        self.slept.set(number + 1);
        let _awake = Awake { sleepers, name: (at, number) };
        poll_fn(|cx| match self.clock.get() >= at {
            true => Poll::Ready(()),
            false => {
                sleepers.borrow_mut().insert((at, number), cx.waker().clone());
                Poll::Pending
            }
        })
        .await;
    }

    /// The operations so far.
    pub fn operations(&self) -> Operations {
        self.operations.get()
    }

    /// Makes every operation fail without effect, or work again.
    pub fn set_failing(&self, failing: bool) {
        self.failing.set(failing);
    }

    fn read(&self) -> Result<(), StoreError> {
        let operations = self.operations.get();
        self.operations.set(Operations { reads: operations.reads + 1, ..operations });
        self.fail()
    }

    fn write(&self) -> Result<(), StoreError> {
        let operations = self.operations.get();
        self.operations.set(Operations { writes: operations.writes + 1, ..operations });
        self.fail()
    }

    fn fail(&self) -> Result<(), StoreError> {
        match self.failing.get() {
            true => Err(StoreError("the test wants it to".into())),
            false => Ok(()),
        }
    }
}

struct Flag(AtomicBool);

impl Wake for Flag {
    fn wake(self: Arc<Self>) {
        self.0.store(true, Ordering::Relaxed);
    }
}

/// Whoever sleeps no more is not to be woken.
struct Awake<'a> {
    sleepers: &'a RefCell<BTreeMap<(Duration, u64), Waker>>,
    name: (Duration, u64),
}

impl Drop for Awake<'_> {
    fn drop(&mut self) {
        self.sleepers.borrow_mut().remove(&self.name);
    }
}

impl Store for MemoryPlatform {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.read()?;
        Ok(self.data.borrow().get(key).cloned())
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        self.set_many(vec![(key.to_owned(), value)]).await
    }

    async fn set_many(&self, entries: Vec<(String, Vec<u8>)>) -> Result<(), StoreError> {
        self.write()?;
        self.data.borrow_mut().extend(entries);
        Ok(())
    }

    async fn delete_many(&self, keys: Vec<String>) -> Result<(), StoreError> {
        self.write()?;
        let mut data = self.data.borrow_mut();
        for key in keys {
            data.remove(&key);
        }
        Ok(())
    }

    async fn increment(&self, key: &str) -> Result<u64, StoreError> {
        self.write()?;
        let mut data = self.data.borrow_mut();
        let old = data.get(key).map_or(Ok((0, Encoding::Binary)), |bytes| counter::read(bytes));
        let (old, encoding) = old.map_err(|error| StoreError(error.to_string()))?;
        data.insert(key.to_owned(), counter::write(old + 1, encoding));
        Ok(old + 1)
    }

    async fn swap(&self, key: &str, expected: &[u8], new: Vec<u8>) -> Result<Swapped, StoreError> {
        self.write()?;
        let mut data = self.data.borrow_mut();
        if data.get(key).map(Vec::as_slice) != Some(expected) {
            return Ok(Swapped::Unknown);
        }
        data.insert(key.to_owned(), new);
        Ok(Swapped::Done)
    }
}

impl Platform for MemoryPlatform {
    type Store = Self;

    fn store(&self) -> &Self {
        self
    }

    fn now(&self) -> Timestamp {
        let start = Timestamp::from_second(1_700_000_000).expect("it is a time");
        start + SignedDuration::try_from(self.clock.get()).expect("tests do not sleep for ages")
    }

    fn monotonic(&self) -> Duration {
        self.clock.get()
    }

    /// Lets everything else that is ready run first, and then lets the time pass at once, unless time is one for all.
    async fn sleep(&self, duration: Duration) {
        if let Some(sleepers) = &self.sleepers {
            return self.sleep_until(self.clock.get() + duration, sleepers).await;
        }
        let mut yielded = false;
        futures::future::poll_fn(|cx| match std::mem::replace(&mut yielded, true) {
            true => Poll::Ready(()),
            false => {
                cx.waker().wake_by_ref();
                Poll::Pending
            }
        })
        .await;
        self.clock.set(self.clock.get() + duration);
    }

    /// The same numbers in every test.
    fn random(&self) -> [u8; 16] {
        self.dice
            .set(self.dice.get().wrapping_mul(0x2360_ED05_1FC6_5DA4_4385_DF64_9FCC_F645).wrapping_add(1));
        self.dice.get().to_be_bytes()
    }
}
