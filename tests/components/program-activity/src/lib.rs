//! `POST /activities/{name}`: runs the activity functions of programs, and some more that only make sense where they
//! are really cancelled and really called again.

use std::time::Duration;

use longhaul::{ActivityContext, Failure, Store, StoreError};
use longhaul_program::Host;
use longhaul_spin::SpinStore;
use serde::Deserialize;

longhaul_spin::activity!(
    longhaul_program::activities(SpinHost).with("patient", patient).with("stumble", stumble)
);

#[derive(Clone)]
struct SpinHost;

impl Host for SpinHost {
    async fn sleep(&self, duration: Duration) {
        spin_sdk::time::sleep(duration).await;
    }

    async fn count(&self, key: &str) -> Result<u64, Failure> {
        let failed = |error: StoreError| Failure::new("StoreFailed", error.to_string());
        let store = SpinStore::open("default").await.map_err(failed)?;
        store.increment(&format!("program-counters/{key}")).await.map_err(failed)
    }

    async fn trap(&self) {
        panic!("trapped on demand");
    }
}

#[derive(Deserialize)]
struct Patient {
    ms: u64,
    key: String,
}

/// How often `patient` says how far it is.
const BEAT: Duration = Duration::from_millis(50);

/// `{"ms", "key"}`: takes its time, and shows the milliseconds that are left; gives the counter `key`. When nobody waits
/// for it any more, it counts that under `key` too, and ends.
async fn patient(context: ActivityContext, Patient { ms, key }: Patient) -> Result<u64, Failure> {
    let mut left = Duration::from_millis(ms);
    while !left.is_zero() {
        if let Err(cancelled) = context.progress(left.as_millis() as u64).await {
            SpinHost.count(&key).await?;
            return Err(cancelled);
        }
        SpinHost.sleep(BEAT.min(left)).await;
        left = left.saturating_sub(BEAT);
    }
    SpinHost.count(&key).await
}

#[derive(Deserialize)]
struct Stumble {
    key: String,
}

/// `{"key"}`: fails when the counter `key` is counted for the first time; else gives it.
async fn stumble(_: ActivityContext, Stumble { key }: Stumble) -> Result<u64, Failure> {
    match SpinHost.count(&key).await? {
        1 => Err(Failure::permanent("Stumbled", "stumbled over the first stone")),
        count => Ok(count),
    }
}
