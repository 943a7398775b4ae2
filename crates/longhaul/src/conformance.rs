//! What every store must do, as tests that any store can be put to: those in memory, the simulator's, and a host's own
//! through a component.
//!
//! Each check works on keys of its own below a prefix, so that the suite can be run on a store that holds other things,
//! and again.

use futures::future::try_join_all;

use crate::counter;
use crate::store::{Store, StoreError, Swapped};

/// A check that a store did not pass.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Nonconformity {
    /// What it was to do.
    pub check: &'static str,
    /// What it did instead.
    pub found: String,
}

impl std::fmt::Display for Nonconformity {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.check, self.found)
    }
}

/// Puts `store` to all checks, on keys that begin with `prefix`, and answers those that it did not pass. The prefix must
/// not have been used before.
pub async fn check<S: Store>(store: &S, prefix: &str) -> Vec<Nonconformity> {
    let suite = Suite { store, prefix };
    let mut found = Vec::new();
    let mut note = |check: &'static str, result: Result<(), String>| {
        if let Err(what) = result {
            found.push(Nonconformity { check, found: what });
        }
    };
    note("a value is read back as it was written, byte for byte", suite.values().await);
    note("keys of any form are different keys", suite.keys().await);
    note("several values are written at once, the last of one key counts", suite.many().await);
    note("what is deleted is gone, and what is not there can be deleted", suite.deletion().await);
    note("a counter begins at 1 and gives each number once, under contention too", suite.counters().await);
    note("a swap replaces exactly the expected value", suite.swaps().await);
    note("of many swaps of one value one takes effect", suite.contended_swaps().await);
    note("a swap of what was deleted meanwhile creates nothing", suite.swap_of_deleted().await);
    note("a counter can be swapped, and counts on from there", suite.swapped_counter().await);
    found
}

struct Suite<'a, S> {
    store: &'a S,
    prefix: &'a str,
}

fn failed(error: StoreError) -> String {
    error.to_string()
}

fn expect<T: PartialEq + std::fmt::Debug>(what: &str, found: T, wanted: T) -> Result<(), String> {
    match found == wanted {
        true => Ok(()),
        false => Err(format!("{what}: {found:?} instead of {wanted:?}")),
    }
}

