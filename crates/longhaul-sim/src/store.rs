//! An in-memory key-value store that does what real backends do.
//!
//! Every operation takes a while, so that the others come in between; a compare-and-swap is a read and a conditional
//! write with time between them. Operations may fail before or after they took effect, and the effect may come late.

use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::rc::Rc;
use std::time::Duration;

use longhaul::{Store, StoreError, Swap};

use crate::checks::Checks;
use crate::exec::{Exec, Process};

/// Which real backend to be like.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Backend {
    /// Binary counters, several keys in one transaction.
    Sqlite,
    /// Decimal counters, several keys at once.
    Redis,
    /// Decimal counters, several keys one by one.
    OneByOne,
}

impl Backend {
    /// All of them.
    pub const ALL: [Self; 3] = [Self::Sqlite, Self::Redis, Self::OneByOne];
}

/// The process in which late effects happen: the backend itself.
const BACKEND: Process = Process(u32::MAX);

struct Shared {
    exec: Exec,
    backend: Backend,
    data: RefCell<BTreeMap<String, Vec<u8>>>,
    checks: RefCell<Checks>,
    faults: Cell<f64>,
    operations: Cell<u64>,
}

/// The store. Clones are the same store.
#[derive(Clone)]
pub struct SimStore(Rc<Shared>);

enum Fate {
    Fine,
    FailsBefore,
    FailsAfter,
    /// Fails, and takes effect later.
    Late(Duration),
}

impl SimStore {
    /// An empty store.
    pub fn new(exec: &Exec, backend: Backend) -> Self {
        Self(Rc::new(Shared {
            exec: exec.clone(),
            backend,
            data: RefCell::default(),
            checks: RefCell::new(Checks::default()),
            faults: Cell::new(0.0),
            operations: Cell::new(0),
        }))
    }

    /// Lets operations fail with this probability from now on.
    pub fn set_faults(&self, probability: f64) {
        self.0.faults.set(probability);
    }

    /// How many operations there were.
    pub fn operations(&self) -> u64 {
        self.0.operations.get()
    }

    /// Looks at a value, outside of the simulation's time.
    pub fn peek(&self, key: &str) -> Option<Vec<u8>> {
        self.0.data.borrow().get(key).cloned()
    }

    /// The invariants that watch the store.
    pub fn checks(&self) -> std::cell::RefMut<'_, Checks> {
        self.0.checks.borrow_mut()
    }

    async fn pass_time(&self) {
        let exec = &self.0.exec;
        let most = if exec.chance(0.02) { Duration::from_secs(3) } else { Duration::from_millis(4) };
        exec.sleep(exec.up_to(most)).await;
    }

    async fn begin(&self) -> Fate {
        self.0.operations.set(self.0.operations.get() + 1);
        self.pass_time().await;
        let exec = &self.0.exec;
        if !exec.chance(self.0.faults.get()) {
            return Fate::Fine;
        }
        match exec.below(3) {
            0 => Fate::FailsBefore,
            1 => Fate::FailsAfter,
            _ => Fate::Late(exec.up_to(Duration::from_secs(20))),
        }
    }

    /// Lets `effect` happen as fate has it.
    async fn write<R>(&self, effect: impl Fn(&Self) -> R + 'static) -> Result<R, StoreError> {
        let failed = || Err(StoreError("injected".into()));
        match self.begin().await {
            Fate::Fine => {
                let answer = effect(self);
                self.pass_time().await;
                Ok(answer)
            }
            Fate::FailsBefore => failed(),
            Fate::FailsAfter => {
                effect(self);
                failed()
            }
            Fate::Late(delay) => {
                let (store, exec) = (self.clone(), self.0.exec.clone());
                self.0.exec.spawn(BACKEND, async move {
                    exec.sleep(delay).await;
                    effect(&store);
                });
                failed()
            }
        }
    }

    fn put(&self, key: &str, value: Option<Vec<u8>>) {
        let mut data = self.0.data.borrow_mut();
        let old = match &value {
            Some(value) => data.insert(key.to_owned(), value.clone()),
            None => data.remove(key),
        };
        self.0.checks.borrow_mut().written(&data, key, old.as_deref(), value.as_deref());
    }

    fn counter(&self, key: &str) -> u64 {
        let data = self.0.data.borrow();
        data.get(key).map_or(0, |bytes| match self.0.backend {
            Backend::Sqlite => u64::from_le_bytes(bytes[..].try_into().expect("a counter has eight bytes")),
            _ => std::str::from_utf8(bytes).ok().and_then(|text| text.parse().ok()).expect("a counter is decimal"),
        })
    }
}

impl Store for SimStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match self.begin().await {
            Fate::Fine => {
                let value = self.peek(key);
                self.pass_time().await;
                Ok(value)
            }
            _ => Err(StoreError("injected".into())),
        }
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        let key = key.to_owned();
        self.write(move |store| store.put(&key, Some(value.clone()))).await
    }

    async fn set_many(&self, entries: Vec<(String, Vec<u8>)>) -> Result<(), StoreError> {
        if self.0.backend == Backend::OneByOne {
            for (key, value) in entries {
                self.set(&key, value).await?;
            }
            return Ok(());
        }
        self.write(move |store| {
            for (key, value) in &entries {
                store.put(key, Some(value.clone()));
            }
        })
        .await
    }

    async fn delete_many(&self, keys: Vec<String>) -> Result<(), StoreError> {
        for key in keys {
            self.write(move |store| store.put(&key, None)).await?;
        }
        Ok(())
    }

    async fn increment(&self, key: &str) -> Result<u64, StoreError> {
        let key = key.to_owned();
        self.write(move |store| {
            let next = store.counter(&key) + 1;
            let bytes = match store.0.backend {
                Backend::Sqlite => next.to_le_bytes().to_vec(),
                _ => next.to_string().into_bytes(),
            };
            store.put(&key, Some(bytes));
            next
        })
        .await
    }

    async fn swap(&self, key: &str, expected: &[u8], new: Vec<u8>) -> Result<Swap, StoreError> {
        let Fate::Fine = self.begin().await else { return Err(StoreError("injected".into())) };
        if self.peek(key).as_deref() != Some(expected) {
            return Ok(Swap::NotSent);
        }
        self.pass_time().await;
        let (key, expected) = (key.to_owned(), expected.to_vec());
        self.write(move |store| {
            if store.peek(&key).as_ref() == Some(&expected) {
                store.put(&key, Some(new.clone()));
            }
        })
        .await
        .map(|()| Swap::Sent)
    }
}
