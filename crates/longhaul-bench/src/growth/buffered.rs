//! A host's store, written to in large transactions: what the engine writes is gathered in memory first.

use std::cell::RefCell;
use std::collections::HashMap;

use longhaul::{Store, StoreError, Swapped};

/// The store, and what is not yet in it: values, or that they are gone.
pub struct Buffered {
    store: longhaul_kv::Store,
    gathered: RefCell<HashMap<String, Option<Vec<u8>>>>,
}

impl Buffered {
    pub fn new(store: longhaul_kv::Store) -> Self {
        Self { store, gathered: RefCell::default() }
    }

    /// Writes what was gathered, in one transaction for values and one for what is gone.
    pub async fn flush(&self) -> Result<(), StoreError> {
        let (mut values, mut gone) = (Vec::new(), Vec::new());
        for (key, value) in self.gathered.take() {
            match value {
                Some(value) => values.push((key, value)),
                None => gone.push(key),
            }
        }
        self.store.set_many(values).await.map_err(failed)?;
        self.store.delete_many(gone).await.map_err(failed)
    }
}

fn failed(error: longhaul_kv::Error) -> StoreError {
    StoreError(error.to_string())
}

impl Store for Buffered {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        if let Some(value) = self.gathered.borrow().get(key) {
            return Ok(value.clone());
        }
        self.store.get(key).await.map_err(failed)
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        self.gathered.borrow_mut().insert(key.to_owned(), Some(value));
        Ok(())
    }

    async fn set_many(&self, entries: Vec<(String, Vec<u8>)>) -> Result<(), StoreError> {
        let entries = entries.into_iter().map(|(key, value)| (key, Some(value)));
        self.gathered.borrow_mut().extend(entries);
        Ok(())
    }

    async fn delete_many(&self, keys: Vec<String>) -> Result<(), StoreError> {
        self.gathered.borrow_mut().extend(keys.into_iter().map(|key| (key, None)));
        Ok(())
    }

    async fn increment(&self, key: &str) -> Result<u64, StoreError> {
        let stored = self.get(key).await?.unwrap_or_else(|| vec![0; 8]);
        let counter = stored.try_into().map_err(|_| StoreError(format!("{key} is no counter")))?;
        let next = u64::from_le_bytes(counter) + 1;
        self.set(key, next.to_le_bytes().to_vec()).await?;
        Ok(next)
    }

    async fn swap(&self, key: &str, expected: &[u8], new: Vec<u8>) -> Result<Swapped, StoreError> {
        if self.get(key).await?.as_deref() != Some(expected) {
            return Ok(Swapped::Unknown);
        }
        self.set(key, new).await?;
        Ok(Swapped::Done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn what_is_gathered_is_seen_and_written_with_the_next_flush() {
        let store = longhaul_kv::Database::memory().store("default");
        store.set("old", b"1".to_vec()).await.unwrap();
        let buffered = Buffered::new(store.clone());
        buffered.set("new", b"2".to_vec()).await.unwrap();
        buffered.swap("new", b"0", b"3".to_vec()).await.unwrap();
        buffered.swap("old", b"1", b"4".to_vec()).await.unwrap();
        buffered.set_many(vec![("gone".into(), Vec::new())]).await.unwrap();
        buffered.delete_many(vec!["gone".into()]).await.unwrap();
        assert_eq!(buffered.increment("counter").await.unwrap(), 1);
        let expected = [("new", Some(b"2".to_vec())), ("old", Some(b"4".to_vec())), ("gone", None)];
        for (key, value) in &expected {
            assert_eq!(buffered.get(key).await.unwrap(), *value, "{key}");
        }
        assert_eq!(store.keys().await.unwrap(), ["old"], "nothing is written yet");
        buffered.flush().await.unwrap();
        for (key, value) in expected {
            assert_eq!(store.get(key).await.unwrap(), value, "{key}");
        }
        assert_eq!(buffered.increment("counter").await.unwrap(), 2, "it goes on with what is stored");
        assert_eq!(store.increment("counter", 1).await.unwrap(), 2, "as the host's own counters do");
    }
}