impl<S: Store> Suite<'_, S> {
    fn key(&self, name: &str) -> String {
        format!("{}/{name}", self.prefix)
    }

    async fn get(&self, name: &str) -> Result<Option<Vec<u8>>, String> {
        self.store.get(&self.key(name)).await.map_err(failed)
    }

    async fn set(&self, name: &str, value: &[u8]) -> Result<(), String> {
        self.store.set(&self.key(name), value.to_vec()).await.map_err(failed)
    }

    /// Whether the store says for certain that it took effect.
    async fn swap(&self, name: &str, old: &[u8], new: &[u8]) -> Result<bool, String> {
        let swapped = self.store.swap(&self.key(name), old, new.to_vec()).await.map_err(failed)?;
        Ok(swapped == Swapped::Done)
    }

    async fn values(&self) -> Result<(), String> {
        expect("a key that was never written", self.get("value").await?, None)?;
        let all: Vec<u8> = (0..=255).collect();
        let long = vec![7; 1_000_000];
        for value in [&b""[..], b"x", &all, &long] {
            self.set("value", value).await?;
            let found = self.get("value").await?;
            if found.as_deref() != Some(value) {
                return Err(format!("a value of {} bytes is read back otherwise", value.len()));
            }
        }
        Ok(())
    }

    async fn keys(&self) -> Result<(), String> {
        let long = "k".repeat(700);
        let names = ["a", "A", "a/b", "a/b/", "a b", "a%2Fb", "ä", "a:0001.1", long.as_str()];
        for (number, name) in names.iter().enumerate() {
            self.set(name, &[number as u8]).await?;
        }
        for (number, name) in names.iter().enumerate() {
            expect(name, self.get(name).await?, Some(vec![number as u8]))?;
        }
        Ok(())
    }

    async fn many(&self) -> Result<(), String> {
        let entries = (0..100_u8).map(|number| (self.key(&format!("many/{}", number % 90)), vec![number]));
        self.store.set_many(entries.collect()).await.map_err(failed)?;
        for number in 0..90_u8 {
            let wanted = if number < 10 { number + 90 } else { number };
            let name = format!("many/{number}");
            expect(&name, self.get(&name).await?, Some(vec![wanted]))?;
        }
        self.store.set_many(Vec::new()).await.map_err(failed)
    }

    async fn deletion(&self) -> Result<(), String> {
        self.set("gone", b"1").await?;
        self.set("stays", b"2").await?;
        let keys = vec![self.key("gone"), self.key("never")];
        self.store.delete_many(keys.clone()).await.map_err(failed)?;
        self.store.delete_many(keys).await.map_err(failed)?;
        expect("gone", self.get("gone").await?, None)?;
        expect("stays", self.get("stays").await?, Some(b"2".to_vec()))
    }

    async fn counters(&self) -> Result<(), String> {
        let key = self.key("counter");
        expect("the first", self.store.increment(&key).await.map_err(failed)?, 1)?;
        let numbers = try_join_all((0..50).map(|_| self.store.increment(&key))).await.map_err(failed)?;
        let mut numbers: Vec<u64> = numbers;
        numbers.sort_unstable();
        let mut different = numbers.clone();
        different.dedup();
        expect("numbers that were given twice", numbers.len() - different.len(), 0)?;
        let value = self.get("counter").await?.ok_or("the counter is missing")?;
        let (last, _) = counter::read(&value).map_err(|error| error.to_string())?;
        match numbers.last() == Some(&last) {
            true => Ok(()),
            false => Err(format!("the counter holds {last}, the last number given is {:?}", numbers.last())),
        }
    }

    async fn swaps(&self) -> Result<(), String> {
        self.set("swap", b"one").await?;
        self.swap("swap", b"other", b"two").await?;
        expect("after a swap of another value", self.get("swap").await?, Some(b"one".to_vec()))?;
        self.swap("swap", b"one", b"two").await?;
        expect("after a swap of its value", self.get("swap").await?, Some(b"two".to_vec()))?;
        let done = self.swap("swap", b"one", b"three").await?;
        expect("after a swap of an earlier value", self.get("swap").await?, Some(b"two".to_vec()))?;
        match done {
            true => Err("a swap of an earlier value is said to have taken effect".into()),
            false => Ok(()),
        }
    }

    async fn contended_swaps(&self) -> Result<(), String> {
        for round in 0..5 {
            let name = format!("contended/{round}");
            self.set(&name, b"old").await?;
            let new: Vec<_> = (0..20).map(|number: u8| format!("new {number}")).collect();
            let done = try_join_all(new.iter().map(|new| self.swap(&name, b"old", new.as_bytes()))).await?;
            let found = self.get(&name).await?.ok_or("it is missing")?;
            if !new.iter().any(|new| new.as_bytes() == found) {
                return Err(format!("it holds {:?}", String::from_utf8_lossy(&found)));
            }
            let winners: Vec<_> =
                new.iter().zip(done).filter(|(_, done)| *done).map(|(new, _)| new).collect();
            if winners.len() > 1 || winners.iter().any(|winner| winner.as_bytes() != found) {
                let found = String::from_utf8_lossy(&found);
                return Err(format!(
                    "of these it is said that they took effect: {winners:?}; it holds {found:?}"
                ));
            }
            // None of the others takes effect later.
            self.swap(&name, &found, b"last").await?;
            expect("after another swap", self.get(&name).await?, Some(b"last".to_vec()))?;
        }
        Ok(())
    }

    async fn swap_of_deleted(&self) -> Result<(), String> {
        self.set("deleted", b"old").await?;
        self.store.delete_many(vec![self.key("deleted")]).await.map_err(failed)?;
        let done = self.swap("deleted", b"old", b"new").await?;
        expect("deleted", self.get("deleted").await?, None)?;
        match done {
            true => Err("a swap of what was deleted is said to have taken effect".into()),
            false => Ok(()),
        }
    }

    async fn swapped_counter(&self) -> Result<(), String> {
        let key = self.key("claim");
        self.store.increment(&key).await.map_err(failed)?;
        let value = self.get("claim").await?.ok_or("the counter is missing")?;
        let (count, encoding) = counter::read(&value).map_err(|error| error.to_string())?;
        let chosen = counter::write(7 << 32 | count, encoding);
        self.swap("claim", &value, &chosen).await?;
        expect("the next number", self.store.increment(&key).await.map_err(failed)?, (7 << 32) + 2)
    }
}
