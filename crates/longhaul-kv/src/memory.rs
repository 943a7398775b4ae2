//! The database in memory: for tests, and the plainest statement of what the operations mean.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::store::{Swap, add_to_counter};
use crate::{Error, Result};

type Values = BTreeMap<String, Vec<u8>>;

/// Values by label and key, behind one lock. `None` once closed.
pub(crate) struct Memory(Mutex<Option<HashMap<String, Values>>>);

impl Default for Memory {
    fn default() -> Self {
        Self(Mutex::new(Some(HashMap::new())))
    }
}

impl Memory {
    /// Runs `operation` on the values under `label`, alone.
    fn with<T>(&self, label: &str, operation: impl FnOnce(&mut Values) -> Result<T>) -> Result<T> {
        let mut labels = self.lock();
        let labels = labels.as_mut().ok_or(Error::Closed)?;
        if !labels.contains_key(label) {
            labels.insert(label.to_owned(), Values::new());
        }
        operation(labels.get_mut(label).expect("it was just put there"))
    }

    fn lock(&self) -> MutexGuard<'_, Option<HashMap<String, Values>>> {
        // No operation panics half-way through a change, so what a poisoned lock guards is whole.
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn get(&self, label: &str, key: &str) -> Result<Option<Vec<u8>>> {
        self.with(label, |values| Ok(values.get(key).cloned()))
    }

    pub(crate) fn exists(&self, label: &str, key: &str) -> Result<bool> {
        self.with(label, |values| Ok(values.contains_key(key)))
    }

    pub(crate) fn keys(&self, label: &str) -> Result<Vec<String>> {
        self.with(label, |values| Ok(values.keys().cloned().collect()))
    }

    pub(crate) fn get_many(&self, label: &str, keys: &[String]) -> Result<Vec<Option<Vec<u8>>>> {
        self.with(label, |values| Ok(keys.iter().map(|key| values.get(key).cloned()).collect()))
    }

    pub(crate) fn set_many(&self, label: &str, pairs: Vec<(String, Vec<u8>)>) -> Result<()> {
        self.with(label, |values| {
            values.extend(pairs);
            Ok(())
        })
    }

    pub(crate) fn delete_many(&self, label: &str, keys: Vec<String>) -> Result<()> {
        self.with(label, |values| {
            for key in &keys {
                values.remove(key);
            }
            Ok(())
        })
    }

    pub(crate) fn increment(&self, label: &str, key: &str, delta: i64) -> Result<i64> {
        self.with(label, |values| {
            let value = add_to_counter(key, values.get(key).map(Vec::as_slice), delta)?;
            values.insert(key.to_owned(), value.to_le_bytes().to_vec());
            Ok(value)
        })
    }

    pub(crate) fn compare_and_swap(
        &self,
        label: &str,
        key: &str,
        expected: Option<&[u8]>,
        new: Vec<u8>,
    ) -> Result<Swap> {
        self.with(label, |values| {
            let found = values.get(key);
            if found.map(Vec::as_slice) != expected {
                return Ok(Swap::Changed(found.cloned()));
            }
            values.insert(key.to_owned(), new);
            Ok(Swap::Done)
        })
    }

    pub(crate) fn close(&self) {
        *self.lock() = None;
    }
}
