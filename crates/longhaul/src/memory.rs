//! A platform in memory, for tests of what is built on the engine: a store that counts its operations and can be made
//! to fail, and time that passes only when somebody sleeps.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::task::Poll;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};

use crate::counter::{self, Encoding};
use crate::platform::Platform;
use crate::store::{Store, StoreError};

/// See the module.
#[derive(Default)]
pub struct MemoryPlatform {
    data: RefCell<BTreeMap<String, Vec<u8>>>,
    operations: Cell<Operations>,
    failing: Cell<bool>,
    clock: Cell<Duration>,
    dice: Cell<u128>,
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
        self.data.borrow_mut().retain(|key, _| !keys.contains(key));
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

    async fn swap(&self, key: &str, expected: &[u8], new: Vec<u8>) -> Result<(), StoreError> {
        self.write()?;
        let mut data = self.data.borrow_mut();
        if data.get(key).map(Vec::as_slice) == Some(expected) {
            data.insert(key.to_owned(), new);
        }
        Ok(())
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

    /// Lets everything else that is ready run first, and then lets the time pass at once.
    async fn sleep(&self, duration: Duration) {
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
