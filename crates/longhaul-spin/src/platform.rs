//! The engine's surroundings in a component.

use std::time::{Duration, Instant};

use jiff::Timestamp;
use longhaul::{Platform, StoreError};

use crate::store::SpinStore;

/// A store, the host's clocks and its random numbers.
pub struct SpinPlatform {
    store: SpinStore,
    started: Instant,
}

impl SpinPlatform {
    /// The platform whose task hub is in the store `label`.
    ///
    /// # Errors
    /// When the store does not open.
    pub async fn open(label: &str) -> Result<Self, StoreError> {
        Ok(Self { store: SpinStore::open(label).await?, started: Instant::now() })
    }
}

impl Platform for SpinPlatform {
    type Store = SpinStore;

    fn store(&self) -> &SpinStore {
        &self.store
    }

    fn now(&self) -> Timestamp {
        Timestamp::now()
    }

    fn monotonic(&self) -> Duration {
        self.started.elapsed()
    }

    async fn sleep(&self, duration: Duration) {
        spin_sdk::time::sleep(duration).await;
    }

    fn random(&self) -> [u8; 16] {
        random_bytes()
    }
}

pub(crate) fn random_bytes<const N: usize>() -> [u8; N] {
    let mut bytes = [0; N];
    getrandom::fill(&mut bytes).expect("the host gives random numbers");
    bytes
}
