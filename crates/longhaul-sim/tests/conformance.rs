//! The simulator's stores do what the engine asks of any, while nothing fails: in each of their modes.

use std::cell::RefCell;
use std::rc::Rc;
use std::time::Duration;

use longhaul::{Swapped, conformance};
use longhaul_sim::checks::Checks;
use longhaul_sim::exec::Exec;
use longhaul_sim::faults::Faults;
use longhaul_sim::process::{CLIENTS, Processes};
use longhaul_sim::store::{Backend, SimStore};
use longhaul_sim::trace::Trace;
use longhaul_sim::weather::Weather;

#[test]
fn the_simulated_stores_conform_in_every_mode_also_when_their_swaps_lie() {
    for (seed, backend) in (0..).zip(Backend::ALL) {
        for lying in [0.0, 0.9] {
            let exec = Exec::new(seed);
            let trace = Trace::default();
            let processes = Processes::new(&exec, &trace, false);
            let weather = Rc::new(RefCell::new(Weather { lying, ..Weather::NONE }));
            let faults = Faults::new(&exec, &processes, &weather, Duration::from_secs(1));
            let store = SimStore::new(&exec, &processes, faults, backend, Checks::new(&trace));
            let found = Rc::new(RefCell::new(None));
            let (store, answer) = (store.used_by(CLIENTS[0]), found.clone());
            exec.spawn(CLIENTS[0], async move {
                answer.replace(Some(conformance::check(&Tolerant(store), "count").await));
            });
            assert!(exec.run_until(Duration::from_secs(3600), || found.borrow().is_some()));
            assert_eq!(found.take(), Some(vec![]), "{backend:?}, lying {lying}");
        }
    }
}

/// What a swap says about its failure is no matter: the engine believes only what it reads.
struct Tolerant(SimStore);

impl longhaul::Store for Tolerant {
    async fn get(&self, key: &str) -> Result<Option<Vec<u8>>, longhaul::StoreError> {
        self.0.get(key).await
    }

    async fn set(&self, key: &str, value: Vec<u8>) -> Result<(), longhaul::StoreError> {
        self.0.set(key, value).await
    }

    async fn set_many(&self, entries: Vec<(String, Vec<u8>)>) -> Result<(), longhaul::StoreError> {
        self.0.set_many(entries).await
    }

    async fn delete_many(&self, keys: Vec<String>) -> Result<(), longhaul::StoreError> {
        self.0.delete_many(keys).await
    }

    async fn increment(&self, key: &str) -> Result<u64, longhaul::StoreError> {
        self.0.increment(key).await
    }

    async fn swap(&self, key: &str, expected: &[u8], new: Vec<u8>) -> Result<Swapped, longhaul::StoreError> {
        // The failures are injected.
        Ok(self.0.swap(key, expected, new).await.unwrap_or(Swapped::Unknown))
    }
}
