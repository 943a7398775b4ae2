//! The store in memory does what the engine asks of any, and the suite that says so finds stores that do not.

use futures::executor::block_on;
use longhaul::memory::MemoryPlatform;
use longhaul::{Store, StoreError, Swapped, conformance};

#[test]
fn the_store_in_memory_conforms() {
    assert_eq!(block_on(conformance::check(&MemoryPlatform::new(), "test")), []);
}

/// A store with one fault.
struct Faulty(MemoryPlatform, Fault);

#[derive(Debug, Clone, Copy, PartialEq)]
enum Fault {
    SwapsBlindly,
    NeverSwaps,
    VouchesForEverySwap,
    CountsFromZero,
    ForgetsToDelete,
    KeysIgnoreCase,
    LosesTheFirstOfMany,
}

impl Faulty {
    fn key(&self, key: &str) -> String {
        if self.1 == Fault::KeysIgnoreCase { key.to_lowercase() } else { key.to_owned() }
    }
}

impl Store for Faulty {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(&self.key(key)).await
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), StoreError> {
        self.0.set(&self.key(key), value).await
    }

    async fn set_many(&self, mut entries: Vec<(String, Vec<u8>)>) -> Result<(), StoreError> {
        if self.1 == Fault::LosesTheFirstOfMany && !entries.is_empty() {
            entries.remove(0);
            entries.pop();
        }
        self.0.set_many(entries).await
    }

    async fn delete_many(&self, mut keys: Vec<String>) -> Result<(), StoreError> {
        if self.1 == Fault::ForgetsToDelete {
            keys.clear();
        }
        self.0.delete_many(keys).await
    }

    async fn increment(&self, key: &str) -> Result<u64, StoreError> {
        let next = self.0.increment(key).await?;
        Ok(if self.1 == Fault::CountsFromZero { next - 1 } else { next })
    }

    async fn swap(&self, key: &str, expected: &[u8], new: Vec<u8>) -> Result<Swapped, StoreError> {
        match self.1 {
            Fault::SwapsBlindly => self.0.set(key, new).await.map(|()| Swapped::Unknown),
            Fault::NeverSwaps => Ok(Swapped::Unknown),
            Fault::VouchesForEverySwap => self.0.swap(key, expected, new).await.map(|_| Swapped::Done),
            _ => self.0.swap(key, expected, new).await,
        }
    }
}

#[test]
fn each_fault_is_found() {
    for (fault, check) in [
        (Fault::SwapsBlindly, "a swap replaces exactly the expected value"),
        (Fault::NeverSwaps, "a swap replaces exactly the expected value"),
        (Fault::VouchesForEverySwap, "a swap replaces exactly the expected value"),
        (Fault::CountsFromZero, "a counter begins at 1"),
        (Fault::ForgetsToDelete, "what is deleted is gone"),
        (Fault::KeysIgnoreCase, "keys of any form are different keys"),
        (Fault::LosesTheFirstOfMany, "several values are written at once"),
    ] {
        let found = block_on(conformance::check(&Faulty(MemoryPlatform::new(), fault), "test"));
        assert!(found.iter().any(|each| each.check.starts_with(check)), "{fault:?}: {found:?}");
    }
}
