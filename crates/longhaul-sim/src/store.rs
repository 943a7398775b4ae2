//! An in-memory key-value store that does what real backends do.
//!
//! Every operation takes a while, so that the others come in between; a compare-and-swap is a read and a conditional
//! write with time between them. Operations may fail before or after they took effect, and the effect may come late.

use std::cell::{Cell, RefCell, RefMut};
use std::collections::BTreeMap;
use std::rc::Rc;

use futures::channel::oneshot;
use longhaul::{Store, StoreError, Swapped};

use crate::checks::Checks;
use crate::exec::{Exec, Process};
use crate::faults::{Fate, Faults};
use crate::focus::{Kind, Op, Side};
use crate::process::{BACKEND, Processes};
use crate::story::tell;

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

struct Shared {
    exec: Exec,
    processes: Processes,
    faults: Faults,
    backend: Backend,
    data: RefCell<BTreeMap<String, Vec<u8>>>,
    checks: RefCell<Checks>,
    operations: Cell<u64>,
    /// Who wants to know when the scheduler is about to publish that it rests.
    lurking: RefCell<Vec<oneshot::Sender<()>>>,
}

/// The store, as one process uses it. Clones are the same store.
#[derive(Clone)]
pub struct SimStore {
    shared: Rc<Shared>,
    process: Process,
}

impl SimStore {
    /// An empty store, as the backend sees it.
    pub fn new(exec: &Exec, processes: &Processes, faults: Faults, backend: Backend, checks: Checks) -> Self {
        let shared = Shared {
            exec: exec.clone(),
            processes: processes.clone(),
            faults,
            backend,
            data: RefCell::default(),
            checks: RefCell::new(checks),
            operations: Cell::new(0),
            lurking: RefCell::default(),
        };
        Self { shared: Rc::new(shared), process: BACKEND }
    }

    /// The same store, used by `process`.
    pub fn used_by(&self, process: Process) -> Self {
        Self { shared: self.shared.clone(), process }
    }

    /// How many operations there were.
    pub fn operations(&self) -> u64 {
        self.shared.operations.get()
    }

    /// Looks at a value, outside of the simulation's time.
    pub fn peek(&self, key: &str) -> Option<Vec<u8>> {
        self.shared.data.borrow().get(key).cloned()
    }

    /// The invariants that watch the store.
    pub fn checks(&self) -> RefMut<'_, Checks> {
        self.shared.checks.borrow_mut()
    }

    /// Holds the invariants against the store as it is.
    pub fn check(&self, check: impl FnOnce(&mut Checks, &BTreeMap<String, Vec<u8>>)) {
        check(&mut self.shared.checks.borrow_mut(), &self.shared.data.borrow());
    }

    /// Waits until a scheduler is about to publish that it rests: the worst moment to come.
    pub async fn scheduler_is_about_to_rest(&self) {
        let (sender, told) = oneshot::channel();
        self.shared.lurking.borrow_mut().push(sender);
        let _ = told.await;
    }

    async fn begin(&self, op: Op, key: &str) -> Fate {
        let Shared { operations, faults, .. } = &*self.shared;
        operations.set(operations.get() + 1);
        faults.stop(self.process, op, Kind::of(key), Side::Before).await;
        faults.pass_time().await;
        let fate = faults.fate(op);
        if fate != Fate::Fine {
            self.note(|| format!("{op:?} {key}: {fate:?}"));
        }
        fate
    }

    async fn end(&self, op: Op, key: &str) {
        self.shared.faults.stop(self.process, op, Kind::of(key), Side::After).await;
        self.shared.faults.pass_time().await;
    }

    fn note(&self, what: impl FnOnce() -> String) {
        self.shared.processes.note(self.process, what);
    }

    /// Lets `effect` happen as fate has it.
    async fn write<R>(
        &self,
        op: Op,
        key: &str,
        effect: impl Fn(&Self) -> R + 'static,
    ) -> Result<R, StoreError> {
        let failed = || Err(StoreError("injected".into()));
        match self.begin(op, key).await {
            Fate::Fine => {
                let answer = effect(self);
                self.end(op, key).await;
                Ok(answer)
            }
            Fate::FailsBefore => failed(),
            Fate::FailsAfter => {
                effect(self);
                self.end(op, key).await;
                failed()
            }
            Fate::Late(delay) => {
                let (store, exec) = (self.used_by(BACKEND), self.shared.exec.clone());
                self.shared.exec.spawn(BACKEND, async move {
                    exec.sleep(delay).await;
                    effect(&store);
                });
                failed()
            }
        }
    }

    fn put(&self, key: &str, value: Option<Vec<u8>>) {
        self.note(|| tell(key, value.as_deref()));
        let mut data = self.shared.data.borrow_mut();
        let old = match &value {
            Some(value) => data.insert(key.to_owned(), value.clone()),
            None => data.remove(key),
        };
        self.shared.checks.borrow_mut().written(&data, key, old.as_deref(), value.as_deref());
    }

    fn counter(&self, key: &str) -> u64 {
        let data = self.shared.data.borrow();
        data.get(key).map_or(0, |bytes| match self.shared.backend {
            Backend::Sqlite => u64::from_le_bytes(bytes[..].try_into().expect("a counter has eight bytes")),
            _ => std::str::from_utf8(bytes)
                .ok()
                .and_then(|text| text.parse().ok())
                .expect("a counter is decimal"),
        })
    }
}

impl Store for SimStore {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        match self.begin(Op::Get, key).await {
            Fate::Fine => {
                let value = self.peek(key);
                self.end(Op::Get, key).await;
                Ok(value)
            }
            _ => Err(StoreError("injected".into())),
        }
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        let name = key.to_owned();
        self.write(Op::Set, key, move |store| store.put(&name, Some(value.clone()))).await
    }

    async fn set_many(&self, entries: Vec<(String, Vec<u8>)>) -> Result<(), StoreError> {
        if self.shared.backend == Backend::OneByOne {
            for (key, value) in entries {
                self.set(&key, value).await?;
            }
            return Ok(());
        }
        let Some(last) = entries.last().map(|(key, _)| key.clone()) else { return Ok(()) };
        self.write(Op::Set, &last, move |store| {
            for (key, value) in &entries {
                store.put(key, Some(value.clone()));
            }
        })
        .await
    }

    async fn delete_many(&self, keys: Vec<String>) -> Result<(), StoreError> {
        for key in keys {
            let name = key.clone();
            self.write(Op::Delete, &key, move |store| store.put(&name, None)).await?;
        }
        Ok(())
    }

    async fn increment(&self, key: &str) -> Result<u64, StoreError> {
        let name = key.to_owned();
        self.write(Op::Increment, key, move |store| {
            let next = store.counter(&name) + 1;
            let bytes = match store.shared.backend {
                Backend::Sqlite => next.to_le_bytes().to_vec(),
                _ => next.to_string().into_bytes(),
            };
            store.put(&name, Some(bytes));
            next
        })
        .await
    }

    async fn swap(&self, key: &str, expected: &[u8], new: Vec<u8>) -> Result<Swapped, StoreError> {
        if Kind::of(key) == Kind::Scheduler && String::from_utf8_lossy(&new).contains("\"lease\":null") {
            self.shared.lurking.borrow_mut().drain(..).for_each(|lurker| {
                let _ = lurker.send(());
            });
        }
        let Fate::Fine = self.begin(Op::Get, key).await else { return Err(StoreError("injected".into())) };
        if self.peek(key).as_deref() != Some(expected) {
            return Ok(Swapped::Unknown);
        }
        self.shared.faults.pass_time().await;
        let (name, expected) = (key.to_owned(), expected.to_vec());
        self.write(Op::Swap, key, move |store| {
            if store.peek(&name).as_ref() != Some(&expected) {
                store.note(|| format!("swap {name}: no effect"));
                return Swapped::Unknown;
            }
            store.put(&name, Some(new.clone()));
            match store.shared.backend {
                // It reports a failure whatever happened.
                Backend::Redis => Swapped::Unknown,
                Backend::Sqlite | Backend::OneByOne => Swapped::Done,
            }
        })
        .await
    }
}
